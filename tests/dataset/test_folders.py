"""A scan loses nothing silently and never takes junk for a class."""

import os

import pytest
from helpers import HARD_NAMES, draw_toy

from alexnet_cli.dataset.folders import find_parts, images_below, read_classes, scan
from alexnet_cli.errors import DatasetError, printable


def test_classes_are_the_folders_in_order(toy):
    found = scan(toy)
    assert found.classes == ("blue", "green", "red")
    assert found.counts() == {"blue": 12, "green": 12, "red": 12}
    assert len(found) == 36 and found.notes == ()
    assert [x.parent.name for x in found.files] == [found.classes[i] for i in found.labels]


def test_chosen_classes_keep_their_order(toy):
    assert scan(toy, ("red", "blue")).classes == ("red", "blue")
    with pytest.raises(DatasetError, match=r"'gren'; did you mean 'green'\?"):
        scan(toy, ("gren",))


def test_numbered_folders_are_ordinary_names(tmp_path):
    for name in ("001.ak47", "010.beer-mug", "002.american-flag"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "001_0001.jpg").write_bytes(b"x")
    assert scan(tmp_path).classes == ("001.ak47", "002.american-flag", "010.beer-mug")


def test_junk_is_noted_and_never_a_class(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    for name in ("__MACOSX", ".ipynb_checkpoints", "empty"):
        (data / name).mkdir()
    (data / "__MACOSX" / "a.jpg").write_bytes(b"x")
    (data / "LICENSE.txt").write_text("x")
    for name in ("Thumbs.db", ".DS_Store", "._a.jpg", "notes.txt", "labels.csv"):
        (data / "red" / name).write_text("x")
    (data / "red" / ".ipynb_checkpoints").mkdir()
    (data / "red" / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    (data / "red" / "again.jpg").symlink_to(data / "red" / "00.jpg")
    (data / "red" / "loop").symlink_to(data / "red")
    (data / "rot").symlink_to(data / "red")
    os.mkfifo(data / "red" / "pipe.jpg")
    found = scan(data)
    assert found.counts() == {"blue": 2, "green": 2, "red": 2}
    notes = "\n".join(found.notes)
    for part in (
        "__MACOSX/: hidden", ".ipynb_checkpoints/: hidden", "empty/: no images", "1 loose file",
        "red/notes.txt: not an image", "red/labels.csv: not", "dangling.jpg: link to nothing",
        "rot/: same folder as red/", "pipe.jpg: neither file", "same file as red/",
    ):  # fmt: skip
        assert part in notes, part


def test_folders_in_a_class_belong_to_it(tmp_path):
    (tmp_path / "a" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "deeper" / "x.jpg").write_bytes(b"x")
    assert scan(tmp_path).relative() == ("a/deep/deeper/x.jpg",)
    assert [x.name for x in images_below(tmp_path)] == ["x.jpg"]


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda x: None, "is not there"),
        (lambda x: x.write_text("x"), "is a file"),
        (lambda x: x.mkdir(), "no class folders"),
        (
            lambda x: (x.mkdir(), (x / "a.jpg").write_bytes(b"x")),
            "files but no class folders",
        ),
        (lambda x: (x / "empty").mkdir(parents=True), "no class folders with images"),
    ],
)
def test_what_is_no_data_set(tmp_path, make, message):
    make(tmp_path / "data")
    with pytest.raises(DatasetError, match=message):
        scan(tmp_path / "data")


def test_parts_are_known_by_their_names(tmp_path, toy):
    for name in ("Train", "valid", "test"):
        (tmp_path / name / "cat").mkdir(parents=True)
    parts = find_parts(tmp_path)
    assert {k: v.name for k, v in parts.items()} == {
        "train": "Train",
        "val": "valid",
        "test": "test",
    }
    assert find_parts(toy) == {}
    (tmp_path / "val").mkdir()
    with pytest.raises(DatasetError, match="rename one"):
        find_parts(tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "bus"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"x")
    assert find_parts(tmp_path) == {}
    (tmp_path / "bus").rename(tmp_path / "test")
    assert find_parts(tmp_path) == {}


def test_classes_from_text_and_file(tmp_path):
    assert read_classes("roses,daisy") == ("roses", "daisy")
    (tmp_path / "c.txt").write_text("daisy\n\nroses\n")
    assert read_classes(f"@{tmp_path / 'c.txt'}") == ("daisy", "roses")
    with pytest.raises(DatasetError, match="stands there 2 times"):
        read_classes("a,b,a")
    with pytest.raises(DatasetError, match="no name"):
        read_classes(" , ")
    with pytest.raises(DatasetError, match=r"nope\.txt"):
        read_classes("@nope.txt")


def test_names_keep_their_bytes_through_csv_and_json(tmp_path):
    import csv
    import json

    from alexnet_cli.run.files import write_csv

    folder = tmp_path / "data" / "class"
    folder.mkdir(parents=True)
    for name in HARD_NAMES:
        (folder / os.fsdecode(name)).write_bytes(b"x")
    found = scan(tmp_path / "data").relative()
    assert sorted(os.fsencode(x)[6:] for x in found) == sorted(HARD_NAMES)
    write_csv(tmp_path / "names.csv", ("file",), [[x] for x in found])
    with (tmp_path / "names.csv").open(
        encoding="utf-8", errors="surrogateescape", newline=""
    ) as x:
        rows = [row["file"] for row in csv.DictReader(x)]
    assert [os.fsencode(x) for x in rows] == [os.fsencode(x) for x in found]
    assert json.loads(json.dumps(found)) == list(found)
    for name in found:
        assert printable(name).isprintable()
