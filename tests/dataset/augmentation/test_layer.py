"""Every image draws its own numbers, and the composed maps do what their names say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from alexnet_cli.backend import ops as backend_ops
from alexnet_cli.dataset.augmentation.layer import (
    AugmentAndStandardize,
    copy_crops,
    geometry,
)
from alexnet_cli.dataset.augmentation.sampling import (
    DRAWN,
    principal_colors,
    sample_parameters,
)
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.recipe import Recipe

RAW = Preprocess("squash", 32, 24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
TIGHT = replace(RAW, size=24)
PLAIN = Recipe(hflip=False, crop_area=0.0, brightness=0.0, contrast=0.0, saturation=0.0)


def images(count=6, side=32, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 6, 6, 3), np.uint8)
    big = [np.asarray(Image.fromarray(x).resize((side, side), 2)) for x in coarse]
    return np.stack(big)


def varied(recipe, pixels, preprocess=RAW, seed=1, mean=None):
    """What training sees of `pixels`, as `batches` puts it together."""
    if mean is not None:
        preprocess = replace(preprocess, mean=None)
    draws = sample_parameters(recipe, preprocess, len(pixels), np.random.default_rng(seed))
    if geometry(recipe, preprocess) == "copy":
        pixels = copy_crops(pixels, draws, preprocess.input_size)
    return np.asarray(
        AugmentAndStandardize(recipe, preprocess, mean)([pixels, draws], training=True)
    )


def center(pixels, preprocess=RAW):
    top = (preprocess.stored_size - preprocess.input_size) // 2
    return pixels[
        :, top : top + preprocess.input_size, top : top + preprocess.input_size
    ].astype(float)


ALL = {
    "hflip": True, "vflip": True, "rotation": 30.0, "width_shift": 0.3, "height_shift": 0.3,
    "shear": 20.0, "zoom": 0.4, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4,
    "hue": 0.3, "random_crop": True, "crop_area": 0.3,
}  # fmt: skip


def test_without_augmentation_training_sees_the_center():
    pixels = images()
    np.testing.assert_array_equal(varied(PLAIN, pixels), center(pixels))


def test_not_training_ignores_the_draws():
    pixels = images()
    prepare = AugmentAndStandardize(Recipe(**ALL), RAW)
    draws = sample_parameters(Recipe(**ALL), RAW, len(pixels), np.random.default_rng(0))
    np.testing.assert_array_equal(prepare([pixels, draws], training=False), center(pixels))


@pytest.mark.parametrize("name", ALL)
def test_every_image_draws_its_own(name):
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
    for image, crop in zip(pixels, out, strict=True):
        found = [
            (y, x)
            for y in range(9)
            for x in range(9)
            if np.array_equal(image[y : y + 24, x : x + 24], crop)
        ]
        assert found
        places.add(found[0])
    assert len(places) > 20
    assert {0, 8} & {y for y, _ in places}


def test_rotation_by_a_right_angle_is_numpys(monkeypatch):
    pixels = images(2, 24)

    class Fixed:
        def uniform(self, low, high, size):
            return np.full(size, high)

    draws = sample_parameters(replace(PLAIN, rotation=90.0), TIGHT, 2, Fixed())
    out = np.asarray(
        AugmentAndStandardize(replace(PLAIN, rotation=90.0), TIGHT)(
            [pixels, draws], training=True
        )
    )
    turns = [np.rot90(pixels, k, (1, 2)) for k in (1, 3)]
    assert min(abs(out - x).max() for x in turns) < 0.01


def test_shift_moves_by_the_fraction_and_fills():
    pixels = np.zeros((1, 24, 24, 3), np.uint8)
    pixels[:, :, 12] = 255

    class Fixed:
        def uniform(self, low, high, size):
            return np.full(size, high)

    recipe = replace(PLAIN, width_shift=0.25, fill_mode="constant")
    draws = sample_parameters(recipe, TIGHT, 1, Fixed())
    out = np.asarray(AugmentAndStandardize(recipe, TIGHT)([pixels, draws], training=True))
    assert out[0, 5, :, 0].argmax() == 12 - 6


@pytest.mark.parametrize("mode", ["nearest", "reflect", "wrap", "constant"])
def test_fill_modes_are_numpys(mode):
    pixels = images(1, 24)

    class Fixed:
        def uniform(self, low, high, size):
            return np.full(size, high)

    recipe = replace(PLAIN, width_shift=0.25, fill_mode=mode)
    draws = sample_parameters(recipe, TIGHT, 1, Fixed())
    out = np.asarray(AugmentAndStandardize(recipe, TIGHT)([pixels, draws], training=True))
    pad = {
        "nearest": "edge",
        "reflect": "symmetric",
        "wrap": "wrap",
        "constant": "constant",
    }
    wide = np.pad(pixels[0].astype(float), ((0, 0), (6, 6), (0, 0)), pad[mode])
    np.testing.assert_allclose(out[0], wide[:, 12:36], atol=0.01)


@pytest.mark.parametrize(
    "name,enhance",
    [("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Color")],
)
def test_color_changes_are_pillows(name, enhance):
    pixels = images(8, 24)
    factors = 1 + np.random.default_rng(5).uniform(-0.4, 0.4, 8)

    class Fixed:
        """The sample_parameters under test gets the factors, all others get nothing."""

        def uniform(self, low, high, size):
            return factors - 1 if high == 0.4 else np.zeros(size)

    recipe = replace(PLAIN, **{name: 0.4})
    draws = sample_parameters(recipe, TIGHT, 8, Fixed())
    out = np.asarray(AugmentAndStandardize(recipe, TIGHT)([pixels, draws], training=True))
    for image, factor, ours in zip(pixels, factors, out, strict=True):
        theirs = getattr(ImageEnhance, enhance)(Image.fromarray(image)).enhance(factor)
        assert abs(np.asarray(theirs, float) - ours).max() <= 2


def test_hue_turns_colors_and_keeps_gray():
    recipe = replace(PLAIN, hue=0.5)
    gray = np.full((4, 24, 24, 3), 120, np.uint8)
    np.testing.assert_allclose(varied(recipe, gray, TIGHT), gray, atol=0.5)
    red = np.zeros((16, 24, 24, 3), np.uint8)
    red[..., 0] = 90
    luma = varied(recipe, red, TIGHT)[:, 0, 0] @ np.array((0.299, 0.587, 0.114))
    unclipped = varied(recipe, red, TIGHT)[:, 0, 0].min(axis=1) > 0
    np.testing.assert_allclose(luma[unclipped], 0.299 * 90, atol=1)


def test_principal_colors_are_the_covariances():
    pixels = images(20)
    rows = principal_colors(pixels) / 255
    covariance = np.cov(pixels.reshape(-1, 3).T / 255)
    values = np.linalg.norm(rows, axis=1)
    vectors = rows / values[:, None]
    np.testing.assert_allclose(
        vectors.T @ np.diag(values) @ vectors, covariance, atol=1e-10
    )


def test_lighting_adds_one_color_to_an_image():
    recipe = replace(PLAIN, pca_lighting=0.1)
    pixels = np.full((200, 24, 24, 3), 128, np.uint8)
    lighting = principal_colors(images(20))
    draws = sample_parameters(recipe, TIGHT, 200, np.random.default_rng(0), lighting)
    out = (
        np.asarray(AugmentAndStandardize(recipe, TIGHT)([pixels, draws], training=True))
        - 128
    )
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


@given(st.integers(0, 10**6), st.floats(0.05, 1.0), st.integers(24, 64))
@settings(max_examples=50)
def test_a_crop_stays_inside_its_image(seed, area, size):
    preprocess = replace(RAW, size=size)
    rng = np.random.default_rng(seed)
    maps = sample_parameters(replace(PLAIN, crop_area=area), preprocess, 20, rng)[
        :, :6
    ].reshape(-1, 2, 3)
    for corner in ((0, 0, 1), (23, 0, 1), (0, 23, 1), (23, 23, 1)):
        at = maps @ np.array(corner)
        assert at.min() >= 0 and at.max() <= size - 1


def test_draws_follow_from_the_seed():
    recipe = Recipe(**ALL)
    one, same, other = (
        sample_parameters(recipe, RAW, 5, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert one.shape == (5, DRAWN) and one.dtype == np.float32
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("size", [24, 37])
@pytest.mark.parametrize("flips", [{}, {"hflip": True}, {"hflip": True, "vflip": True}])
def test_copied_windows_are_what_a_warp_would_give(size, flips):
    preprocess = replace(RAW, size=size)
    recipe = replace(PLAIN, random_crop=size > 24, **flips)
    pixels = images(32, size)
    assert geometry(recipe, preprocess) == "copy"
    draws = sample_parameters(recipe, preprocess, 32, np.random.default_rng(3))
    warped = backend_ops.warp(pixels, draws[:, :6], 24, False, "constant")
    np.testing.assert_array_equal(copy_crops(pixels, draws, 24), warped)
