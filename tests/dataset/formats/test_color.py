"""Pixels of any kind become the sRGB that a viewer would show."""

import numpy as np
import pytest
from helpers import SRGB, distance, encoded, photo, swapped
from PIL import Image, ImageCms

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats.color import to_rgb
from alexnet_cli.errors import ImageError


def test_cmyk_looks_like_its_rgb_twin(shared):
    modes = shared / "torture" / "modes"
    twin = images.decode(modes / "rgb_same_as_cmyk.jpg")
    assert distance(images.decode(modes / "cmyk_adobe_inverted.jpg"), twin) <= 5


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    out = images.decode(encoded(Image.fromarray(values)))
    np.testing.assert_allclose(out[..., 0], values / 257, atol=0.51)
    dim = images.decode(encoded(Image.fromarray((values // 16).astype(np.uint16))))
    assert dim.max() == 16


@pytest.mark.parametrize(
    "mode,values,expected",
    [
        ("F", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("F", [0.0, 51.0, 255.0], [0, 51, 255]),
        ("F", [0.0, 257.0, 65535.0], [0, 1, 255]),
        ("F", [0.0, 50_000.0, 100_000.0], [0, 128, 255]),
        ("F", [-0.001, 0.0, 1.0], [0, 0, 255]),
        ("I", [0, 257, 65535], [0, 1, 255]),
        ("I", [0, 100_000, 200_000], [0, 128, 255]),
        ("I", [0, 100, 255], [0, 100, 255]),
        ("I", [0, 0, 0], [0, 0, 0]),
        ("F", [0.0, 0.0, 0.0], [0, 0, 0]),
    ],
)
def test_wide_gray_is_scaled_by_the_range_of_its_type(mode, values, expected):
    kind = np.float32 if mode == "F" else np.int32
    image = Image.fromarray(np.array([values], kind))
    assert image.mode == mode
    assert np.asarray(to_rgb(image))[0].tolist() == [[x] * 3 for x in expected]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_are_an_error(value):
    image = Image.fromarray(np.array([[0, value]], np.float32))
    with pytest.raises(ImageError) as error:
        images.decode(encoded(image, "TIFF"))
    assert str(error.value) == "has pixels that are NaN or infinite"


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_every_mode_becomes_rgb(mode):
    image = photo() if mode == "LAB" else photo().convert(mode)
    if mode == "LAB":
        srgb = ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(
            image, srgb, ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    found = to_rgb(image)
    assert found.mode == "RGB" and found.size == image.size
    expected = photo().convert("L") if mode in ("1", "L", "LA") else photo()
    if mode in ("L", "LA", "RGB", "RGBA", "YCbCr", "HSV", "CMYK"):
        assert distance(found, expected.convert("RGB")) < 3


def test_transparency_lies_on_white():
    rgba = photo().convert("RGBA")
    rgba.putalpha(0)
    assert (images.decode(encoded(rgba)) == 255).all()
    rgba.putalpha(128)
    expected = np.asarray(photo(), float) * 128 / 255 + 127
    assert distance(images.decode(encoded(rgba)), expected) < 1
    gray = Image.new("LA", (9, 9), (0, 0))
    assert (images.decode(encoded(gray)) == 255).all()
    palette = photo().quantize(8)
    hidden = palette.getpixel((0, 0))
    out = images.decode(encoded(palette, transparency=hidden))
    assert (out[np.asarray(palette) == hidden] == 255).all()


def test_a_transparent_color_of_rgb_lies_on_white():
    image = Image.new("RGB", (4, 4), (10, 200, 30))
    image.putpixel((0, 0), (1, 2, 3))
    out = images.decode(encoded(image, transparency=(1, 2, 3)))
    assert out[0, 0].tolist() == [255] * 3 and out[1, 1].tolist() == [10, 200, 30]


def test_a_profile_becomes_srgb():
    same = images.decode(encoded(photo(), icc_profile=SRGB))
    np.testing.assert_array_equal(same, photo())
    red = Image.new("RGB", (8, 8), (200, 30, 30))
    out = images.decode(encoded(red, icc_profile=swapped(SRGB)))[0, 0].astype(int)
    assert out[1] > out[0] + 50 and out[1] > out[2] + 50


@pytest.mark.parametrize("mode", ["P", "RGBA"])
def test_a_profile_applies_behind_palettes_and_transparency(mode):
    """Their pixels are RGB by the time the profile is applied."""
    red = Image.new("RGB", (8, 8), (200, 30, 30))
    expected = images.decode(encoded(red, icc_profile=swapped(SRGB)))
    image = red.quantize(4) if mode == "P" else red.convert(mode)
    found = images.decode(encoded(image, icc_profile=swapped(SRGB)))
    assert image.mode == mode
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], swapped(SRGB)[:300]])
def test_a_damaged_profile_is_ignored(profile):
    out = images.decode(encoded(photo(), icc_profile=profile))
    np.testing.assert_array_equal(out, photo())


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_other_pixels_is_ignored(mode):
    image = photo().convert(mode)
    form = "TIFF" if mode == "CMYK" else "PNG"
    out = images.decode(encoded(image, form, icc_profile=swapped(SRGB)))
    np.testing.assert_array_equal(out, images.decode(encoded(image, form)))
