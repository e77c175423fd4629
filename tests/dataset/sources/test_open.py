"""What --data names is of one kind; class lists name numbers; the rest is one line."""

import pytest
from helpers import COLORS, draw_toy

from alexnet_cli.dataset.sources.kinds import READ, exists, is_archive, recorded_name
from alexnet_cli.dataset.sources.open import open_labeled, open_source, recorded_source
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.errors import DatasetError


def refused(path, text):
    for opener in (open_source, open_labeled):
        with pytest.raises(DatasetError) as caught:
            opener(path)
        assert str(caught.value) == f"{path}{text}"


@pytest.mark.parametrize(
    "name,text",
    [
        ("photos.7z", " is an archive of a kind that is not read; unpack it, or repack it as .zip or .tar.gz"),
        ("photos.RAR", " is an archive of a kind that is not read; unpack it, or repack it as .zip or .tar.gz"),
        ("photos.tar.zst", " is an archive of a kind that is not read; unpack it, or repack it as .zip or .tar.gz"),
        ("labels.xlsx", " is a table of a kind that is not read; save it as .csv, or as .jsonl with one JSON object per line"),
        ("labels.parquet", " is a table of a kind that is not read; save it as .csv, or as .jsonl with one JSON object per line"),
        ("coco.json", " is a table of a kind that is not read; save it as .csv, or as .jsonl with one JSON object per line"),
        ("a.jpg", f" is not a folder, and not of another kind that is read: {READ}"),
        ("model.keras", f" is not a folder, and not of another kind that is read: {READ}"),
    ],
)  # fmt: skip
def test_other_kinds_are_one_line(tmp_path, name, text):
    (tmp_path / name).write_bytes(b"x")
    refused(tmp_path / name, text)
    (tmp_path / name).unlink()
    refused(tmp_path / name, " does not exist")


def test_a_folder_called_like_a_file_is_a_folder(tmp_path):
    data = draw_toy(tmp_path / "photos.zip", each=2)
    assert open_source(data).classes == tuple(COLORS) and not is_archive(data)


def numbered(tmp_path, names=("0", "1", "2")):
    data = draw_toy(tmp_path / "d", each=2)
    for color, name in zip(COLORS, names, strict=True):
        (data / color).rename(data / name)
    return data


@pytest.mark.parametrize(
    "file,text",
    [
        ("classes.txt", "sky\ngrass\nrose\n"),
        ("labels.txt", "\ufeff0 sky\r\n1 grass\r\n2 rose\r\n"),
        ("classes.txt", "2: rose\n0: sky\n1: grass\n"),
        ("class_names.txt", "sky\n\ngrass\nrose"),
        ("classes.json", '["sky", "grass", "rose"]'),
        ("labels.json", '{"0": "sky", "1": "grass", "2": "rose"}'),
        ("classes.json", '{"sky": 0, "grass": 1, "rose": 2}'),
    ],
)
def test_folders_that_are_numbers_are_named_by_a_list_beside(tmp_path, file, text):
    data = numbered(tmp_path)
    assert open_source(data).classes == ("0", "1", "2")
    (data / file).write_text(text, "utf-8")
    source = open_source(data)
    assert source.classes == ("sky", "grass", "rose")
    assert source.notes[-1] == (
        f"labels are numbers, named by {file}: 0 is 'sky', 1 is 'grass', 2 is 'rose'"
    )
    assert [source.samples[i].name for i in (0, 2, 4)] == [
        "0/00.jpg",
        "1/00.jpg",
        "2/00.jpg",
    ]
    assert [x.label for x in source.samples] == [0, 0, 1, 1, 2, 2]
    chosen = open_source(data, ("rose", "sky"))
    assert chosen.classes == ("rose", "sky")
    assert {(x.name[0], x.label) for x in chosen.samples} == {("2", 0), ("0", 1)}
    assert open_labeled(data).classes == source.classes


def test_numbers_are_in_their_order_and_may_begin_at_1(tmp_path):
    data = numbered(tmp_path, ("1", "2", "10"))
    (data / "classes.txt").write_text("".join(f"n{i}\n" for i in range(1, 11)))
    assert open_source(data).classes == ("n1", "n2", "n10")
    (data / "classes.txt").write_text("".join(f"n{i}\n" for i in range(12)))
    assert open_source(data).classes == ("n1", "n2", "n10")


@pytest.mark.parametrize(
    "text,error",
    [
        ("sky\ngrass\n", "{file} names 2 classes, but there is a label 2; correct it, or give it another name"),
        ("sky\nsky\nrose\n", "{file} has a name or a number twice"),
        ("0 sky\n0 grass\n1 rose\n", "{file} has a name or a number twice"),
        (b"\xff\xfe\x00", "{file} is no list of class names: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)  # fmt: skip
def test_a_list_that_does_not_fit_is_refused(tmp_path, text, error):
    data = numbered(tmp_path)
    file = data / "classes.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError) as caught:
        open_source(data)
    assert str(caught.value) == error.format(file=file)


def test_a_list_beside_folders_with_names_is_not_used(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (data / "classes.txt").write_text("x\ny\n")
    assert open_source(data).classes == tuple(COLORS)
    assert open_source(data, ("red", "blue")).classes == ("red", "blue")


def test_a_test_set_may_have_one_class(tmp_path):
    data = draw_toy(tmp_path / "d", each=2)
    (tmp_path / "one.csv").write_text("file,label\nd/red/00.jpg,red\n")
    assert open_labeled(tmp_path / "one.csv").classes == ("red",)
    for name in ("blue", "green"):
        for file in (data / name).iterdir():
            file.unlink()
    assert open_labeled(data).classes == ("red",)


def test_what_a_run_records_is_found_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = draw_toy(tmp_path / "d", each=2)
    (tmp_path / "l.csv").write_text("file,label\nd/red/00.jpg,red\nd/blue/00.jpg,blue\n")
    from pathlib import Path

    assert recorded_name(Path("d")) == str(data)
    assert recorded_name(Path("tfds:beans")) == "tfds:beans"
    assert exists(Path("tfds:beans")) and exists(Path("d")) and not exists(Path("e"))
    for named, name in ((data, "red/00.jpg"), (tmp_path / "l.csv", "d/red/00.jpg")):
        sample = Sample(name, 0, "val")
        source = recorded_source(named, ("red",), [sample])
        assert source.samples == (sample,) and source.parts == ("val",)
        assert source.read(sample) == (data / "red" / "00.jpg").read_bytes()
