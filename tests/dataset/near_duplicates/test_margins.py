"""What is left of an image without its uniform margins."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from alexnet_cli.dataset.near_duplicates.margins import content_box, reduced


def scene(width, height, seed=0):
    levels = np.random.default_rng(seed).integers(0, 200, (height, width, 3))
    return Image.fromarray(levels.astype(np.uint8))


@pytest.mark.parametrize("color", ["white", "black", (200, 30, 60)])
@pytest.mark.parametrize("border", [(7, 9, 3, 5), (1, 1, 1, 1), (40, 0, 30, 20)])
def test_margins_of_any_color_are_left_out(color, border):
    framed = ImageOps.expand(scene(60, 50), border, color)
    assert content_box(framed) == (border[0], border[1], border[0] + 60, border[1] + 50)


def test_an_image_without_margins_is_left_whole():
    assert content_box(scene(60, 50)) == (0, 0, 60, 50)
    # A sky above may be part of a photo; bars at two sides are not.
    assert content_box(ImageOps.expand(scene(60, 50), (0, 20, 0, 0), "white"))[1] == 0
    assert content_box(ImageOps.expand(scene(60, 50), (9, 0, 9, 0), "black"))[0] == 9


def test_margins_of_different_colors_are_no_frame():
    framed = ImageOps.expand(scene(60, 50), (5, 0, 5, 0), "white")
    framed = ImageOps.expand(framed, (0, 5, 0, 5), "black")
    assert content_box(framed) in {(0, 0, 70, 60), (0, 5, 70, 55)}


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (50, 1), (300, 200)])
def test_a_flat_image_is_left_whole(size):
    assert content_box(Image.new("RGB", size, "white")) == (0, 0, *size)


def test_little_on_much_paper_is_left_whole():
    framed = ImageOps.expand(scene(6, 6), 100, "white")
    assert content_box(framed) == (0, 0, 206, 206)


def test_noise_of_jpeg_is_within_a_margin():
    out = io.BytesIO()
    smooth = scene(8, 8).resize((120, 100), Image.Resampling.BICUBIC)
    ImageOps.expand(smooth, 40, "white").save(out, "JPEG", quality=60)
    with Image.open(out) as image:
        box = content_box(image.convert("RGB"))
    # Blocks of 16 pixels at the edge have some of the content's color.
    assert np.abs(np.subtract(box, (40, 40, 160, 140))).max() <= 8


def test_reducing_keeps_at_least_the_side():
    assert reduced(scene(500, 300), 128).size == (167, 100)
    assert reduced(scene(200, 300), 128).size == (100, 150)
    small = scene(90, 20)
    assert reduced(small, 128) is small
