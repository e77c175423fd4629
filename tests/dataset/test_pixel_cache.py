"""Images come back as they were put in, wherever they were kept meanwhile."""

from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, alexnet, python

from alexnet_cli.dataset.decoding import decode_all, decode_files
from alexnet_cli.dataset.folders import pixel_cache
from alexnet_cli.errors import AlexNetError
from alexnet_cli.preprocess import Preprocess

SQUARE = Preprocess("squash", 36, 32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
KINDS = {
    "ram": pixel_cache.MemoryCache,
    "disk": pixel_cache.DiskCache,
    "none": pixel_cache.NoCache,
}


def kept(toy, kind):
    files = sorted(toy.glob("*/*"))
    decoded = decode_all(files, SQUARE, kind, lambda done, count: None)
    return files, decoded.images


@pytest.mark.parametrize("kind", KINDS)
def test_every_store_gives_back_what_was_decoded(toy, kind):
    files, images = kept(toy, kind)
    assert isinstance(images, KINDS[kind])
    rows = [3, 0, 3, len(files) - 1]
    for row, pixels in zip(rows, images.images(rows), strict=True):
        np.testing.assert_array_equal(
            pixels, next(decode_files([files[row]], SQUARE)).pixels
        )


@pytest.mark.parametrize("kind", ["disk", "none"])
def test_training_is_the_same_wherever_images_are_kept(toy, trained, tmp_path, kind):
    out = tmp_path / "saved"
    result = alexnet("train", "--data", toy, "--out", out, *TINY, "--cache", kind)
    assert result.exit_code == 0, result.output
    columns = [[x.split(",")[1:-1] for x in (run / "history.csv").read_text().splitlines()]
               for run in (trained, out)]  # fmt: skip
    assert columns[0] == columns[1]


def test_a_third_of_the_free_memory_is_the_limit(monkeypatch):
    needed = 100 * 36 * 36 * 3
    monkeypatch.setattr(pixel_cache, "free_memory", lambda: needed * 3 + 1)
    assert isinstance(
        pixel_cache.new_pixel_cache("auto", 100, SQUARE), pixel_cache.MemoryCache
    )
    monkeypatch.setattr(pixel_cache, "free_memory", lambda: needed * 3)
    assert isinstance(
        pixel_cache.new_pixel_cache("auto", 100, SQUARE), pixel_cache.DiskCache
    )
    assert isinstance(
        pixel_cache.new_pixel_cache("ram", 100, SQUARE), pixel_cache.MemoryCache
    )


def test_free_memory_is_what_the_system_says():
    total = (
        int(next(x for x in Path("/proc/meminfo").read_text().splitlines()).split()[1])
        * 1024
    )
    assert 0 < pixel_cache.free_memory() < total


def test_a_scratch_file_that_changed_is_noticed(toy):
    import os

    _, images = kept(toy, "disk")
    os.pwrite(images.file, b"\x00\xff" * 50, 5 * images.size + 1000)
    assert len(list(images.images([4, 6]))) == 2
    with pytest.raises(AlexNetError, match="image 5 is not what was written"):
        list(images.images([5]))


def test_an_image_that_vanished_is_named(toy, tmp_path):
    import shutil

    data = shutil.copytree(toy, tmp_path / "d")
    files, images = kept(data, "none")
    files[2].write_bytes(b"gone")
    with pytest.raises(
        AlexNetError, match=f"{files[2].name}, which was good before, is not an image"
    ):
        list(images.images([2]))


def test_a_full_disk_is_told():
    code = """
import resource, signal, sys
import numpy as np
from alexnet_cli.errors import AlexNetError
from alexnet_cli.dataset.pixel_cache import DiskCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
kept = DiskCache(36)
try:
    for _ in range(3):
        kept.add(None, np.zeros((36, 36, 3), np.uint8))
except AlexNetError as error:
    print(error)
"""
    done = python(code)
    assert "the scratch file in" in done.stdout and "--cache none" in done.stdout, (
        done.stderr
    )
