"""The page makes the same square of a picture as `images.load`, to the bit where it can be."""

import numpy as np
import PIL
import pytest
from chromium import Browser, chromium, in_page
from helpers import encoded, photo
from PIL import Image

from alexnet_cli.dataset.images import PAD_GRAY, load, square
from alexnet_cli.export.web.page import Page, write_page
from alexnet_cli.preprocess import Preprocess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not chromium(), reason="there is no chromium"),
]
PREPROCESS = Preprocess("squash", 128, 112, None, (1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser with a page whose network is none: pixels come before it."""
    folder = tmp_path_factory.mktemp("web")
    write_page(folder, Page("Pixels", ("a",), PREPROCESS, 0.0, ""), b"none")
    with Browser() as browser:
        browser.call("Page.navigate", url=(folder / "index.html").as_uri())
        browser.until("window.alexnet?.pixels && document.readyState === 'complete'")
        yield browser


def test_the_square_is_pillows_to_the_bit(page):
    rng = np.random.default_rng(0)
    for mode in ("squash", "crop", "pad") * 10:
        width, height, side = (int(x) for x in rng.integers(1, (700, 700, 300)))
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        rgba = image.convert("RGBA").tobytes()
        found = page.evaluate(
            f"""(() => {{
              const all = {in_page(rgba)}, width = {width};
              const rgba = (left, top, w, h) => {{
                const out = new Uint8ClampedArray(w * h * 4);
                for (let y = 0; y < h; y++) {{
                  const at = ((top + y) * width + left) * 4;
                  out.set(all.subarray(at, at + w * 4), y * w * 4);
                }}
                return out;
              }};
              const picture = {{ width, height: {height}, rgba }};
              return Array.from(alexnet.square(picture, "{mode}", {side}, {PAD_GRAY}));
            }})()"""
        )
        ours = np.array(found, np.uint8).reshape(side, side, 3)
        # Before 13.0 Pillow resized tall images in the other order.
        atol = 0 if int(PIL.__version__.split(".")[0]) >= 13 else 1
        np.testing.assert_allclose(
            ours.astype(int),
            square(image, mode, side),
            0,
            atol,
            err_msg=f"{mode} {width} x {height} to {side}",
        )


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WEBP"])
def test_a_file_becomes_the_same_pixels_as_in_training(page, form):
    data = encoded(
        photo((611, 402)), form, **({"lossless": True} if form == "WEBP" else {})
    )
    np.testing.assert_array_equal(page.pixels(data), load(data, PREPROCESS))


@pytest.mark.parametrize("size", [(3000, 2100), (2100, 6000)])
def test_a_large_picture_is_read_in_strips(page, size):
    data = encoded(photo(size))
    np.testing.assert_array_equal(page.pixels(data), load(data, PREPROCESS))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_photo_is_upright(page, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photo((200, 140)), "JPEG", quality=95, subsampling=0, exif=exif)
    difference = abs(page.pixels(data).astype(int) - load(data, PREPROCESS))
    assert difference.max() <= 2


def test_transparency_is_white(page):
    image = photo((200, 140)).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((200, 140)))
    data = encoded(image)
    difference = abs(page.pixels(data).astype(int) - load(data, PREPROCESS))
    # Canvases keep colors multiplied by alpha, in 8 bits.
    assert difference.max() <= 3
    clear = encoded(Image.new("RGBA", (50, 40), (10, 20, 30, 0)))
    assert page.pixels(clear).min() == 255
