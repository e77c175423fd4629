"""One arithmetic for NumPy, TensorFlow and JAX alike: center or corner, minus mean, by std."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image

from alexnet_cli.dataset.standardize import crop, standardize, views
from alexnet_cli.preprocess import Preprocess

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SQUARE = Preprocess("crop", 13, 8, MEAN, STD)


def images(count=3, side=13, seed=0):
    return (
        np.random.default_rng(seed)
        .integers(0, 256, (count, side, side, 3))
        .astype(np.uint8)
    )


@given(st.integers(1, 40), st.integers(0, 12))
def test_a_crop_is_centered_up_to_one_pixel(side, margin):
    rows = np.arange(side + margin)
    pixels = np.broadcast_to(
        rows[None, :, None, None], (1, side + margin, side + margin, 3)
    )
    found = crop(pixels, side)
    assert found.shape == (1, side, side, 3)
    before, after = found[0, 0, 0, 0], side + margin - 1 - found[0, -1, 0, 0]
    assert 0 <= after - before <= 1


def test_a_crop_starts_at_its_corner():
    pixels = images()
    np.testing.assert_array_equal(crop(pixels, 8, (1, 4)), pixels[:, 1:9, 4:12])


def test_standardization_is_what_it_says():
    found = standardize(images(), SQUARE, None)
    expected = (images()[:, 2:10, 2:10].astype(float) - MEAN) / STD
    assert found.dtype == np.float32 and found.shape == (3, 8, 8, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("corner", [None, (0, 0), (5, 1)])
def test_the_mean_image_is_cut_where_the_pixels_are(corner):
    mean = np.random.default_rng(1).random((13, 13, 3)).astype(np.float32) * 255
    box = corner and (*corner, 8)
    found = standardize(images(), replace(SQUARE, mean=None), mean, box)
    expected = crop(images() - mean.astype(float), 8, corner) / STD
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mean_image", [False, True])
def test_every_kind_of_array_gives_the_same(mean_image):
    mean = np.full((13, 13, 3), 100, np.float32) if mean_image else None
    preprocess = replace(SQUARE, mean=None) if mean_image else SQUARE
    expected = standardize(images(), preprocess, mean)
    floats = images().astype(np.float32)
    for array in (floats, tf.constant(floats), keras.ops.convert_to_tensor(floats)):
        found = np.asarray(standardize(array, preprocess, mean))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("rescale", [1, 255])
def test_each_image_by_itself_is_as_kerass_image_data_generator_has_it(scale, rescale):
    keras_has = {"samplewise_center": True, "samplewise_std_normalization": scale}
    generator = ImageDataGenerator(rescale=1 / rescale, **keras_has)
    plain = replace(SQUARE, mean=(0.0,) * 3, std=(rescale if not scale else 1.0,) * 3)
    pixels = images()
    pixels[1] = 7  # of no deviation at all
    inside = [x.astype(np.float32) for x in crop(pixels, 8)]
    expected = [generator.standardize(x) for x in inside]
    for array in (pixels, tf.constant(pixels.astype(np.float32))):
        found = np.asarray(standardize(array, replace(plain, **keras_has), None))
        # Keras adds 1e-6 to a deviation of at most 1.
        for i in (0, 2):
            np.testing.assert_allclose(found[i], expected[i], rtol=1e-4, atol=1e-4)
        assert not found[1].any()


def test_pixels_are_not_written_to():
    pixels = images()
    mean = np.ones((13, 13, 3), np.float32)
    standardize(pixels, SQUARE, None)
    standardize(pixels, replace(SQUARE, mean=None), mean)
    np.testing.assert_array_equal(pixels, images())
    assert (mean == 1).all()
    again = standardize(pixels, SQUARE, None)
    np.testing.assert_array_equal(again, standardize(pixels, SQUARE, None))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_an_image_alone_is_what_it_is_in_a_batch(count):
    whole = standardize(images(7), SQUARE, None)
    parts = [
        standardize(images(7)[i : i + count], SQUARE, None) for i in range(0, 7, count)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(
    "tta,count", [("none", 1), ("flip", 2), ("two-scale", 4), ("ten-crop", 10)]
)
def test_every_other_view_is_the_mirror_image(tta, count):
    found = list(views(images(), SQUARE, None, tta))
    assert len(found) == count and all(x.shape == (3, 8, 8, 3) for x in found)
    if tta != "two-scale":
        np.testing.assert_array_equal(found[0], standardize(images(), SQUARE, None))
    for view, mirrored in zip(found[::2], found[1::2], strict=False):
        np.testing.assert_array_equal(mirrored, view[:, :, ::-1])


def test_ten_crops_are_the_center_and_the_corners():
    """Krizhevsky et al. 2012, section 4.1."""
    plain = replace(SQUARE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    found = list(views(images(), plain, None, "ten-crop"))[::2]
    expected = [
        images()[:, top : top + 8, left : left + 8]
        for top, left in ((2, 2), (0, 0), (0, 5), (5, 0), (5, 5))
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def photos(count=2, side=64):
    """Smooth pictures with noise, in which an error of half a pixel shows."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:side, :side] / side
    waves = [127 + 120 * np.sin(9 * (a * x + b * y)) for a, b in rng.uniform(-1, 1, (3, 2))]
    noisy = np.stack(waves, -1) + rng.normal(0, 4, (count, side, side, 3))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("stored,size", [(64, 56), (64, 64), (61, 53), (64, 30), (40, 8)])
@pytest.mark.parametrize("kind", ["numpy", "tensorflow", "keras"])
def test_two_scales_are_the_whole_image_and_its_middle(stored, size, kind):
    preprocess = Preprocess("crop", stored, size, MEAN, STD)
    pixels = photos(side=stored)
    array = {
        "numpy": lambda x: x,
        "tensorflow": tf.constant,
        "keras": keras.ops.convert_to_tensor,
    }[kind](pixels.astype(np.float32))
    found = list(views(array, preprocess, None, "two-scale"))[::2]
    near = round(stored * 3 / 4)
    start = (stored - near) // 2
    for view, (first, side) in zip(found, ((0, stored), (start, near)), strict=True):
        expected = (resized(pixels, first, side, size) - MEAN) / STD
        assert np.asarray(view).dtype == np.float32
        np.testing.assert_allclose(np.asarray(view), expected, atol=2e-4)


def resized(pixels, start, side, size):
    """The square of `side` from `start` at `size`: TensorFlow's bilinear."""
    square = pixels[:, start : start + side, start : start + side]
    return tf.image.resize(square, (size, size), "bilinear", antialias=False).numpy()


@pytest.mark.parametrize("size", [49, 56, 64])
def test_the_nearer_of_two_scales_is_pillows(size):
    """Which has antialiasing, so it is the same only where images are made larger."""
    plain = Preprocess("crop", 64, size, (0.0,) * 3, (1.0,) * 3)
    pixels = photos(1)
    view = list(views(pixels, plain, None, "two-scale"))[2][0]
    for i in range(3):
        square = Image.fromarray(pixels[0, 8:56, 8:56, i].astype(np.float32))
        expected = square.resize((size, size), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(view[..., i], expected, atol=1e-3)


def test_two_scales_of_a_mean_image_and_of_images_by_themselves():
    mean = photos(1)[0].astype(np.float32)
    pixels = photos(3)
    preprocess = replace(SQUARE, stored_size=64, input_size=56, mean=None)
    found = list(views(pixels, preprocess, mean, "two-scale"))[::2]
    for view, (start, side) in zip(found, ((0, 64), (8, 48)), strict=True):
        expected = resized(pixels - mean, start, side, 56) / STD
        np.testing.assert_allclose(view, expected, atol=2e-4)
    itself = replace(preprocess, samplewise_center=True, mean=(0.0,) * 3)
    for view in views(pixels, itself, None, "two-scale"):
        np.testing.assert_allclose(view.mean((1, 2, 3)), 0, atol=1e-5)
