"""Every image is decoded once, in order, with its facts, or listed with what is wrong."""

import hashlib

import numpy as np
import pytest
from helpers import encoded, photo
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import (
    BadImage,
    decode_all,
    decode_files,
    decode_samples,
    digest,
)
from alexnet_cli.dataset.near_duplicates.fingerprint import fingerprint
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.errors import ImageError
from alexnet_cli.preprocess import Preprocess

SQUARE = Preprocess("crop", 36, 32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def decoded(data, preprocess=None):
    """The one image `data`."""
    return next(decode_samples([data], lambda x: x, preprocess))


def test_a_decoded_image_has_its_facts():
    data = encoded(photo((96, 64)), "WEBP", quality=90)
    found = decoded(data)
    assert found.pixels is None
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert (found.size, found.format) == ((96, 64), "WEBP")
    assert not found.gray and not found.turned
    np.testing.assert_array_equal(
        found.fingerprint, fingerprint(images.open_image(data).image)[0]
    )


def test_gray_and_turned_images_are_noticed():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = decoded(encoded(photo((96, 64)).convert("L"), "JPEG", exif=exif))
    assert found.gray and found.turned and found.size == (64, 96)


def test_pixels_are_those_of_the_preprocessing():
    data = encoded(photo())
    np.testing.assert_array_equal(decoded(data, SQUARE).pixels, images.load(data, SQUARE))


def test_the_limit_is_the_preprocessings():
    small = Preprocess("crop", 36, 32, (0, 0, 0), (1, 1, 1), max_pixels=6000)
    assert (
        str(decoded(encoded(photo()), small))
        == "has 96 x 64 pixels, more than 0.006 million (--max-megapixels)"
    )


def test_files_are_decoded_in_order_or_their_errors_returned(tmp_path):
    files = [tmp_path / f"{i}.png" for i in range(40)]
    for i, file in enumerate(files):
        # Large images take longer: whatever is done first, order stays.
        side = 400 if i % 7 == 0 else 20
        file.write_bytes(b"x" if i % 5 == 1 else encoded(photo((side, side + i))))
    files.append(tmp_path / "none.png")
    found = list(decode_files(files))
    for i, x in enumerate(found[:-1]):
        if i % 5 == 1:
            assert str(x) == "is not an image in a known format"
        else:
            assert x.size[1] - x.size[0] == i
    assert isinstance(found[-1], ImageError) and str(found[-1]) == "does not exist"


CONTENT = {
    "a/0.png": encoded(photo()), "a/1.png": b"broken", "b/2.jpg": encoded(photo(), "JPEG"),
    "b/3.png": b"",
}  # fmt: skip
SAMPLES = [Sample(name, name[0] == "b", "train") for name in CONTENT]


def read(sample):
    return CONTENT[sample.name]


@pytest.mark.parametrize("cache", ["ram", "disk", "none"])
def test_good_images_are_kept_and_bad_ones_listed(cache):
    progress = []
    found = decode_all(SAMPLES, read, SQUARE, cache, lambda *x: progress.append(x))
    assert found.samples == (SAMPLES[0], SAMPLES[2])
    assert found.bad == (
        BadImage("a/1.png", "is not an image in a known format"),
        BadImage("b/3.png", "is empty"),
    )
    assert found.digests == tuple(
        hashlib.sha256(read(x)).hexdigest() for x in found.samples
    )
    assert (
        found.fingerprints.shape == (2, 2, 32, 32) and found.fingerprints.dtype == np.uint8
    )
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for sample, pixels in zip(found.samples, found.cache.images(range(2)), strict=True):
        np.testing.assert_array_equal(pixels, images.load(read(sample), SQUARE))


def test_no_good_image_leaves_empty_tables():
    found = decode_all([SAMPLES[1]], read, SQUARE, "ram", lambda *_: None)
    assert found.samples == () and found.fingerprints.shape == (0, 2, 32, 32)
    assert len(found.bad) == 1


def test_every_sample_is_read_once():
    calls = []

    def counted(sample):
        calls.append(sample.name)
        return read(sample)

    decode_all(SAMPLES, counted, SQUARE, "ram", lambda *_: None)
    assert sorted(calls) == sorted(CONTENT)


def test_a_digest_is_of_the_bytes_whatever_they_are():
    def unreadable(sample):
        raise ImageError("cannot be read")

    assert digest(SAMPLES[1], read) == hashlib.sha256(b"broken").hexdigest()
    assert digest(SAMPLES[0], unreadable) == hashlib.sha256(b"").hexdigest()
