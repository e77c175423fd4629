"""Files that have not changed are not read again; those that have, are."""

import errno
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

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
    "damage", ["bytes", "empty", "columns", "print", "digest", "reason", "folder", "locked"]
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
        elif damage == "print":
            lock.execute("UPDATE images SET print = x'00'")
        elif damage in ("digest", "reason"):
            lock.execute(f"UPDATE images SET {damage} = 5")
        lock.commit()
        if damage == "locked":
            lock.execute("BEGIN EXCLUSIVE")
    try:
        again = looked_at(data)
    finally:
        if lock:
            lock.close()
    assert all(same(a, b) for a, b in zip(first, again, strict=True))


def test_a_damaged_cache_is_made_anew(data, cache, reads):
    first = looked_at(data)
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    # Its first page, which says what is in it, stays.
    content[2**15 :] = b"\xff" * (len(content) - 2**15)
    file.write_bytes(content)
    assert all(same(a, b) for a, b in zip(looked_at(data), first, strict=True))
    looked_at(data)
    reads.clear()
    assert all(same(a, b) for a, b in zip(looked_at(data), first, strict=True))
    assert reads == []


def test_a_damaged_cache_that_cannot_be_removed_changes_nothing(data, cache, monkeypatch):
    first = looked_at(data)
    (file,) = cache.iterdir()
    file.write_bytes(b"no database" * 1000)

    def refuse(self, missing_ok=False):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "unlink", refuse)
    assert all(same(a, b) for a, b in zip(looked_at(data), first, strict=True))


def test_doctor_finds_the_same_again_and_says_that_it_read_nothing(data, cache, reads):
    first = alexnet("doctor", data, "--json")
    reads.clear()
    second = alexnet("doctor", data, "--json")
    one, two = (json.loads(x.stdout) for x in (first, second))
    assert (one.pop("not_read"), two.pop("not_read")) == (0, 12)
    assert one == two and first.exit_code == second.exit_code == 1
    # Near-identical images are looked at closely.
    assert len(set(reads)) < len(open_source(data).samples)
    line = (
        f"not read again: 12 files of unchanged size and time; remove {cache} to read all"
    )
    assert line in alexnet("doctor", data).stdout
    shutil.rmtree(cache)
    assert "not read again" not in alexnet("doctor", data).stdout


OLD, LATER = "0123456789abcdef" * 2 + ".sqlite", "fedcba9876543210" * 2 + ".sqlite"


@pytest.fixture
def databases(cache):
    """Makes a database of images, opened last so many days ago."""

    def make(name, days):
        cache.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(cache / name)) as opened, opened:
            opened.execute("CREATE TABLE images (name BLOB, size INTEGER, time INTEGER)")
        then = time.time() - days * 86_400
        os.utime(cache / name, (then, then))
        return cache / name

    return make


def test_a_database_that_was_not_opened_for_long_is_removed(data, cache, databases):
    old, later = databases(OLD, 31), databases(LATER, 29)
    looked_at(data)
    assert not old.exists() and later.exists() and len(list(cache.iterdir())) == 2


def test_one_that_cannot_be_removed_keeps_no_other(data, cache, databases, monkeypatch):
    stuck, other = databases(OLD, 31), databases(LATER, 31)
    unlink = Path.unlink

    def refused(self, missing_ok=False):
        if self == stuck:
            raise PermissionError
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    looked_at(data)
    assert stuck.exists() and not other.exists()


def test_to_open_a_database_is_to_use_it(data, cache):
    looked_at(data)
    (file,) = cache.iterdir()
    os.utime(file, (5, 5))
    looked_at(data)
    assert time.time() - file.stat().st_mtime < 1000


@pytest.mark.parametrize("state", ["read", "written"])
def test_a_database_that_is_in_use_stays(data, cache, databases, state):
    old = databases(OLD, 31)
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN" if state == "read" else "BEGIN IMMEDIATE")
        other.execute("SELECT count(*) FROM images").fetchall()
        looked_at(data)
        assert old.exists()
    looked_at(data)
    assert not old.exists()


@pytest.mark.parametrize("kind", ["name", "text", "empty", "table", "folder", "link"])
def test_what_is_not_a_database_of_images_stays(data, cache, databases, kind):
    file = databases("notes.sqlite" if kind == "name" else OLD, 31)
    if kind in ("text", "empty"):
        file.write_bytes(b"text" * (kind == "text"))
    elif kind == "table":
        with closing(sqlite3.connect(file)) as opened, opened:
            opened.execute("ALTER TABLE images RENAME TO other")
    elif kind == "folder":
        file.unlink()
        file.mkdir()
    elif kind == "link":
        file.rename(cache / "elsewhere")
        file.symlink_to(cache / "elsewhere")
    for x in cache.iterdir():
        os.utime(x, (5, 5), follow_symlinks=False)
    looked_at(data)
    assert file.exists()


def test_too_many_are_not_compared_and_doctor_says_so(toy, monkeypatch):
    monkeypatch.setattr("alexnet_cli.dataset.doctor.MOST_SEARCHED", 35)
    result = alexnet("doctor", toy)
    assert (
        "warning: near-identical images were not looked for, which takes" in result.stderr
    )
    assert result.exit_code == 0
