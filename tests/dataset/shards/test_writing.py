"""Shards are plain tars; a work that is cut off goes on, and nothing is ever half there."""

import errno
import json
import os
import shutil
import tarfile
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pytest
from helpers import draw_toy, python, tree
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.shards.open import open_shards
from alexnet_cli.dataset.shards.plan import Plan, PrepareOptions
from alexnet_cli.dataset.shards.tar_writer import TarWriter
from alexnet_cli.dataset.shards.writing import write_shards
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import DatasetError
from alexnet_cli.preprocess import Preprocess

KEPT = Preprocess("crop", 36, 32, None, (1.0, 1.0, 1.0))


def plan(data, out, encoding="raw", **options):
    fields = {"images_per_shard": 10, **options}
    return Plan(open_source(data), PrepareOptions(out, KEPT, encoding, **fields))


def stopping(after, error):
    """A Counting that raises `error` once `after` images are written."""

    @contextmanager
    def counting(what):
        def progress(done, count):
            if what == "writing shards" and done == after:
                raise error

        yield progress

    return counting


@pytest.fixture
def data(toy, tmp_path):
    """Toy images, a bad file among them."""
    folder = shutil.copytree(toy, tmp_path / "data")
    (folder / "green" / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    return folder


def test_any_program_reads_them_as_webdataset_has_it(toy, tmp_path):
    out = tmp_path / "out"
    found = write_shards(plan(toy, out))
    assert (found.images, found.shards, found.new, found.bad) == (36, 4, 4, ())
    source = open_source(toy)
    members = []
    for shard in sorted(out.glob("*.tar")):
        with tarfile.open(shard, "r:") as tar:
            members += [(x.name, tar.extractfile(x).read()) for x in tar]
    assert len(members) == 3 * 36
    for i, sample in enumerate(source.samples):
        (image, data), (number, label), (facts, text) = members[3 * i : 3 * i + 3]
        assert (image, number, facts) == tuple(
            f"{i:09}.{x}" for x in ("ppm", "cls", "json")
        )
        assert int(label) == sample.label
        known = json.loads(text)
        assert known["file"] == sample.name and known["split"] == "train"
        assert known["class"] == source.classes[sample.label]
        pixels = images.load(source.read(sample), KEPT)
        (tmp_path / "x.ppm").write_bytes(data)
        with Image.open(tmp_path / "x.ppm") as seen:
            assert (np.asarray(seen) == pixels).all()


@pytest.mark.skipif(find_spec("webdataset") is None, reason="webdataset is not installed")
def test_webdataset_reads_them(toy, tmp_path):
    write_shards(plan(toy, tmp_path / "out", "jpeg"))
    # In a process of its own: it leaves files open.
    code = """
import json, sys, webdataset
rows = webdataset.WebDataset(sys.argv[1:], shardshuffle=False).decode("rgb8")
print(json.dumps([[x["cls"], x["jpg"].shape, x["json"]["file"]] for x in rows]))
"""
    done = python(code, *sorted((tmp_path / "out").glob("*.tar")))
    samples = open_source(toy).samples
    assert json.loads(done.stdout) == [[x.label, [36, 36, 3], x.name] for x in samples]


@pytest.mark.parametrize("after", [1, 10, 11, 25, 36])
def test_what_was_cut_off_goes_on_and_ends_as_if_it_had_not_been(data, tmp_path, after):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    write_shards(plan(data, whole))
    with pytest.raises(KeyboardInterrupt) as caught:
        write_shards(plan(data, cut), stopping(after, KeyboardInterrupt()))
    assert "the same command goes on" in caught.value.__notes__[0]
    assert not list(cut.glob("**/.part.*"))
    with pytest.raises(DatasetError, match=r"is not complete; the same `alexnet prepare`"):
        open_source(cut)
    kept = {x: x.stat().st_ino for x in cut.glob("*.tar")}
    found = write_shards(plan(data, cut))
    assert found.new == 4 - len(kept) == 4 - after // 10
    assert kept == {x: x.stat().st_ino for x in kept}
    assert tree(cut) == tree(whole)


@pytest.mark.parametrize("change", ["shard", "short", "image", "record", "prints"])
def test_a_finished_shard_is_kept_only_as_it_was_written(data, tmp_path, change):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        write_shards(plan(data, out), stopping(35, KeyboardInterrupt()))
    work = plan(data, out).work
    if change == "shard":
        content = bytearray((out / "000001.tar").read_bytes())
        content[5000] ^= 1
        (out / "000001.tar").write_bytes(content)
    elif change == "short":
        os.truncate(out / "000001.tar", 512)
    elif change == "image":
        file = data / open_source(data).samples[15].name
        shutil.copyfile(data / open_source(data).samples[5].name, file)
    elif change == "record":
        (work / "000001.json").write_text('{"bytes": "many"}')
    else:
        os.truncate(work / "000001.prints", 100)
    assert write_shards(plan(data, out)).new == 2
    again = tmp_path / "again"
    write_shards(plan(data, again))
    assert tree(out) == tree(again)


def test_a_complete_folder_is_left_as_it_is(toy, tmp_path):
    out = tmp_path / "out"
    write_shards(plan(toy, out))
    before = {x: x.stat().st_mtime_ns for x in out.iterdir()}
    found = write_shards(plan(toy, out))
    assert (found.images, found.shards, found.new) == (36, 4, 0)
    assert before == {x: x.stat().st_mtime_ns for x in out.iterdir()}


def test_a_complete_folder_of_images_that_have_changed_is_refused(data, tmp_path):
    out = tmp_path / "out"
    write_shards(plan(data, out))
    names = [x.name for x in open_source(data).samples]
    shutil.copyfile(data / names[5], data / names[15])
    before = tree(out)
    with pytest.raises(DatasetError, match="had other sizes or times; choose another"):
        write_shards(plan(data, out))
    assert tree(out) == before


def test_a_full_disk_is_one_line_and_costs_no_finished_shard(toy, tmp_path, monkeypatch):
    out, add = tmp_path / "out", TarWriter.add

    def full(self, name, data):
        if name.startswith("000000015"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return add(self, name, data)

    monkeypatch.setattr(TarWriter, "add", full)
    with pytest.raises(DatasetError, match=r"No space left on device; the same command"):
        write_shards(plan(toy, out))
    assert [x.name for x in out.glob("*.tar")] == ["000000.tar"]
    assert not list(out.glob("**/.part.*"))
    monkeypatch.setattr(TarWriter, "add", add)
    assert write_shards(plan(toy, out)).new == 3


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "other",
    [{"encoding": "jpeg"}, {"images_per_shard": 9}, {"group_near": False}, {"more": True}],
)
def test_other_shards_are_not_mixed_with_these(data, tmp_path, other, done):
    out = tmp_path / "out"
    if done:
        write_shards(plan(data, out))
    else:
        with pytest.raises(KeyboardInterrupt):
            write_shards(plan(data, out), stopping(15, KeyboardInterrupt()))
    options = {k: v for k, v in other.items() if k != "more"}
    if options != other:
        shutil.copyfile(data / "red" / "00.jpg", data / "red" / "new.jpg")
    before = tree(out)
    with pytest.raises(DatasetError, match="of other images or with other options"):
        write_shards(plan(data, out, **options))
    assert tree(out) == before


def test_a_folder_with_other_files_is_refused(toy, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="is not empty"):
        write_shards(plan(toy, tmp_path / "out"))
    assert [x.name for x in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_two_do_not_write_into_one_folder(toy, tmp_path):
    out = tmp_path / "out"

    @contextmanager
    def second(what):
        with pytest.raises(DatasetError, match="another process is writing"):
            write_shards(plan(toy, out))
        yield lambda done, count: None

    assert write_shards(plan(toy, out), second).images == 36


def test_bad_images_are_in_the_table_alone(data, tmp_path):
    found = write_shards(plan(data, tmp_path / "out"))
    assert found.images == 36
    assert [x for x, _ in found.bad] == ["green/bad.jpg"]
    source = open_shards(tmp_path / "out")
    assert len(source.samples) == 37


def test_without_any_image_there_are_no_shards(tmp_path):
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "1.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(
        DatasetError, match=r"no image can be used; a/1.jpg is not an image"
    ):
        write_shards(plan(tmp_path / "data", tmp_path / "out"))


def test_names_of_any_bytes_stay(tmp_path):
    data = draw_toy(tmp_path / "data", each=2)
    odd = os.fsdecode(b'odd\xff,"\n\xc3\xa9.jpg')
    (data / "red" / "00.jpg").rename(data / "red" / odd)
    write_shards(plan(data, tmp_path / "out"))
    names = [x.name for x in open_shards(tmp_path / "out").samples]
    assert names == [x.name for x in open_source(data).samples]
    assert f"red/{odd}" in names
