"""Files that have not changed are not read again; those that have, are."""

import os
import shutil
import sqlite3
import time

import numpy as np
import pytest
from helpers import alexnet, draw_toy
from PIL import Image

from alexnet_cli.dataset import known_images
from alexnet_cli.dataset.decoding import DecodedImage, decode_samples
from alexnet_cli.dataset.known_images import examined
from alexnet_cli.dataset.sources.class_folders import ImageFolder
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import ImageError
from alexnet_cli.preprocess import Preprocess

KEPT = Preprocess("crop", 36, 32, None, (1.0, 1.0, 1.0))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(known_images, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "images"


@pytest.fixture
def data(tmp_path):
    folder = draw_toy(tmp_path / "data", each=3)
    (folder / "red" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    Image.new("RGB", (50, 60), "white").save(folder / "red" / os.fsdecode(b"\xff.gif"))
    framed = Image.new("RGB", (90, 90))
    with Image.open(folder / "blue" / "00.jpg") as image:
        framed.paste(image, (15, 15))
    framed.save(folder / "blue" / "framed.png")
    age(folder, 60)
    return folder


def age(folder, seconds):
    """Let the files of a folder be that old."""
    then = time.time() - seconds
    for x in folder.rglob("*.*"):
        os.utime(x, (then, then))


@pytest.fixture
def reads(monkeypatch):
    names, read = [], ImageFolder.read

    def counted(self, sample):
        names.append(sample.name)
        return read(self, sample)

    monkeypatch.setattr(ImageFolder, "read", counted)
    return names


def looked_at(data, *options):
    source = open_source(data)
    return list(examined(source, source.samples, *options))


def same(one, other):
    if isinstance(one, ImageError):
        return str(one) == str(other)
    np.testing.assert_array_equal(one.fingerprint, other.fingerprint)
    names = ("pixels", "digest", "size", "format", "gray", "turned", "dim")
    return all(getattr(one, x) == getattr(other, x) for x in names)


def test_the_second_look_reads_nothing_and_finds_the_same(data, cache, reads):
    source = open_source(data)
    expected = list(decode_samples(source.samples, source.read))
    reads.clear()
    first = looked_at(data)
    assert sorted(reads) == sorted(x.name for x in source.samples)
    reads.clear()
    second = looked_at(data)
    assert reads == []
    for one, two, three in zip(expected, first, second, strict=True):
        assert same(one, two) and same(one, three)
    assert sum(isinstance(x, ImageError) for x in second) == 1
    assert list(cache.iterdir()) and not list(data.rglob("*.sqlite"))


@pytest.mark.parametrize("change", ["content", "time", "new", "moved"])
def test_what_has_changed_is_read(data, cache, reads, change):
    looked_at(data)
    reads.clear()
    file = data / "green" / "00.jpg"
    name = "green/00.jpg"
    if change == "content":
        file.write_bytes((data / "red" / "00.jpg").read_bytes())
    elif change == "time":
        os.utime(file, (5, 5))
    elif change == "new":
        name = "green/new.jpg"
        shutil.copyfile(file, data / name)
    else:
        name = "green/moved.jpg"
        file.rename(data / name)
    found = dict(
        zip((x.name for x in open_source(data).samples), looked_at(data), strict=True)
    )
    assert reads == [name]
    source = open_source(data)
    expected = decode_samples(source.samples, source.read)
    assert all(same(a, b) for a, b in zip(expected, found.values(), strict=True))


def test_a_file_that_was_written_just_now_is_not_taken_for_known(data, cache, reads):
    age(data, -1)
    looked_at(data)
    reads.clear()
    looked_at(data)
    assert len(reads) == len(open_source(data).samples)


@pytest.mark.parametrize("options", [(None, 1000), (KEPT,)], ids=["limit", "preprocessing"])
def test_another_way_to_look_is_not_the_same(data, cache, reads, options):
    looked_at(data)
    reads.clear()
    looked_at(data, *options)
    assert len(reads) == len(open_source(data).samples)


def test_a_file_that_cannot_be_read_is_tried_again(data, cache, monkeypatch):
    def fail(self, sample):
        raise ImageError("cannot be read: Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(ImageFolder, "read", fail)
        assert all(isinstance(x, ImageError) for x in looked_at(data))
    assert sum(isinstance(x, DecodedImage) for x in looked_at(data)) == 11


@pytest.mark.parametrize(
    "damage", ["bytes", "empty", "columns", "values", "folder", "locked"]
)
def test_a_cache_that_cannot_be_used_changes_nothing(data, cache, damage):
    first = looked_at(data)
    (file,) = cache.iterdir()
    lock = None
    if damage == "bytes":
        file.write_bytes(b"no database" * 100)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "folder":
        shutil.rmtree(cache)
        cache.write_text("")
    else:
        lock = sqlite3.connect(file)
        if damage == "columns":
            lock.execute("DROP TABLE images")
            lock.execute("CREATE TABLE images (name BLOB, size INTEGER, time INTEGER)")
            lock.execute("INSERT INTO images SELECT 'a', 1, 1")
        elif damage == "values":
            lock.execute("UPDATE images SET print = x'00', digest = 5")
        lock.commit()
        if damage == "locked":
            lock.execute("BEGIN EXCLUSIVE")
    try:
        again = looked_at(data)
    finally:
        if lock:
            lock.close()
    assert all(same(a, b) for a, b in zip(first, again, strict=True))


def test_doctor_finds_the_same_again(data, cache, reads):
    first = alexnet("doctor", data, "--json")
    reads.clear()
    second = alexnet("doctor", data, "--json")
    assert first.stdout == second.stdout and first.exit_code == second.exit_code == 1
    # Near-identical images are looked at closely.
    assert len(set(reads)) < len(open_source(data).samples)


def test_too_many_are_not_compared_and_doctor_says_so(toy, monkeypatch):
    monkeypatch.setattr("alexnet_cli.dataset.doctor.MOST_SEARCHED", 35)
    result = alexnet("doctor", toy)
    assert (
        "warning: near-identical images were not looked for, which takes" in result.stderr
    )
    assert result.exit_code == 0
