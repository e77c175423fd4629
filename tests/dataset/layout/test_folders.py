"""A scan loses nothing silently and never takes junk for a class."""

import csv
import json
import os
import subprocess
from collections import Counter

import pytest
from helpers import HARD_NAMES, draw_toy
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.class_names import read_classes
from alexnet_cli.dataset.layout import file_names
from alexnet_cli.dataset.layout.folders import find_parts, scan
from alexnet_cli.errors import DatasetError, printable
from alexnet_cli.run.files import write_csv


def counts(found):
    """Images of each class."""
    numbers = Counter(found.labels)
    return {name: numbers[i] for i, name in enumerate(found.classes)}


def touch(*files):
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def test_classes_are_the_folders_in_order(toy):
    found = scan(toy)
    assert found.classes == ("blue", "green", "red")
    assert counts(found) == {"blue": 12, "green": 12, "red": 12}
    assert len(found.files) == 36 and found.notes == ()
    assert [x.parent.name for x in found.files] == [found.classes[i] for i in found.labels]


def test_chosen_classes_keep_their_order(toy):
    found = scan(toy, ("red", "blue"))
    assert found.classes == ("red", "blue")
    assert [x.parent.name for x in found.files] == ["red"] * 12 + ["blue"] * 12
    with pytest.raises(
        DatasetError, match=r"has no class folder 'gren'; did you mean 'green'\?$"
    ):
        scan(toy, ("gren",))
    with pytest.raises(DatasetError, match="has no class folder 'zebra'$"):
        scan(toy, ("zebra",))


def test_a_chosen_class_without_images_is_an_error(tmp_path):
    touch(tmp_path / "a" / "1.jpg")
    (tmp_path / "b").mkdir()
    with pytest.raises(DatasetError) as error:
        scan(tmp_path, ("a", "b"))
    expected = f"{tmp_path}: class 'b': no images in it; leave it out of --classes"
    assert str(error.value) == expected


def test_numbered_folders_are_ordinary_names(tmp_path):
    for name in ("001.ak47", "010.beer-mug", "002.american-flag"):
        touch(tmp_path / name / "001_0001.jpg")
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
    # A link to nothing among images is a bad image.
    assert counts(found) == {"blue": 2, "green": 2, "red": 3}
    assert "red/dangling.jpg" in found.relative()
    notes = "\n".join(found.notes)
    for part in (
        "left out: '.ipynb_checkpoints/', '__MACOSX/', 'red/.ipynb_checkpoints/': hidden, or a folder",
        "left out: 'empty/': no images in it; not a class",
        "left out: 'LICENSE.txt': beside the class folders, and not an image",
        "left out: 'red/labels.csv', 'red/notes.txt': not an image by its extension; rename to use",
        "left out: 'rot/': the same folder as red/", "'red/pipe.jpg': neither a file nor a folder",
        "left out: 'red/again.jpg', 'red/loop/': linked into the class twice, used once",
        "left out: 'red/.DS_Store', 'red/._a.jpg', 'red/Thumbs.db': hidden, or a file of the system",
    ):  # fmt: skip
        assert part in notes, part


def test_links_in_circles_end(tmp_path):
    touch(tmp_path / "a" / "deep" / "1.jpg", tmp_path / "b" / "2.jpg")
    (tmp_path / "a" / "deep" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "deep" / "self").symlink_to(tmp_path / "a" / "deep")
    (tmp_path / "a" / "other").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "top").symlink_to(tmp_path)
    found = scan(tmp_path)
    # What is linked from two classes is in both, as with hard links.
    assert found.relative() == ("a/deep/1.jpg", "a/other/2.jpg", "b/2.jpg")
    assert "left out: 'a/top/': a link in a circle" in found.notes


def test_links_to_themselves_are_broken(tmp_path):
    touch(tmp_path / "a" / "1.jpg")
    for place in (tmp_path, tmp_path / "a"):
        for name in ("loop", ".hidden", "loop.jpg"):
            (place / name).symlink_to(name)
    (tmp_path / "a" / "ping").symlink_to("pong")
    (tmp_path / "a" / "pong").symlink_to("ping")
    assert find_parts(tmp_path) == {}
    found = scan(tmp_path)
    # Among images they are bad ones: nothing is lost without a word.
    assert found.relative() == ("a/1.jpg", "a/loop", "a/loop.jpg", "a/ping", "a/pong")
    notes = "\n".join(found.notes)
    assert "'loop': a link to nothing, perhaps of a class folder; mend to use" in notes
    assert "'loop.jpg': beside the class folders; move into a class folder to use" in notes


@pytest.fixture
def nested(tmp_path):
    """A function that nests so many folders of a name in `tmp_path`/a, with an image in each.

    Made from within, because the path may be longer than the system takes.
    """
    (tmp_path / "a").mkdir()
    top = os.open(tmp_path / "a", os.O_RDONLY)
    opened = [top]

    def make(depth, name="d"):
        for _ in range(depth):
            above = opened.pop()
            os.mkdir(name, dir_fd=above)
            opened.append(os.open(name, os.O_RDONLY, dir_fd=above))
            os.close(above)
            os.close(os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=opened[-1]))

    yield make
    os.close(opened[-1])
    # Longer paths than the system takes: `shutil.rmtree` would need them too.
    subprocess.run(["rm", "-rf", tmp_path / "a"], check=True)


def test_folders_may_be_nested_deeper_than_calls(tmp_path, nested):
    nested(1300)
    found = scan(tmp_path)
    assert len(found.files) == 1300 and found.notes == ()
    assert max(len(x.parts) for x in found.files) > 1300


@pytest.mark.parametrize("name", ["d" * 255, "\N{TULIP}" * 63])
def test_a_path_longer_than_the_system_takes_is_one_line(tmp_path, nested, name):
    nested(20, name)
    with pytest.raises(DatasetError, match="File name too long$") as error:
        scan(tmp_path)
    assert "\n" not in str(error.value)


@given(st.sampled_from(sorted(file_names.NOT_IMAGES)), st.booleans())
def test_extensions_are_compared_without_case(tmp_path_factory, suffix, upper):
    folder = tmp_path_factory.mktemp("f")
    touch(folder / "a" / "1.jpg", folder / "a" / f"2{suffix.upper() if upper else suffix}")
    touch(folder / "a" / "noextension", folder / "a" / f"3{suffix}.png")
    assert [x.name for x in scan(folder).files] == [
        "1.jpg",
        f"3{suffix}.png",
        "noextension",
    ]


def test_folders_in_a_class_belong_to_it(tmp_path):
    touch(tmp_path / "a" / "deep" / "deeper" / "x.jpg")
    assert scan(tmp_path).relative() == ("a/deep/deeper/x.jpg",)


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda x: None, "does not exist"),
        (lambda x: x.write_text("x"), "is not a folder; give the folder of class folders"),
        (lambda x: x.mkdir(), "has no class folders with images"),
        (
            lambda x: (x / "empty").mkdir(parents=True),
            "has no class folders with images; left out: 'empty/': no images in it; not a class",
        ),
        (
            lambda x: touch(x / "a.jpg"),
            "has files but no class folders; put the images of each class into a folder of its own",
        ),
    ],
)
def test_what_is_not_a_data_set(tmp_path, make, message):
    make(tmp_path / "data")
    with pytest.raises(DatasetError) as error:
        scan(tmp_path / "data")
    assert str(error.value) == f"{tmp_path / 'data'} {message}"


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    touch(tmp_path / "a" / "1.jpg")

    def refuse(folder):
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError) as error:
        scan(tmp_path)
    assert str(error.value) == f"{tmp_path}: Permission denied"


def test_parts_are_known_by_their_names(tmp_path, toy):
    for name in ("Train", "valid", "test"):
        (tmp_path / name / "cat").mkdir(parents=True)
    (tmp_path / "__MACOSX").mkdir()
    touch(tmp_path / "README.md")
    parts = find_parts(tmp_path)
    assert {k: v.name for k, v in parts.items()} == {
        "train": "Train",
        "val": "valid",
        "test": "test",
    }
    assert find_parts(toy) == {}
    (tmp_path / "val" / "cat").mkdir(parents=True)
    with pytest.raises(DatasetError) as error:
        find_parts(tmp_path)
    message = (
        f"{tmp_path}: both 'val' and 'valid' could be the val part; rename one, "
        f"or name the folders with --train, --val and --test"
    )
    assert str(error.value) == message


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "bus"):
        touch(tmp_path / name / "1.jpg")
    assert find_parts(tmp_path) == {}
    (tmp_path / "bus").rename(tmp_path / "test")
    assert find_parts(tmp_path) == {}


def test_a_train_folder_alone_is_no_layout_of_parts(tmp_path):
    touch(tmp_path / "train" / "cat" / "1.jpg")
    assert find_parts(tmp_path) == {}
    touch(tmp_path / "val" / "cat" / "1.jpg")
    assert list(find_parts(tmp_path)) == ["train", "val"]


def test_classes_from_text_and_file(tmp_path):
    assert read_classes("roses,daisy") == ("roses", "daisy")
    assert read_classes(' "a, b" , c') == ('"a', 'b"', "c")
    assert read_classes('"a, b",c') == ("a, b", "c")
    (tmp_path / "c.txt").write_text("daisy\n\n roses \n")
    assert read_classes(f"@{tmp_path / 'c.txt'}") == ("daisy", "roses")


@pytest.mark.parametrize(
    "text,message",
    [
        ("a,b,a", "--classes: 'a' is listed twice"),
        (" , ", "--classes ' , ' lists no class names"),
        ("", "--classes '' lists no class names"),
        ("@nope.txt", "--classes: nope.txt: No such file or directory"),
        ("@.", "--classes: .: Is a directory"),
    ],
)
def test_lists_of_classes_that_cannot_be_used(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError) as error:
        read_classes(text)
    assert str(error.value) == message


def test_a_list_of_classes_is_utf_8(tmp_path):
    file = tmp_path / "c.txt"
    file.write_bytes("Löwenzahn\n".encode("latin-1"))
    with pytest.raises(DatasetError) as error:
        read_classes(f"@{file}")
    assert str(error.value) == f"--classes: {file} is not UTF-8 text"
    file.write_text("Löwenzahn\n", "utf-8")
    assert read_classes(f"@{file}") == ("Löwenzahn",)


def test_names_keep_their_bytes_through_csv_and_json(tmp_path):
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
