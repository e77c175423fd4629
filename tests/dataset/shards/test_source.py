"""Shards train as the folder does that they are made of; damage and strangers are one line."""

import csv
import dataclasses
import hashlib
import io
import json
import os
import shutil
from zlib import crc32

import numpy as np
import pytest
from helpers import draw_toy
from PIL import Image

from alexnet_cli.dataset.prepare import prepare, refuse_overlap
from alexnet_cli.dataset.recorded import prepare_recorded, recorded_images
from alexnet_cli.dataset.shards import finishing
from alexnet_cli.dataset.shards.plan import Plan, PrepareOptions
from alexnet_cli.dataset.shards.writing import write_shards
from alexnet_cli.dataset.sources.open import open_labeled, open_source
from alexnet_cli.errors import DatasetError
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36, resize="crop")


def shards(data, out, encoding="raw", recipe=RECIPE, **options):
    fields = {"images_per_shard": 10, **options}
    kept = PrepareOptions(out, preprocess_of(recipe), encoding, **fields)
    write_shards(Plan(open_source(data), kept))
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Toy images with bad ones, copies, near copies, and a dim one."""
    data = draw_toy(tmp_path_factory.mktemp("folder") / "data", each=14)
    (data / "green" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (data / "red" / "empty.png").write_bytes(b"")
    shutil.copyfile(data / "red" / "00.jpg", data / "red" / "copy.jpg")
    with Image.open(data / "blue" / "01.png") as image:
        image.save(data / "blue" / "near.jpg", quality=80)
    dim = np.full((50, 50), 300, np.uint16)
    dim[:25] = np.arange(50)
    Image.fromarray(dim).save(data / "blue" / "dim.png")
    return data


@pytest.fixture(scope="module")
def raw(folder, tmp_path_factory):
    return shards(folder, tmp_path_factory.mktemp("raw") / "shards")


def same(one, other):
    for field in ("split", "bad", "shared", "names", "kept.classes", "kept.dropped", "dim"):
        values = [one, other]
        for name in field.split("."):
            values = [getattr(x, name) for x in values]
        assert values[0] == values[1], field
    for a, b in ((one.training, other.training), (one.validation, other.validation)):
        np.testing.assert_array_equal(a.rows, b.rows)
        np.testing.assert_array_equal(a.labels, b.labels)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"seed": 7}, {"val_fraction": 0.4}, {"test_fraction": 0.2}, {"fraction": 0.5},
        {"folds": 3, "fold": 2}, {"group_near": False}, {"drop_small_classes": 3},
        {"cache": "none"}, {"cache": "disk"}, {"cache": "ram"},
    ],
    ids=str,
)  # fmt: skip
def test_examples_are_those_of_the_folder(folder, raw, changes):
    recipe = RECIPE.changed(**changes)
    one, other = (prepare(open_source(x), recipe) for x in (folder, raw))
    same(one, other)
    assert len(one.bad) == 2 or "fraction" in changes
    assert one.dim == other.dim == (300,) or changes
    for a, b in ((one.training, other.training), (one.validation, other.validation)):
        np.testing.assert_array_equal(a.pixels(a.rows), b.pixels(b.rows))
    np.testing.assert_array_equal(one.images.prints, other.images.prints)


def test_a_jpeg_moves_pixels_by_little(folder, tmp_path):
    one = prepare(open_source(folder), RECIPE)
    other = prepare(open_source(shards(folder, tmp_path / "out", "jpeg")), RECIPE)
    same(one, other)
    rows = np.concatenate([one.training.rows, one.validation.rows])
    moved = one.training.pixels(rows).astype(int) - other.training.pixels(rows)
    assert 0 < np.sqrt((moved**2).mean()) < 4  # of noise


@pytest.mark.parametrize("classes", [("green", "blue"), ("red", "green")])
def test_classes_can_be_chosen_and_ordered(folder, raw, classes):
    one, other = (prepare(open_source(x, classes), RECIPE) for x in (folder, raw))
    same(one, other)


def test_a_class_that_is_not_there_is_named(raw):
    with pytest.raises(DatasetError, match=r"has no class 'gren'; did you mean 'green'"):
        open_source(raw, ("gren", "red"))


def test_parts_stay_parts(tmp_path):
    data = tmp_path / "data"
    for i, part in enumerate(("train", "val", "test")):
        draw_toy(data / part, each=3, seed=i)
    one = open_source(data)
    other = open_source(shards(data, tmp_path / "out"))
    assert one.parts == other.parts == ("train", "val", "test")
    for part in one.parts:
        assert one.counts(part) == other.counts(part) == [3, 3, 3]
    same(prepare(one, RECIPE), prepare(other, RECIPE))


def test_a_resumed_training_finds_its_images(folder, raw):
    first = prepare(open_source(folder), RECIPE)
    rows = [
        {"file": x.file, "class": x.label, "split": x.part, "sha256": x.sha256}
        for x in first.split
    ]
    classes = first.kept.classes
    source = recorded_images(raw, classes, rows)
    training, validation, changes = prepare_recorded(source, rows, RECIPE, lambda *_: None)
    assert changes == []
    np.testing.assert_array_equal(
        training.pixels(training.rows), first.training.pixels(first.training.rows)
    )
    assert len(validation) == len(first.validation)
    rows[0]["file"], rows[1]["sha256"] = "red/gone.jpg", "0" * 64
    source = recorded_images(raw, classes, rows)
    _, _, changes = prepare_recorded(source, rows, RECIPE, lambda *_: None)
    assert changes == [
        "red/gone.jpg is not in the shards",
        f"{rows[1]['file']} has other content",
    ]


def test_images_of_a_test_set_are_found_in_them_and_the_other_way_round(
    raw, folder, toy, tmp_path
):
    other = shards(draw_toy(tmp_path / "other", each=4, seed=9), tmp_path / "shards")
    mine, same_images, others = (
        prepare(open_source(x), RECIPE) for x in (raw, folder, other)
    )
    refuse_overlap(mine, other)
    refuse_overlap(others, raw)
    for data, against in ((mine, folder), (same_images, raw)):
        with pytest.raises(
            DatasetError, match="are also, or almost, trained on or validated on"
        ):
            refuse_overlap(data, against)


@pytest.mark.parametrize(
    "fields",
    [{"size": 40}, {"resize": "squash"}, {"white_level": "4095"}, {"max_megapixels": 1.0}],
)
def test_other_preprocessing_is_refused(raw, fields):
    with pytest.raises(DatasetError, match=r"was prepared with --size 36 --resize crop"):
        prepare(open_source(raw), RECIPE.changed(**fields))


def test_that_none_were_compared_is_known(folder, tmp_path, monkeypatch):
    out = shards(folder, tmp_path / "out", group_near=False)
    near = prepare(open_source(out), RECIPE).near
    assert near.compared == 0 < near.count
    monkeypatch.setattr("alexnet_cli.dataset.near_duplicates.search.MOST_SEARCHED", 10)
    same(prepare(open_source(folder), RECIPE), prepare(open_source(out), RECIPE))


def test_of_too_many_no_fingerprint_is_read_again(folder, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(finishing, "MOST_SEARCHED", 10)
    monkeypatch.setattr(finishing, "image_set", never)
    out = shards(folder, tmp_path / "out")
    near = prepare(open_source(out), RECIPE).near
    assert near.compared == 0 < near.count


def copied(raw, tmp_path):
    return shutil.copytree(raw, tmp_path / "copy")


def rewritten(folder, row, **cells):
    """samples.csv with other values in a row, which its index agrees with."""
    lines = list(csv.reader(io.StringIO((folder / "samples.csv").read_text(), newline="")))
    if row is not None:
        for name, value in cells.items():
            lines[row][lines[0].index(name)] = value
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    data = out.getvalue().encode()
    (folder / "samples.csv").write_bytes(data)
    index = json.loads((folder / "shards.json").read_text())
    index["samples"].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (folder / "shards.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "cells",
    [
        {"shard": "99"}, {"shard": "-1"}, {"shard": "x"}, {"shard": "1e3"}, {"offset": "-1"},
        {"offset": "999999999"}, {"size": "999999999"}, {"size": "0"}, {"size": "9" * 30},
        {"offset": "9" * 5000}, {"class": "cats"}, {"split": "../val"}, {"sha256": "0"},
        {"reason": "is bad"}, {"crc32": ""}, {"gray": "yes"}, {"width": str(2**60)},
    ],
    ids=str,
)  # fmt: skip
def test_a_table_that_cannot_be_is_one_line(raw, tmp_path, cells):
    folder = copied(raw, tmp_path)
    rewritten(folder, 3, **cells)
    with pytest.raises(DatasetError, match=r"samples.csv is damaged: ") as caught:
        open_source(folder)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "content",
    [
        b"", b"file,class\r\n", b"\xff\xfe\0\0" * 50, b'"' * 9999, b"a,b\r\n" * 50,
    ],
    ids=range(5),
)  # fmt: skip
def test_a_table_of_something_else_is_one_line(raw, tmp_path, content):
    folder = copied(raw, tmp_path)
    (folder / "samples.csv").write_bytes(content)
    with pytest.raises(DatasetError, match="samples.csv is damaged: it has"):
        open_source(folder)
    index = json.loads((folder / "shards.json").read_text())
    index["samples"].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    (folder / "shards.json").write_text(json.dumps(index))
    with pytest.raises(DatasetError, match="samples.csv is damaged: "):
        open_source(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shards", [{"file": "../../etc/passwd", "bytes": 1, "sha256": "0" * 64, "images": 1}]),
        ("shards", [{"file": "/000001.tar", "bytes": 1, "sha256": "0" * 64, "images": 1}]),
        ("shards", [{"file": "000001.tar\n", "bytes": 1, "sha256": "0" * 64, "images": 1}]),
        ("shards", [{"file": "000000.tar", "bytes": -1, "sha256": "0" * 64, "images": 1}]),
        ("shards", [{"file": "000000.tar", "bytes": 10**30, "sha256": "0" * 64, "images": 1}]),
        ("shards", {}), ("shards", []), ("classes", []), ("classes", ["red"]),
        ("classes", ["red", "red", "green", "blue"]), ("classes", ["red\0", "green", "blue"]),
        ("classes", "red"), ("parts", []), ("parts", ["train", "all"]), ("parts", None),
        ("samples", {"bytes": 5, "sha256": "0" * 64, "rows": 10**9}), ("samples", None),
        ("kept", {"resize": "stretch", "size": 36, "max_pixels": 1}), ("format", "1"),
        ("kept", {"resize": "crop", "size": 10**9, "max_pixels": 1}), ("near", 5), ("notes", [5]),
        ("encoding", "gif"), ("plan", ""), ("quality", 101),
    ],
)  # fmt: skip
def test_an_index_that_cannot_be_is_one_line(raw, tmp_path, key, value):
    folder = copied(raw, tmp_path)
    index = json.loads((folder / "shards.json").read_text())
    (folder / "shards.json").write_text(json.dumps({**index, key: value}))
    with pytest.raises(DatasetError, match=r"(shards.json|samples.csv) is damaged: "):
        open_source(folder)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": NaN}', b"5"],
)
def test_an_index_that_is_none_is_one_line(raw, tmp_path, text):
    folder = copied(raw, tmp_path)
    (folder / "shards.json").write_bytes(text)
    with pytest.raises(DatasetError, match=r"shards.json is damaged: "):
        open_source(folder)


def test_a_later_index_says_so(raw, tmp_path):
    folder = copied(raw, tmp_path)
    (folder / "shards.json").write_text('{"format": 2}')
    with pytest.raises(
        DatasetError, match="was written by a later version; update alexnet"
    ):
        open_source(folder)


def test_a_pipe_is_not_waited_for(raw, tmp_path):
    for name in ("shards.json", "samples.csv", "000002.tar"):
        folder = copied(raw, tmp_path / name)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(DatasetError):
            open_source(folder)


@pytest.mark.parametrize("cache", ["none", "ram"])
@pytest.mark.parametrize("damage", ["missing", "short", "changed"])
def test_a_shard_that_is_damaged_is_one_line(raw, tmp_path, damage, cache):
    folder = copied(raw, tmp_path)
    shard = folder / "000002.tar"
    if damage == "missing":
        shard.unlink()
        expected = r"000002.tar: No such file or directory; `alexnet prepare`"
    elif damage == "short":
        os.truncate(shard, 20_000)
        expected = r"000002.tar has 20,000 bytes, not [0-9,]+; copy it again"
    else:
        content = bytearray(shard.read_bytes())
        content[600] ^= 1
        shard.write_bytes(content)
        expected = r"000002.tar is damaged or cut short: .* is not what was written"
    with pytest.raises(DatasetError, match=expected):
        got = prepare(open_source(folder), RECIPE.changed(cache=cache))
        for x in (got.training, got.validation):
            x.pixels(x.rows)
    unclosed = b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1\x0c("
    for prints in (b"", b"\x93NUMPY\x01\x00", unclosed, unclosed.replace(b"\x0c", b"'")):
        other = copied(raw, tmp_path / f"prints{len(prints)}-{prints[-2:].hex()}")
        (other / "fingerprints.npy").write_bytes(prints)
        with pytest.raises(DatasetError, match="fingerprints.npy is damaged"):
            _ = prepare(open_source(other), RECIPE).images


def test_an_image_that_is_none_is_named(raw, tmp_path):
    """Whoever writes right checksums can put in what is no image."""
    folder = copied(raw, tmp_path / "other")
    source = open_source(folder)
    bad = source.samples[3]
    shard, offset, size, _ = source.table.place(bad.row)
    tar = folder / source.index.shards[shard].file
    content = bytearray(tar.read_bytes())
    content[offset : offset + 2] = b"??"
    tar.write_bytes(content)
    source.table.numbers[bad.row, 3] = crc32(content[offset : offset + size])
    with pytest.raises(DatasetError, match=rf"{bad.name} is not an image .* prepare the"):
        prepare(source, RECIPE.changed(cache="ram"))


def test_one_class_is_enough_to_look_at(tmp_path):
    source = open_labeled(shards(draw_toy(tmp_path / "data", each=2), tmp_path / "out"))
    assert source.classes == ("blue", "green", "red")
    assert dataclasses.replace(source.samples[0], label=1).row == 0
