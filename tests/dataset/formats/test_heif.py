"""HEIF through pillow-heif: one image of the file, upright, in 8 bits, whole."""

import io
import struct

import numpy as np
import pytest
from helpers import SRGB, distance, encoded, photo, swapped
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import heif
from alexnet_cli.errors import ImageError
from alexnet_cli.preprocess import Preprocess

ORIENTATION = 0x0112
pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")


def written(image, **options):
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=-1, chroma=444, **options)
    return file.getvalue()


def several(colors, primary):
    file = pillow_heif.HeifFile()
    for color in colors:
        file.add_from_pillow(Image.new("RGB", (64, 48), color))
    out = io.BytesIO()
    file.save(out, quality=90, primary_index=primary)
    return out.getvalue()


def with_size(data, width, height):
    """`data` that says it has another size."""
    changed = bytearray(data)
    place = changed.index(b"ispe") + 8
    struct.pack_into(">II", changed, place, width, height)
    return bytes(changed)


def test_a_phones_image_is_read():
    image = photo((96, 64))
    found = images.open_image(written(image))
    assert found.format == "HEIF" and distance(np.asarray(found.image), image) < 2


def saved(image, orientation):
    """Written by Pillow's plugin, which makes boxes of the orientation in EXIF.

    EXIF then says it too, as phones write it.
    """
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pillow_heif.register_heif_opener()
    try:
        data = encoded(image, "HEIF", exif=exif.tobytes(), quality=95)
    finally:
        for table in (Image.OPEN, Image.SAVE, Image.SAVE_ALL):
            table.pop("HEIF", None)
        Image.ID.remove("HEIF")
    return with_exif(data, orientation)


def with_exif(data, orientation):
    entry = struct.Struct(">HHIHH")
    start = data.index(struct.pack(">HHI", ORIENTATION, 3, 1))
    whole = entry.pack(ORIENTATION, 3, 1, orientation, 0)
    return data[:start] + whole + data[start + entry.size :]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation):
    image = photo((96, 64))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    expected = images.decode(encoded(image, "PNG", exif=exif))
    data = saved(image, orientation)
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    found = images.decode(data)
    assert found.shape == expected.shape and distance(found, expected) < 6


def test_exif_alone_turns_nothing():
    """ISO/IEC 23008-12 has only the boxes count; so have phones and libheif."""
    image = photo((96, 64))
    data = with_exif(saved(image, 1), 6)
    assert distance(images.decode(data), image) < 6


def test_transparency_lies_on_white():
    rgba = photo((96, 64)).convert("RGBA")
    rgba.putalpha(0)
    assert images.decode(written(rgba)).min() >= 254
    rgba.putalpha(128)
    assert distance(images.decode(written(rgba)), np.asarray(photo((96, 64)), float) * 128 / 255 + 127) < 3  # fmt: skip


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_ten_bits(mode):
    values = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    if mode == "RGB":
        values = np.repeat(values[..., None], 3, axis=2)
    name = "I;16" if mode == "L" else "RGB;16"
    file = pillow_heif.from_bytes(name, (64, 48), values.tobytes())
    out = io.BytesIO()
    file.save(out, quality=-1, chroma=444)
    assert pillow_heif.open_heif(io.BytesIO(out.getvalue())).info["bit_depth"] == 10
    found = images.decode(out.getvalue()).astype(float)
    expected = values / 257 if mode == "RGB" else np.repeat(values[..., None], 3, 2) / 257
    assert np.abs(found - expected).mean() < 2 and found.max() >= 253


def test_a_profile_becomes_srgb():
    red = Image.new("RGB", (64, 48), (200, 30, 30))
    red.info["icc_profile"] = swapped(SRGB)
    found = images.decode(written(red))[0, 0].astype(int)
    assert found[1] > found[0] + 50 and found[1] > found[2] + 50


@pytest.mark.parametrize("primary", [0, 1, 2])
def test_of_a_burst_the_primary_image_is_read(primary):
    colors = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    found = images.decode(several(colors, primary))
    assert found[0, 0].argmax() == primary


def test_limits_come_before_decoding():
    data = written(photo((144, 100)))
    with pytest.raises(ImageError) as error:
        images.decode(data, max_pixels=10_000)
    assert str(error.value) == (
        "has 144 x 100 pixels, more than 0.01 million (--max-megapixels)"
    )
    preprocess = Preprocess("squash", 32, 32, (0, 0, 0), (1, 1, 1), max_pixels=10_000)
    with pytest.raises(ImageError, match="--max-megapixels"):
        images.load(data, preprocess)


@pytest.mark.parametrize("size", [(64, 48), (30_000, 3000), (97, 64), (0, 0)])
def test_a_size_that_is_not_that_of_the_pixels_is_damage(size):
    data = with_size(written(photo((96, 64))), *size)
    with pytest.raises(ImageError, match="^is damaged: "):
        images.decode(data)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_cut_file_is_damaged(kept):
    data = written(photo((96, 64)))
    with pytest.raises(ImageError, match="^is damaged: "):
        images.decode(data[: int(len(data) * kept)])


def test_nothing_is_registered_with_pillow():
    images.decode(written(photo((96, 64))))
    assert "HEIF" not in Image.OPEN


def test_a_file_of_others(shared):
    file = shared / "torture" / "formats" / "hopper.heif"
    assert heif.looks_like(file.read_bytes())
    found = images.decode(file)
    assert found.shape == (128, 128, 3) and found.std() > 30
