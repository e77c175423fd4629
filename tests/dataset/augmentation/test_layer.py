"""Every image has parameters of its own, and the layer does what their names say."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from PIL import Image, ImageEnhance

from alexnet_cli.backend import ops as backend_ops
from alexnet_cli.dataset.augmentation.layer import (
    AugmentAndStandardize,
    center_crops,
    copy_crops,
    fed_side,
    geometry,
)
from alexnet_cli.dataset.augmentation.parameters import WIDTH
from alexnet_cli.dataset.augmentation.sampling import principal_colors, sample_parameters
from alexnet_cli.dataset.standardize import crop
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.sections import Augmentation

RAW = Preprocess("squash", 32, 24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
TIGHT = replace(RAW, stored_size=24)
PLAIN = Augmentation(
    hflip=False, crop_area=0.0, brightness=0.0, contrast=0.0, saturation=0.0
)


class Largest:
    """A generator whose every uniform number is the upper bound."""

    def uniform(self, low, high, size):
        return np.full(size, high)


def images(count=6, side=32, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 6, 6, 3), np.uint8)
    big = [np.asarray(Image.fromarray(x).resize((side, side), 2)) for x in coarse]
    return np.stack(big)


def crops(pixels, affine, side):
    """`copy_crops` into new memory."""
    return copy_crops(pixels, affine, np.empty((len(pixels), side, side, 3), np.uint8))


def applied(augmentation, pixels, preprocess, parameters, mean=None):
    """What training sees of `pixels`, put together as the input pipeline does it."""
    if geometry(augmentation, preprocess) == "copy":
        pixels = crops(pixels, parameters.affine, preprocess.input_size)
    layer = AugmentAndStandardize(augmentation, preprocess, mean)
    return np.asarray(layer([pixels, parameters.pack()], training=True))


def varied(augmentation, pixels, preprocess=RAW, seed=1, mean=None, lighting=None):
    if mean is not None:
        preprocess = replace(preprocess, mean=None)
    rng = np.random.default_rng(seed)
    parameters = sample_parameters(augmentation, preprocess, len(pixels), rng, lighting)
    return applied(augmentation, pixels, preprocess, parameters, mean)


def center(pixels, preprocess=RAW):
    top = (preprocess.stored_size - preprocess.input_size) // 2
    end = top + preprocess.input_size
    return pixels[:, top:end, top:end].astype(float)


ALL = {
    "hflip": True, "vflip": True, "rotation": 30.0, "width_shift": 0.3, "height_shift": 0.3,
    "shear": 20.0, "zoom": 0.4, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4,
    "hue": 0.3, "random_crop": True, "crop_area": 0.3,
}  # fmt: skip


def test_without_augmentation_training_sees_the_center():
    pixels = images()
    np.testing.assert_array_equal(varied(PLAIN, pixels), center(pixels))


def test_parameters_are_ignored_outside_training():
    pixels = images()
    augmentation = Augmentation(**ALL)
    layer = AugmentAndStandardize(augmentation, RAW)
    rng = np.random.default_rng(0)
    packed = sample_parameters(augmentation, RAW, len(pixels), rng).pack()
    np.testing.assert_array_equal(layer([pixels, packed], training=False), center(pixels))


@pytest.mark.parametrize("name", ALL)
def test_every_image_gets_its_own_variant(name):
    same = np.repeat(images(1), 64, axis=0)
    out = varied(replace(PLAIN, **{name: ALL[name]}), same)
    different = len(np.unique(out.reshape(64, -1).round(2), axis=0))
    # A mirror has two outcomes, a random crop 81, the others a continuum.
    assert different == 2 if "flip" in name else different > 30
    assert out.shape == (64, 24, 24, 3)
    assert out.min() >= 0 and out.max() <= 255


def test_mirrors_are_exact():
    pixels = images(32)
    out = varied(replace(PLAIN, hflip=True), pixels)
    plain = center(pixels)
    kept = (out == plain).all(axis=(1, 2, 3))
    turned = (out == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ turned).all() and kept.any() and turned.any()
    vertical = varied(replace(PLAIN, vflip=True), pixels)
    assert (vertical == plain[:, ::-1]).all(axis=(1, 2, 3)).any()


def test_random_crops_are_windows_of_the_image():
    pixels = images(40)
    out = varied(replace(PLAIN, random_crop=True), pixels)
    places = set()
    for image, window in zip(pixels, out, strict=True):
        found = [
            (y, x)
            for y in range(9)
            for x in range(9)
            if np.array_equal(image[y : y + 24, x : x + 24], window)
        ]
        assert found
        places.add(found[0])
    assert len(places) > 20
    assert {0, 8} & {y for y, _ in places}


def test_rotation_by_a_right_angle_is_numpys():
    pixels = images(2, 24)
    augmentation = replace(PLAIN, rotation=90.0)
    parameters = sample_parameters(augmentation, TIGHT, 2, Largest())
    out = applied(augmentation, pixels, TIGHT, parameters)
    rotated = [np.rot90(pixels, k, (1, 2)) for k in (1, 3)]
    assert min(abs(out - x).max() for x in rotated) < 0.01


def test_shift_moves_by_the_fraction_and_fills():
    pixels = np.zeros((1, 24, 24, 3), np.uint8)
    pixels[:, :, 12] = 255
    augmentation = replace(PLAIN, width_shift=0.25, fill_mode="constant")
    parameters = sample_parameters(augmentation, TIGHT, 1, Largest())
    out = applied(augmentation, pixels, TIGHT, parameters)
    assert out[0, 5, :, 0].argmax() == 12 - 6


@pytest.mark.parametrize(
    "mode,pad",
    [
        ("nearest", "edge"),
        ("reflect", "symmetric"),
        ("wrap", "wrap"),
        ("constant", "constant"),
    ],
)
def test_fill_modes_are_numpys(mode, pad):
    pixels = images(1, 24)
    augmentation = replace(PLAIN, width_shift=0.25, fill_mode=mode)
    parameters = sample_parameters(augmentation, TIGHT, 1, Largest())
    out = applied(augmentation, pixels, TIGHT, parameters)
    wide = np.pad(pixels[0].astype(float), ((0, 0), (6, 6), (0, 0)), pad)
    np.testing.assert_allclose(out[0], wide[:, 12:36], atol=0.01)


@pytest.mark.parametrize("fields", [{}, {"crop_area": 0.5, "rotation": 3.0}])
def test_constant_fills_with_its_value(fields):
    """As Keras' ImageDataGenerator does with cval."""
    pixels = images(1, 24)
    filled = replace(
        PLAIN, width_shift=0.25, fill_mode="constant", fill_value=200.0, **fields
    )
    parameters = sample_parameters(filled, TIGHT, 1, Largest())
    out = applied(filled, pixels, TIGHT, parameters)
    black = applied(replace(filled, fill_value=0.0), pixels, TIGHT, parameters)
    ones = np.full_like(pixels, 255)
    inside = applied(replace(filled, fill_value=0.0), ones, TIGHT, parameters) / 255
    np.testing.assert_allclose(out, black + 200 * (1 - inside), atol=0.01)
    assert (inside == 0).any() and (inside == 1).any()
    if not fields:
        wide = np.pad(
            pixels[0].astype(float), ((0, 0), (6, 6), (0, 0)), constant_values=200
        )
        np.testing.assert_allclose(out[0], wide[:, 12:36], atol=0.01)


def test_a_channel_shift_adds_the_same_to_all_channels():
    pixels = images(8, 24)
    augmentation = replace(PLAIN, channel_shift=40.0)
    parameters = sample_parameters(augmentation, TIGHT, 8, np.random.default_rng(1))
    out = applied(augmentation, pixels, TIGHT, parameters)
    shift = parameters.color_offset
    assert (shift == shift[:, :1]).all() and len({*shift[:, 0]}) == 8
    assert 20 < abs(shift).max() <= 40
    expected = (pixels + shift[:, None, None]).clip(0, 255)
    np.testing.assert_allclose(out, expected, atol=0.01)


@pytest.mark.parametrize(
    "name,enhance",
    [("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Color")],
)
def test_color_changes_are_pillows(name, enhance):
    pixels = images(8, 24)
    factors = 1 + np.random.default_rng(5).uniform(-0.4, 0.4, 8)

    class Factors:
        """The field under test gets the factors, all others get nothing."""

        def uniform(self, low, high, size):
            return factors - 1 if high == 0.4 else np.zeros(size)

    augmentation = replace(PLAIN, **{name: 0.4})
    parameters = sample_parameters(augmentation, TIGHT, 8, Factors())
    out = applied(augmentation, pixels, TIGHT, parameters)
    for image, factor, ours in zip(pixels, factors, out, strict=True):
        theirs = getattr(ImageEnhance, enhance)(Image.fromarray(image)).enhance(factor)
        assert abs(np.asarray(theirs, float) - ours).max() <= 2


def test_hue_rotates_colors_and_keeps_gray():
    recipe = replace(PLAIN, hue=0.5)
    gray = np.full((4, 24, 24, 3), 120, np.uint8)
    np.testing.assert_allclose(varied(recipe, gray, TIGHT), gray, atol=0.5)
    red = np.zeros((16, 24, 24, 3), np.uint8)
    red[..., 0] = 90
    luma = varied(recipe, red, TIGHT)[:, 0, 0] @ np.array((0.299, 0.587, 0.114))
    unclipped = varied(recipe, red, TIGHT)[:, 0, 0].min(axis=1) > 0
    np.testing.assert_allclose(luma[unclipped], 0.299 * 90, atol=1)


def test_lighting_adds_one_color_to_an_image():
    pixels = np.full((200, 24, 24, 3), 128, np.uint8)
    lighting = principal_colors(images(20))
    augmentation = replace(PLAIN, pca_lighting=0.1)
    out = varied(augmentation, pixels, TIGHT, seed=0, lighting=lighting) - 128
    assert np.ptp(out, axis=(1, 2)).max() < 1e-3
    expected = 0.01 * lighting.T @ lighting
    np.testing.assert_allclose(np.cov(out[:, 0, 0].T), expected, rtol=0.5, atol=1)


def test_the_mean_image_is_subtracted_before_it_moves():
    pixels = images(8)
    mean = pixels.mean(axis=0, dtype=np.float32)
    recipe = replace(PLAIN, random_crop=True, hflip=True)
    plain, without = varied(recipe, pixels), varied(recipe, pixels, mean=mean)
    moved_mean = varied(recipe, np.repeat(mean[None].round().astype(np.uint8), 8, axis=0))
    np.testing.assert_allclose(plain - moved_mean, without, atol=0.51)


@pytest.mark.parametrize("size", [24, 37])
@pytest.mark.parametrize("flips", [{}, {"hflip": True}, {"hflip": True, "vflip": True}])
def test_copied_windows_are_what_a_warp_would_give(size, flips):
    preprocess = replace(RAW, stored_size=size)
    augmentation = replace(PLAIN, random_crop=size > 24, **flips)
    pixels = images(32, size)
    assert geometry(augmentation, preprocess) == "copy"
    rng = np.random.default_rng(3)
    affine = sample_parameters(augmentation, preprocess, 32, rng).affine.astype(np.float32)
    warped = backend_ops.warp(pixels, affine, 24, False, "constant")
    np.testing.assert_array_equal(crops(pixels, affine, 24), warped)


@pytest.mark.parametrize("stored", [24, 31, 32])
def test_the_centers_are_those_of_predictions(stored):
    pixels = images(3, stored)
    found = crops(pixels, center_crops(3, stored, 24), 24)
    np.testing.assert_array_equal(found, crop(pixels, 24))


def test_crops_are_copied_where_that_is_enough():
    assert geometry(PLAIN, RAW) == geometry(replace(PLAIN, random_crop=True), RAW) == "copy"
    assert geometry(replace(PLAIN, crop_area=0.5), RAW) == "boxes"
    assert geometry(replace(PLAIN, crop_area=0.5, rotation=5.0), RAW) == "warp"
    assert geometry(PLAIN, replace(RAW, mean=None)) == "warp"
    assert fed_side(PLAIN, RAW) == 24
    assert fed_side(replace(PLAIN, rotation=5.0), RAW) == 32


@pytest.mark.parametrize(
    "fields", [{}, {"crop_area": 0.5}, {"rotation": 20.0}, {"hue": 0.2}]
)
def test_mean_and_std_apply_after_augmentation(fields):
    """Wherever standardization is folded into other steps."""
    augmentation = replace(PLAIN, **fields)
    standard = replace(RAW, mean=(120.0, 110.0, 100.0), std=(60.0, 55.0, 50.0))
    raw = varied(augmentation, images())
    found = varied(augmentation, images(), standard)
    expected = (raw - standard.mean) / standard.std
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("fields", [{}, {"crop_area": 0.5}, {"rotation": 20.0, "hue": 0.2}])
@pytest.mark.parametrize("scale", [True, False])
def test_each_image_is_standardized_by_itself_after_augmentation(fields, scale):
    """As Keras' ImageDataGenerator does it in training."""
    own = {"samplewise_center": True, "samplewise_std_normalization": scale}
    augmentation = replace(PLAIN, **fields)
    found = varied(augmentation, images(), replace(RAW, **own))
    generator = ImageDataGenerator(**own)
    expected = [generator.standardize(x.copy()) for x in varied(augmentation, images())]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_colors_are_clipped_to_what_an_image_can_hold():
    white = np.full((4, 24, 24, 3), 250, np.uint8)
    augmentation = replace(PLAIN, brightness=1.0)
    parameters = sample_parameters(augmentation, TIGHT, 4, Largest())
    assert (applied(augmentation, white, TIGHT, parameters) == 255).all()
    standard = replace(TIGHT, mean=(100.0, 100.0, 100.0), std=(50.0, 50.0, 50.0))
    found = applied(augmentation, white, standard, parameters)
    np.testing.assert_allclose(found, 3.1, rtol=1e-5)


def test_the_mean_image_moves_with_the_crop_outside_training():
    pixels = images()
    mean = images(1, seed=9)[0].astype(np.float32)
    layer = AugmentAndStandardize(PLAIN, replace(RAW, mean=None), mean)
    ignored = np.zeros((len(pixels), WIDTH), np.float32)
    found = layer([pixels, ignored], training=False)
    np.testing.assert_allclose(found, center(pixels) - center(mean[None]), atol=1e-4)


def test_smaller_sides_see_the_same_center():
    """Progressive resizing: the layer gives what `side` asks for, in both modes."""
    smooth = np.broadcast_to(np.linspace(0, 255, 32)[None, :, None, None], (2, 32, 32, 3))
    pixels = smooth.astype(np.uint8)
    augmentation = replace(PLAIN, crop_area=0.5)
    layer = AugmentAndStandardize(augmentation, RAW, side=12)
    ignored = np.zeros((2, WIDTH), np.float32)
    validated = np.asarray(layer([pixels, ignored], training=False))
    assert validated.shape == (2, 12, 12, 3)
    kerass = keras.ops.image.resize(center(pixels), (12, 12), antialias=True)
    np.testing.assert_allclose(validated, kerass, atol=1e-3)
    pairs = center(pixels).reshape(2, 12, 2, 12, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(validated[:, 1:-1], pairs[:, 1:-1], atol=1)
    rng = np.random.default_rng(0)
    packed = sample_parameters(augmentation, replace(RAW, input_size=12), 2, rng).pack()
    assert layer([pixels, packed], training=True).shape == (2, 12, 12, 3)


def test_mixing_reaches_the_images():
    pixels = (
        np.repeat(np.uint8([0, 200])[:, None, None, None], 24, 1).repeat(24, 2).repeat(3, 3)
    )
    augmentation = replace(PLAIN, mixup=1.0)
    rng = np.random.default_rng(0)
    parameters = sample_parameters(augmentation, TIGHT, 2, rng)
    found = applied(augmentation, pixels, TIGHT, parameters)[:, 0, 0, 0]
    first, second = parameters.own_share[:, 0]
    np.testing.assert_allclose(found, [200 * (1 - first), 200 * second], rtol=1e-5)
