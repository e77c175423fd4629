"""Pixels of any kind become the sRGB that a viewer would show."""

import struct

import numpy as np
from helpers import distance, encoded, photo
from PIL import Image, ImageCms

from alexnet_cli.dataset.folders import images


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


def _swapped_profile(profile):
    """sRGB whose red and green primaries are exchanged, under another name."""
    data = bytearray(
        profile.replace(b"s\0R\0G\0B", b"S\0w\0a\0p").replace(b"sRGB", b"Swap")
    )
    (count,) = struct.unpack_from(">I", data, 128)
    at = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


def test_a_profile_becomes_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    same = images.decode(encoded(photo(), icc_profile=lab.tobytes()))
    np.testing.assert_array_equal(same, photo())
    swapped = _swapped_profile(lab.tobytes())
    red = Image.new("RGB", (8, 8), (200, 30, 30))
    out = images.decode(encoded(red, icc_profile=swapped))[0, 0].astype(int)
    assert out[1] > out[0] + 50 and out[1] > out[2] + 50
    gray = photo().convert("L")
    as_srgb = images.decode(encoded(gray, icc_profile=lab.tobytes()))
    np.testing.assert_array_equal(as_srgb, images.decode(encoded(gray)))
    broken = images.decode(encoded(photo(), icc_profile=b"no profile"))
    np.testing.assert_array_equal(broken, photo())
