"""Limits go by what is decoded, and a hard one keeps hostile files bounded."""

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
from helpers import alexnet, draw_toy, encoded, photo
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import DecodedImage, decode_samples
from alexnet_cli.dataset.formats import jpeg
from alexnet_cli.errors import ImageError, OversizedImage
from alexnet_cli.preprocess import Preprocess

STORED = Preprocess("squash", 36, 32, (0.0,) * 3, (1.0,) * 3)
LARGE = photo((1200, 900))


def limited(megapixels):
    return replace(STORED, max_pixels=round(megapixels * 1e6))


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
def test_a_jpeg_counts_as_what_it_is_decoded_to(form):
    """1,200 x 900 pixels, of which an eighth a side is decoded: 17,000."""
    options = {"save_all": True, "append_images": [LARGE]} if form == "MPO" else {}
    data = encoded(LARGE, form, **options)
    whole = images.load(data, STORED)
    np.testing.assert_array_equal(images.load(data, limited(0.2)), whole)
    assert Image.open(io.BytesIO(data)).format == form
    with pytest.raises(OversizedImage) as error:
        images.decode(data, max_pixels=200_000)
    assert str(error.value) == (
        "has 1200 x 900 pixels, more than 0.2 million (--max-megapixels)"
    )


def test_other_formats_count_with_all_of_their_pixels():
    for form in ("PNG", "WEBP", "TIFF", "BMP"):
        with pytest.raises(OversizedImage, match="more than 0.2 million"):
            images.load(encoded(LARGE, form), limited(0.2))


def test_a_progressive_jpeg_counts_with_the_coefficients_that_are_kept():
    data = encoded(LARGE, "JPEG", progressive=True)
    with pytest.raises(OversizedImage) as error:
        images.load(data, limited(0.3))
    assert str(error.value) == (
        "has 1200 x 900 pixels that count as 0.324 million, more than 0.3 million "
        "(--max-megapixels)"
    )
    assert images.load(data, limited(0.33)).shape == (36, 36, 3)
    assert images.decode(data, max_pixels=1200 * 900).shape == (900, 1200, 3)


def test_no_jpeg_has_more_than_ten_times_the_limit():
    data = encoded(LARGE, "JPEG")
    with pytest.raises(OversizedImage) as error:
        images.load(data, limited(0.1))
    assert str(error.value) == (
        "has 1200 x 900 pixels, more than 1 million (10 times --max-megapixels)"
    )


def test_what_counts_follows_from_the_memory():
    for progressive in (False, True):
        image = Image.open(io.BytesIO(encoded(LARGE, "JPEG", progressive=progressive)))
        for min_side in (0, 72, 200, 400):
            counted = jpeg.pixels_to_decode(image, min_side)
            memory = jpeg.bytes_to_decode(image, min_side)
            assert memory <= 2 * jpeg.BYTES_PER_PIXEL * counted
            assert counted <= image.width * image.height


def test_a_huge_progressive_jpeg_may_have_fewer_scans():
    """A scan goes over all pixels: ten of 200 megapixels, six of 310."""
    image = Image.open(io.BytesIO(encoded(photo(), "JPEG")))
    scans = b"\xff\xda\0\2" * 10
    from alexnet_cli.dataset.formats.file_limits import require_few_scans

    for size, allowed in (((16320, 12240), True), ((20000, 15500), False)):
        image._size = size
        data = b"\xff\xd8" + scans + b"\xff\xd9"
        if allowed:
            require_few_scans(data, image)
        else:
            with pytest.raises(ImageError, match="^has 10 scans, more than 6; save it"):
                require_few_scans(data, image)


def test_an_icon_names_no_option_as_none_sets_its_limit():
    inside = encoded(Image.new("1", (5000, 5000)))
    head = struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inside), 22)
    with pytest.raises(OversizedImage) as error:
        images.decode(head + inside)
    assert str(error.value) == "has 5000 x 5000 pixels, more than 16.7772 million"


def test_the_doctor_reads_what_a_training_reads(tmp_path):
    data = encoded(photo((4000, 3000)), "JPEG")
    (found,) = decode_samples([data], lambda x: x, max_pixels=6_000_000)
    assert isinstance(found, DecodedImage) and found.size == (4000, 3000)
    (found,) = decode_samples([data], lambda x: x, max_pixels=1_100_000)
    assert isinstance(found, OversizedImage)


def test_a_turned_jpeg_is_reported_with_its_own_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo((4000, 3000)), "JPEG", exif=exif)
    (found,) = decode_samples([data], lambda x: x)
    assert isinstance(found, DecodedImage) and found.size == (3000, 4000)
    assert found.turned


def test_doctor_takes_the_limit(tmp_path):
    data = draw_toy(tmp_path / "toy", each=3)
    photo((300, 200)).save(data / "red" / "large.png")
    found = alexnet("doctor", data, "--max-megapixels", 0.05)
    assert "large.png" in found.output
    assert "has 300 x 200 pixels, more than 0.05 million (--max-megapixels)" in found.output
    assert "more than" not in alexnet("doctor", data).output
    assert alexnet("doctor", data, "--max-megapixels", "nan").exit_code == 2
