"""Pixels of more than 8 bits become the 8 bits that their range, or --white-level, says."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from helpers import assembled_png, encoded
from helpers import png_of_16_bits as png
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.dim_images import remark
from alexnet_cli.errors import ImageError

RNG = np.random.default_rng(7)


def tiff(values, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def png_of_two_bits(values, *chunks):
    packed = sum(x << (6 - 2 * i) for i, x in enumerate(values))
    return assembled_png(4, 1, (2, 0), bytes((0, packed)), *chunks)


def scaled(values, top):
    return np.rint(np.clip(values.astype(float) / top, 0, 1) * 255)


def on_white(color, opacity):
    return color * opacity / 255 + 255 - opacity


def read(data, white_level=None):
    found = images.open_image(data, white_level=white_level)
    return np.asarray(found.image).astype(int), found.dim


def agree(data, expected, white_level=None, within=1):
    found, _ = read(data, white_level)
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert found.shape[:2] == expected.shape[:2]
    assert np.abs(found - expected).max() <= within


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("meaning", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "i4", "f4", "f8"])
def test_gray_tiff_of_every_type_is_read_as_tifffile_wrote_it(
    order, compression, meaning, kind
):
    highest = {"u2": 65535, "i2": 32767, "u4": 4_000_000_000, "i4": 2_000_000_000}
    values = RNG.integers(0, highest.get(kind, 100_000), (20, 24)).astype(kind)
    top = {"u2": 65535, "i2": 32767}.get(kind, values.max())
    for tile, level in itertools.product((None, (16, 16)), (None, 4095)):
        data = tiff(
            values, byteorder=order, compression=compression, photometric=meaning, tile=tile
        )
        expected = scaled(values, level or top)
        agree(data, 255 - expected if meaning == "miniswhite" else expected, level)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("level", [None, 4095])
@pytest.mark.parametrize("channels", [3, 4])
def test_color_tiff_of_16_bits(order, compression, level, channels):
    values = RNG.integers(0, 65536, (20, 24, channels)).astype("u2")
    data = tiff(
        values,
        photometric="rgb",
        byteorder=order,
        compression=compression,
        predictor=compression is not None,
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    expected = scaled(values[..., :3], level or 65535)
    if channels == 4:
        expected = on_white(expected, values[..., 3:] // 256)
    agree(data, expected, level, within=2)


@pytest.mark.parametrize("level", [None, 1023])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits(channels, level):
    values = RNG.integers(0, 65536, (20, 24, channels))
    colors = channels - 1 if channels in (2, 4) else channels
    expected = scaled(values[..., :colors], level or 65535)
    if channels > colors:
        expected = on_white(expected, values[..., -1:] // 256)
    agree(png(values), expected, level, within=2)


def test_a_color_that_png_calls_transparent_lies_on_white():
    """Pillow compares 8 of its 16 bits, and does not scale one of 2 or 4 bits."""
    gray = np.array([[[0x1234], [0x1235]]])
    assert read(png(gray, (b"tRNS", b"\x12\x34")))[0][0, :, 0].tolist() == [255, 18]
    color = np.array([[[0x1234] * 3, [0x12FF] * 3]])
    assert read(png(color, (b"tRNS", b"\x12\x34" * 3)))[0][0, :, 0].tolist() == [255, 19]
    four = png_of_two_bits([0, 1, 2, 3])
    assert read(four)[0][0, :, 0].tolist() == [0, 85, 170, 255]
    four = png_of_two_bits([0, 1, 2, 3], (b"tRNS", b"\0\1"))
    assert read(four)[0][0, :, 0].tolist() == [0, 255, 170, 255]


@pytest.mark.parametrize("most", [200, 300, 1023, 4095, 65535])
@pytest.mark.parametrize("level", [None, 511])
def test_portable_maps_by_the_highest_level_that_they_name(most, level):
    top = level if level and most > 255 else most
    for kind, channels in ((b"P5", 1), (b"P6", 3), (b"P2", 1)):
        values = RNG.integers(0, most + 1, (7, 9, channels))
        binary = values.astype("u1" if most < 256 else ">u2").tobytes()
        plain = b" ".join(b"%d" % x for x in values.ravel())
        data = b"%s\n9 7\n%d\n" % (kind, most) + (plain if kind == b"P2" else binary)
        agree(data, scaled(values, top), level)
        assert read(data, level)[1] == 0


def test_a_portable_map_that_is_cut_is_damaged():
    with pytest.raises(ImageError, match="^is damaged: image data is missing at its end$"):
        images.decode(b"P5\n9 7\n1023\n" + bytes(100))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_jpeg_2000_by_its_own_bits(bits):
    """Written by Pillow with 16 bits; the header then says how many of them count."""
    values = (RNG.integers(0, 2**bits, (40, 48)) << (16 - bits)).astype(np.uint16)
    data = encoded(Image.fromarray(values), "JPEG2000", irreversible=False)
    agree(data, scaled(values, 65535))
    agree(data, scaled(values, 511 << (16 - bits)), 511 << (16 - bits))


def test_twelve_bits_in_a_tiff_of_twelve_bits():
    values = np.arange(24, dtype=np.uint16).reshape(4, 6) * 178
    packed = np.packbits(
        ((values.reshape(-1, 1) >> np.arange(11, -1, -1)) & 1).astype(np.uint8)
    )
    for meaning in (1, 0):
        entries = [
            (256, 3, 1, 6), (257, 3, 1, 4), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, meaning),
            (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, packed.size),
        ]  # fmt: skip
        directory = len(entries).to_bytes(2, "little") + b"".join(
            b"".join(
                x.to_bytes(n, "little") for x, n in zip(entry, (2, 2, 4, 4), strict=True)
            )
            for entry in entries
        )
        start = (8 + packed.size).to_bytes(4, "little")
        data = b"II*\0" + start + packed.tobytes() + directory + bytes(4)
        expected = scaled(values, 4095)
        agree(data, expected if meaning else 255 - expected)


def test_whole_numbers_of_32_bits_up_to_255_are_8_bits():
    values = np.arange(81).reshape(9, 9) * 3
    for kind in ("u4", "i4", "f4"):
        agree(tiff(values.astype(kind)), values)
    dark = encoded(Image.fromarray(values.astype(np.uint16)), "TIFF")
    assert read(dark)[0].max() == 1, "16 bits go by their range"
    assert read(b"P5\n9 9\n65535\n" + values.astype(">u2").tobytes())[0].max() == 1


@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_negative_levels_are_refused_by_name(kind, order):
    values = (np.arange(81).reshape(9, 9) * 50 - 1024).astype(kind)
    for level in (None, 400):
        with pytest.raises(ImageError) as error:
            read(tiff(values, byteorder=order), level)
        assert str(error.value) == (
            "has negative levels (-1024 to 2976), none of which is black; add 1024 to the "
            "levels of all images and save them again as unsigned"
        )


def test_what_rounds_to_black_is_black():
    values = np.linspace(-0.0005, 1, 81).reshape(9, 9).astype(np.float32)
    agree(tiff(values), scaled(values, 1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_levels_that_are_not_finite_are_refused_by_name(value, kind):
    with pytest.raises(ImageError, match="^has pixels that are NaN or infinite$"):
        read(tiff(np.array([[0, value]], kind)))


@pytest.mark.parametrize("bits", range(8, 16))
def test_an_image_below_an_eighth_of_its_range_is_remarked(bits):
    """8, 10 and 12 bits in 16; in gray and in color, alone and with opacity."""
    values = np.full((6, 8, 4), 2**bits - 1)
    values[0, 0], values[..., 3] = 0, 65535
    is_dim = bits <= 13
    files = [
        tiff(values[..., 0].astype("u2")), png(values[..., :1]), png(values[..., :3]), png(values),
        tiff(values[..., 0].astype("f4")) if bits > 8 else png(values),
        tiff(values[..., :3].astype("u2"), photometric="rgb"),
        b"P5\n8 6\n65535\n" + values[..., 0].astype(">u2").tobytes(),
        b"P6\n8 6\n65535\n" + values[..., :3].astype(">u2").tobytes(),
    ]  # fmt: skip
    for data in files:
        found = read(data)[1]
        assert bool(found) == is_dim
        if is_dim:
            assert 2**bits - 1 <= found < 2**bits + 255
        assert read(data, 2**bits - 1)[1] == 0
        assert read(data, 2**bits - 1)[0].max() == 255


def test_black_and_8_bits_are_no_remark():
    dark = Image.new("RGB", (9, 9), (3, 3, 3))
    for data in (encoded(dark), encoded(dark.convert("L")), tiff(np.zeros((9, 9), "u2"))):
        assert read(data)[1] == 0


def test_the_white_level_changes_nothing_of_8_bits():
    image = Image.fromarray(RNG.integers(0, 256, (40, 48, 3)).astype(np.uint8))
    for form in ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"):
        data = encoded(image, form)
        np.testing.assert_array_equal(read(data, 9)[0], read(data)[0])


def test_orientation_and_profile_survive_the_white_level():
    exif = Image.Exif()
    exif[0x0112] = 6
    values = RNG.integers(0, 4096, (6, 9, 3))
    block = (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    agree(png(values, block), np.rot90(scaled(values, 4095), -1), 4095)
    wide = tiff(values.astype("u2"), photometric="rgb", extratags=[(274, 3, 1, 6, False)])
    agree(wide, np.rot90(scaled(values, 4095), -1), 4095)


def test_what_the_white_level_cannot_be_applied_to_is_an_error():
    values = RNG.integers(0, 65536, (20, 24, 4)).astype("u2")
    data = tiff(values, photometric="rgb", extrasamples=["assocalpha"])
    read(data)
    with pytest.raises(ImageError, match="--white-level cannot be applied to; save it as"):
        read(data, 4095)


def test_the_remark_names_the_option_and_a_level():
    assert remark([1000, 3980]) == (
        "2 image(s) use less than an eighth of their range; --white-level 4095 makes 4095 "
        "white (their highest level is 3980)"
    )
    assert "--white-level 255 makes" in remark([255])
