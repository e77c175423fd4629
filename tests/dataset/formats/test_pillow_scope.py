"""Decoding changes Pillow's limit and the warnings of the process, and leaves no trace of it."""

import io
import struct
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import encoded, photo, python
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import decode_samples
from alexnet_cli.dataset.formats.pillow_scope import pillow_scope
from alexnet_cli.errors import ImageError, OversizedImage
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """Fails a test that leaves the limit or the filters changed."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12_345)
    filters = warnings.filters
    before = list(filters)
    yield
    assert Image.MAX_IMAGE_PIXELS == 12_345
    assert warnings.filters is filters and list(filters) == before


def test_importing_the_decoder_changes_nothing():
    code = """
import warnings
import numpy
from PIL import Image
before = Image.MAX_IMAGE_PIXELS, warnings.filters, list(warnings.filters)
import alexnet_cli.dataset.images, alexnet_cli.dataset.doctor, alexnet_cli.dataset.prepare
assert Image.MAX_IMAGE_PIXELS == before[0], Image.MAX_IMAGE_PIXELS
assert warnings.filters is before[1] and list(warnings.filters) == before[2]
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_the_limit_and_warnings_are_off_inside_only():
    with pillow_scope():
        Image._decompression_bomb_check((99_999, 99_999))
        # Warnings are errors in these tests.
        warnings.warn_explicit("odd", UserWarning, "TiffImagePlugin.py", 1, "PIL.Tiff")
        with pytest.raises(UserWarning, match="ours"):
            warnings.warn_explicit("ours", UserWarning, "other.py", 1, "other")
    with pytest.raises(FutureWarning, match="odd"):
        warnings.warn_explicit("odd", FutureWarning, "TiffImagePlugin.py", 1, "PIL.Tiff")


def test_images_beyond_pillows_limit_are_decoded_by_ours():
    data = encoded(photo((200, 100)))
    assert images.decode(data).shape == (100, 200, 3)
    with pytest.raises(ImageError, match="more than 0.01 million"):
        images.decode(data, max_pixels=10_000)
    # Pillow's own guard is up again for everybody else.
    with pytest.warns(Image.DecompressionBombWarning), Image.open(io.BytesIO(data)):
        pass


def test_a_limit_that_the_caller_switched_off_stays_off(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pillow_scope():
        assert Image.MAX_IMAGE_PIXELS is None
    assert Image.MAX_IMAGE_PIXELS is None
    monkeypatch.undo()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12_345)


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_images_beyond_pillows_limit_are_made_square(resize):
    preprocess = preprocess_of(Recipe(arch="tiny", size=36, resize=resize))
    assert images.load(encoded(photo((300, 250))), preprocess).shape == (36, 36, 3)


@pytest.mark.parametrize("data", [b"", b"no image", encoded(photo())[:-400]])
def test_an_error_leaves_no_trace(data):
    with pytest.raises(ImageError):
        images.decode(data)


def test_an_interrupt_leaves_no_trace():
    with pytest.raises(KeyboardInterrupt), pillow_scope():
        raise KeyboardInterrupt


def refused(size):
    try:
        Image._decompression_bomb_check(size)
    except (OversizedImage, Image.DecompressionBombError) as error:
        return str(error)
    return ""


def test_scopes_within_each_other_end_with_the_outer_one():
    with pillow_scope(100):
        with pillow_scope(1000):
            assert not refused((20, 50))
        assert refused((20, 50)) == (
            "has 20 x 50 pixels, more than 0.0001 million (--max-megapixels)"
        )
        with pytest.raises(ImageError):
            images.decode(b"x")
        assert refused((20, 50)) and not refused((10, 10))


def test_the_limit_of_a_thread_is_its_own():
    """Pillow's guard stays up for threads of the caller, and limits do not mix."""
    first, second = threading.Event(), threading.Event()

    def long():
        with pillow_scope(100):
            first.set()
            second.wait(10)
            return refused((20, 50))

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(long)
        first.wait(10)
        assert "decompression bomb" in refused((200, 200)) and not refused((20, 50))
        with pillow_scope():
            assert not refused((200, 200))
        second.set()
        assert job.result().startswith("has 20 x 50")


COMPLAINTS = {
    "More samples per pixel than can be decoded": (65535, 1),
    "Using code not yet in table": (1, 5),
}
"""What Pillow's log and libtiff say of a TIFF with so many samples and a compression."""


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_pillows_log_and_libtiff_are_silent_inside_only(tmp_path, complaint):
    samples, compression = COMPLAINTS[complaint]
    tags = [(256, 8), (257, 8), (258, 8), (259, compression), (262, 1), (273, 8)]
    tags += [(277, samples), (278, 8), (279, 64)]
    entries = b"".join(struct.pack("<HHII", x, 4, 1, y) for x, y in tags)
    file = tmp_path / "odd.tif"
    file.write_bytes(b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4))
    code = f"""
import sys
from pathlib import Path
from PIL import Image
from alexnet_cli.dataset import images
from alexnet_cli.errors import ImageError
for _ in range(2):
    try: images.decode(Path({str(file)!r}))
    except ImageError: print("refused")
sys.stderr.write("Pillow alone:"), sys.stderr.flush()
try: Image.open({str(file)!r}).load()
except OSError: pass
"""
    done = python(code)
    assert done.stdout.split() == ["refused"] * 2
    silence, alone = done.stderr.split("Pillow alone:")
    assert silence == "" and complaint in alone


def test_many_threads_leave_no_trace():
    whole, broken = encoded(photo((300, 200))), encoded(photo())[:-300]
    samples = [whole, broken, b"no image"] * 40
    found = list(decode_samples(samples, lambda x: x))
    assert sum(isinstance(x, ImageError) for x in found) == 80


def test_a_stopped_iteration_leaves_no_trace():
    """Once the threads have decoded what they had begun."""
    filters = list(warnings.filters)
    found = decode_samples([encoded(photo())] * 30, lambda x: x)
    next(found)
    found.close()
    until = time.monotonic() + 10
    while warnings.filters != filters and time.monotonic() < until:
        time.sleep(0.01)


@pytest.mark.parametrize("inner", ["filters of the caller", "scope"])
def test_filters_of_the_caller_may_overlap_with_the_scope(inner):
    """Whichever begins and ends first, neither undoes the other."""
    scope, filters = pillow_scope(), warnings.catch_warnings()
    first, second = (scope, filters) if inner == "scope" else (filters, scope)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)


def test_a_warning_that_was_shown_once_is_not_shown_again():
    """`catch_warnings` in every decoding would make Python forget what it has shown."""
    code = """
import io, sys, warnings
from PIL import Image
from alexnet_cli.dataset import images
out = io.BytesIO()
Image.new("RGB", (9, 9)).save(out, "PNG")
warnings.simplefilter("default")
for _ in range(3):
    warnings.warn("once")
    images.decode(out.getvalue())
"""
    done = python(code)
    assert done.returncode == 0 and done.stderr.count("once") == 1, done.stderr
