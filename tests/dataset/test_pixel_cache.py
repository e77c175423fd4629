"""Images come back as they were put in, wherever they were kept meanwhile."""

import errno
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import TINY, alexnet, python
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset import images, pixel_cache
from alexnet_cli.dataset.decoding import decode_all
from alexnet_cli.dataset.pixel_cache import DiskCache, Examples, MemoryCache, NoCache
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.errors import AlexNetError
from alexnet_cli.preprocess import Preprocess

SQUARE = Preprocess("squash", 36, 32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
KINDS = {"ram": MemoryCache, "disk": DiskCache, "none": NoCache}
SAMPLE = Sample("a.jpg", 0, "train")


def cached(data, kind):
    """The source of `data`, and the cache of all its images."""
    source = find_images(data)
    decoded = decode_all(
        source.samples, source.read, SQUARE, kind, lambda done, count: None
    )
    return source, decoded.cache


def filled(cache, count=10, side=8):
    """`cache` with random images, and those images."""
    pixels = (
        np.random.default_rng(0).integers(0, 256, (count, side, side, 3)).astype(np.uint8)
    )
    for x in pixels:
        cache.add(SAMPLE, x)
    return cache, pixels


@pytest.mark.parametrize("kind", KINDS)
def test_every_cache_gives_back_what_was_decoded(toy, kind):
    source, cache = cached(toy, kind)
    assert isinstance(cache, KINDS[kind])
    rows = [3, 0, 3, len(source.samples) - 1]
    for row, pixels in zip(rows, cache.images(rows), strict=True):
        expected = images.load(toy / source.samples[row].name, SQUARE)
        np.testing.assert_array_equal(pixels, expected)


@given(rows=st.lists(st.integers(0, 9), max_size=20), side=st.integers(1, 9))
def test_images_come_in_any_order_and_number(rows, side):
    for cache in (MemoryCache(10, side), DiskCache(side)):
        _, pixels = filled(cache, side=side)
        found = list(cache.images(rows))
        assert len(found) == len(rows)
        for row, image in zip(rows, found, strict=True):
            np.testing.assert_array_equal(image, pixels[row])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["disk", "none"])
def test_training_is_the_same_wherever_images_are_kept(toy, trained, tmp_path, kind):
    out = tmp_path / "saved"
    result = alexnet("train", "--data", toy, "--out", out, *TINY, "--cache", kind)
    assert result.exit_code == 0, result.output
    columns = [[x.split(",")[1:-1] for x in (run / "history.csv").read_text().splitlines()]
               for run in (trained, out)]  # fmt: skip
    assert columns[0] == columns[1]


def test_a_third_of_the_free_memory_is_the_limit(monkeypatch):
    def kind(cache):
        return type(pixel_cache.new_pixel_cache(cache, 100, SQUARE, images.read))

    needed = 100 * 36 * 36 * 3
    monkeypatch.setattr(pixel_cache, "free_memory", lambda: needed * 3 + 1)
    assert kind("auto") is MemoryCache
    assert kind("disk") is DiskCache and kind("none") is NoCache
    monkeypatch.setattr(pixel_cache, "free_memory", lambda: needed * 3)
    assert kind("auto") is DiskCache
    assert kind("ram") is MemoryCache


@pytest.fixture(params=["at a position", "in turns"])
def reads(request, monkeypatch):
    """Each way to read the scratch file; the second is for systems without the first."""
    if request.param == "in turns":
        monkeypatch.delattr(os, "preadv")


@given(places=st.sets(st.integers(0, 191), min_size=1), value=st.integers(0, 255))
def test_a_changed_byte_is_noticed(places, value):
    cache, pixels = filled(DiskCache(8), 1)
    changed = pixels[0].ravel().copy()
    changed[list(places)] = value
    cache.file.seek(0)
    cache.file.write(changed)
    if (changed == pixels[0].ravel()).all():
        assert len(list(cache.images([0]))) == 1
        return
    with pytest.raises(AlexNetError, match="image 0 is not what was written"):
        list(cache.images([0]))


def test_a_scratch_file_that_is_cut_off_is_noticed(reads):
    cache, _ = filled(DiskCache(8))
    assert len(list(cache.images([9]))) == 1
    cache.file.truncate(9 * cache.size + 100)
    with pytest.raises(AlexNetError, match="image 9 is not what was written"):
        list(cache.images([9]))


def test_a_scratch_file_that_changed_is_noticed(reads):
    cache, _ = filled(DiskCache(8))
    cache.file.seek(5 * cache.size + 50)
    cache.file.write(b"\x00\xff" * 50)
    assert len(list(cache.images([4, 6]))) == 2
    with pytest.raises(AlexNetError) as error:
        list(cache.images([5]))
    assert str(error.value) == (
        f"the scratch file in {tempfile.gettempdir()}: image 5 is not what was written; "
        f"set TMPDIR to another folder, or use --cache none"
    )


def test_a_scratch_file_has_no_name_and_ends_with_its_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache, _ = filled(DiskCache(8))
    file = cache.file
    assert list(tmp_path.iterdir()) == []
    assert os.fstat(file.fileno()).st_size == 10 * 8 * 8 * 3
    del cache
    assert file.closed


def test_threads_that_read_at_once_get_their_own_images(reads):
    cache, pixels = filled(DiskCache(8))
    rows = list(np.random.default_rng(1).integers(0, 10, 50))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: list(cache.images(rows)), range(8)):
            np.testing.assert_array_equal(found, pixels[rows])


def test_no_place_for_a_scratch_file_is_one_line(monkeypatch):
    def nowhere(**_):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(AlexNetError) as error:
        DiskCache(8)
    assert str(error.value) == (
        "the scratch file: No usable temporary directory found; "
        "set TMPDIR to another folder, or use --cache none"
    )


def test_a_disk_that_cannot_be_read_is_one_line(reads, monkeypatch):
    cache, _ = filled(DiskCache(8))
    if hasattr(os, "preadv"):
        monkeypatch.setattr(os, "preadv", broken_disk)
    else:
        cache.file = SimpleNamespace(seek=cache.file.seek, readinto=broken_disk)
    with pytest.raises(
        AlexNetError, match="^the scratch file in .*: I/O error; set TMPDIR"
    ):
        list(cache.images([5]))


def broken_disk(*_):
    raise OSError(errno.EIO, "I/O error")


@pytest.mark.slow
def test_training_needs_only_what_every_system_has(toy, tmp_path):
    code = """
import os, sys
import psutil
from alexnet_cli.backend import devices, memory
from pathlib import Path
for name in ("sysconf", "pread", "preadv", "pwrite", "sched_getaffinity", "fork", "memfd_create"):
    delattr(os, name)
sys.modules["resource"] = None
memory.free_memory.__defaults__ = Path("/none"), Path("/none")
devices.Path = lambda path: Path("/none")
from alexnet_cli.cli.main import main
main(sys.argv[1:])
"""
    out = tmp_path / "o"
    words = ("--data", toy, "--out", out, *TINY, "--epochs", "1", "--cache", "disk")
    done = python(code, "train", *words)
    assert done.returncode == 0, done.stderr
    assert "kept epoch 1" in done.stdout and (out / "model.tflite").exists()


def test_an_image_that_vanished_is_named(toy, tmp_path):
    data = shutil.copytree(toy, tmp_path / "d")
    source, cache = cached(data, "none")
    (data / source.samples[2].name).write_bytes(b"gone")
    with pytest.raises(AlexNetError) as error:
        list(cache.images([2]))
    name = source.samples[2].name
    reason = "is not an image in a known format"
    assert str(error.value) == f"{name}, which could be read before, {reason}"


def test_a_full_disk_is_reported():
    code = """
import resource, signal, sys
import numpy as np
from alexnet_cli.errors import AlexNetError
from alexnet_cli.dataset.pixel_cache import DiskCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
cache = DiskCache(36)
for _ in range(3):
    try:
        cache.add(None, np.zeros((36, 36, 3), np.uint8))
    except AlexNetError as error:
        print(error)
"""
    # 3888 bytes an image: the first fits, the second does in part, the third not at all.
    lines = python(code).stdout.splitlines()
    assert [x.split(": ")[1] for x in lines] == [
        f"{x}; set TMPDIR to another folder, or use --cache none"
        for x in ("no space left", "no space left")
    ]


def test_examples_are_rows_of_a_shared_cache():
    cache, pixels = filled(MemoryCache(10, 8))
    labels = np.arange(10) % 3
    examples = Examples(cache, np.array([7, 2, 4]), labels)
    assert len(examples) == 3
    found = examples.pixels(examples.rows[1:])
    assert found.shape == (2, 8, 8, 3) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, pixels[[2, 4]])
    targets = examples.targets(examples.rows, 4)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, np.eye(4)[[1, 2, 1]])
