"""One arithmetic for NumPy, TensorFlow and JAX alike: center or corner, minus mean, by std."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import ImageDataGenerator

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
    found = standardize(images(), replace(SQUARE, mean=None), mean, corner)
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


@pytest.mark.parametrize("tta,count", [("none", 1), ("flip", 2), ("ten-crop", 10)])
def test_views_begin_with_the_center(tta, count):
    found = list(views(images(), SQUARE, None, tta))
    assert len(found) == count and all(x.shape == (3, 8, 8, 3) for x in found)
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
