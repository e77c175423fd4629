"""Parameters stay within the bounds that the recipe names, and follow from the seed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.dataset.augmentation.parameters import WIDTH
from alexnet_cli.dataset.augmentation.sampling import (
    LUMA,
    principal_colors,
    sample_parameters,
)
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.sections import Augmentation

SQUARE = Preprocess("squash", 32, 24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
PLAIN = Augmentation(
    hflip=False, crop_area=0.0, brightness=0.0, contrast=0.0, saturation=0.0
)
CORNERS = np.array([(0, 0, 1), (23, 0, 1), (0, 23, 1), (23, 23, 1)])
COUNT = 2000


def sampled(count=COUNT, seed=0, preprocess=SQUARE, lighting=None, **fields):
    rng = np.random.default_rng(seed)
    return sample_parameters(replace(PLAIN, **fields), preprocess, count, rng, lighting)


def linear(parameters):
    """[count, 2, 2]: the affine maps without their origins."""
    return parameters.affine.reshape(-1, 2, 3)[:, :, :2]


def center(parameters):
    """[count, 2]: where the center of the output comes from, x and y."""
    maps = parameters.affine.reshape(-1, 2, 3)
    return maps @ np.array((11.5, 11.5, 1))


def is_uniform(values, low, high):
    """Within the bounds, and spread evenly between them."""
    assert values.min() >= low and values.max() <= high
    quarters = np.quantile(values, (0.25, 0.5, 0.75))
    expected = low + np.array((0.25, 0.5, 0.75)) * (high - low)
    np.testing.assert_allclose(quarters, expected, atol=0.05 * (high - low))


def test_without_augmentation_nothing_is_changed():
    found = sampled(5)
    np.testing.assert_array_equal(found.affine, np.tile((1, 0, 4, 0, 1, 4), (5, 1)))
    np.testing.assert_array_equal(found.color_matrix, np.tile(np.eye(3).ravel(), (5, 1)))
    np.testing.assert_array_equal(found.own_share, np.ones((5, 1)))
    for name in ("color_offset", "pivot", "pasted_box", "erased_box"):
        assert not getattr(found, name).any(), name


ALL = {
    "hflip": True, "vflip": True, "rotation": 30.0, "width_shift": 0.3, "height_shift": 0.3,
    "shear": 20.0, "zoom": 0.4, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4,
    "hue": 0.3, "random_crop": True, "crop_area": 0.3, "erasing": 0.5, "mixup": 0.2,
    "cutmix": 1.0, "randaugment": 2,
}  # fmt: skip


def test_parameters_follow_from_the_seed():
    one, same, other = (sampled(5, seed, **ALL).pack() for seed in (1, 1, 2))
    assert one.shape == (5, WIDTH) and one.dtype == np.float32
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", [x for x in ALL if x != "hflip"])
def test_images_differ_in_their_parameters(name):
    rows = sampled(64, **{name: ALL[name]}).pack()
    assert len(np.unique(rows, axis=0)) > (1 if name == "vflip" else 20)


@pytest.mark.parametrize("axis,name", [(0, "hflip"), (1, "vflip")])
def test_half_of_the_images_are_flipped_about_their_center(axis, name):
    found = sampled(**{name: True})
    signs = linear(found)[:, axis, axis]
    assert set(signs) == {-1.0, 1.0} and abs(signs.mean()) < 0.1
    assert (linear(found)[:, 1 - axis, 1 - axis] == 1).all()
    np.testing.assert_allclose(center(found), np.full((COUNT, 2), 15.5))


def test_rotations_are_rotations_about_the_center():
    found = sampled(rotation=40.0)
    maps = linear(found)
    np.testing.assert_allclose(
        maps @ maps.transpose(0, 2, 1), np.tile(np.eye(2), (COUNT, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(maps), 1)
    is_uniform(np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0])), -40, 40)
    np.testing.assert_allclose(center(found), np.full((COUNT, 2), 15.5))


def test_shear_leans_columns_and_keeps_rows():
    maps = linear(sampled(shear=20.0))
    np.testing.assert_array_equal(maps[:, 0, 0], 1)
    np.testing.assert_array_equal(maps[:, 1], np.tile((0, 1), (COUNT, 1)))
    is_uniform(np.rad2deg(np.arctan(maps[:, 0, 1])), -20, 20)


def test_zoom_scales_width_and_height_independently():
    maps = linear(sampled(zoom=0.3))
    width, height = maps[:, 0, 0], maps[:, 1, 1]
    is_uniform(width, 0.7, 1.3)
    is_uniform(height, 0.7, 1.3)
    assert abs(np.corrcoef(width, height)[0, 1]) < 0.1
    assert not maps[:, 0, 1].any() and not maps[:, 1, 0].any()


@pytest.mark.parametrize("axis,name", [(0, "width_shift"), (1, "height_shift")])
def test_shifts_are_fractions_of_the_input(axis, name):
    found = sampled(**{name: 0.25})
    is_uniform(center(found)[:, axis] - 15.5, -6, 6)
    np.testing.assert_allclose(center(found)[:, 1 - axis], 15.5)


def test_random_crops_start_at_every_pixel_of_the_margin():
    found = sampled(random_crop=True)
    corners = found.affine[:, [2, 5]]
    assert {tuple(x) for x in corners} == {(x, y) for x in range(9) for y in range(9)}
    np.testing.assert_array_equal(linear(found), np.tile(np.eye(2), (COUNT, 1, 1)))


@given(st.integers(0, 10**6), st.floats(0.05, 1.0), st.integers(24, 64))
@settings(max_examples=50)
def test_a_crop_stays_inside_its_image(seed, area, size):
    preprocess = replace(SQUARE, stored_size=size)
    rows = sampled(20, seed, preprocess, crop_area=area).pack()
    maps = rows[:, :6].reshape(-1, 2, 3)
    for corner in CORNERS:
        place = maps @ corner
        assert place.min() >= 0 and place.max() <= size - 1


def test_resized_crops_have_the_published_areas_and_ratios():
    """Szegedy et al. 2014: 8 % to 100 % of the area, aspect ratio 3:4 to 4:3."""
    stored = 1000
    found = sampled(crop_area=0.08, preprocess=replace(SQUARE, stored_size=stored))
    box = linear(found)[:, (0, 1), (0, 1)] * 23 + 1
    whole = (box < stored - 1).all(axis=1)  # not cut at the image's edge
    area, ratio = box.prod(axis=1) / stored**2, box[:, 0] / box[:, 1]
    assert area.min() >= 0.08 - 1e-3 and area.max() <= 1
    assert np.median(area) == pytest.approx(0.54, abs=0.03)
    assert (abs(np.log(ratio[whole])) <= np.log(4 / 3) + 1e-3).all()
    assert abs(np.log(ratio)).max() > 0.95 * np.log(4 / 3)


def test_brightness_multiplies_and_contrast_pivots_on_the_mean_gray():
    bright = sampled(brightness=0.4)
    gain = bright.color_matrix[:, 0]
    is_uniform(gain, 0.6, 1.4)
    np.testing.assert_allclose(bright.color_matrix, gain[:, None] * np.eye(3).ravel())
    assert not bright.pivot.any()
    contrast = sampled(contrast=0.4)
    gain = contrast.color_matrix[:, 0]
    is_uniform(gain, 0.6, 1.4)
    np.testing.assert_allclose(contrast.pivot[:, 0], 1 - gain)


def test_saturation_and_hue_keep_gray():
    for fields in ({"saturation": 0.5}, {"hue": 0.5}, {"saturation": 0.5, "hue": 0.5}):
        matrix = sampled(50, **fields).color_matrix.reshape(-1, 3, 3)
        # The published coefficients of YIQ have four digits.
        np.testing.assert_allclose(matrix @ np.ones(3), np.ones((50, 3)), atol=2e-3)
        np.testing.assert_allclose(LUMA @ matrix, np.tile(LUMA, (50, 1)), atol=2e-3)
        assert abs(matrix - np.eye(3)).max() > 0.2


def test_a_hue_of_half_a_turn_is_its_own_inverse():
    class Largest:
        def uniform(self, low, high, size):
            return np.full(size, high)

    found = sample_parameters(replace(PLAIN, hue=0.5), SQUARE, 1, Largest())
    matrix = found.color_matrix.reshape(3, 3)
    assert abs(matrix - np.eye(3)).max() > 0.5
    np.testing.assert_allclose(matrix @ matrix, np.eye(3), atol=1e-12)


def changed(parameters):
    """[count, 2]: whether geometry and colors are changed."""
    plain = sampled(len(parameters.pivot))
    geometry = (abs(parameters.affine - plain.affine) > 1e-9).any(axis=1)
    color = (abs(parameters.color_matrix - plain.color_matrix) > 1e-9).any(axis=1)
    return np.stack([geometry, color], axis=1)


def test_randaugment_makes_as_many_changes_as_asked():
    one = changed(sampled(randaugment=1))
    assert (one.sum(axis=1) == 1).all()
    assert one[:, 0].mean() == pytest.approx(0.5, abs=0.05)  # four of eight are geometry
    two = changed(sampled(randaugment=2))
    assert two.any(axis=1).all()
    assert two.all(axis=1).mean() == pytest.approx(0.5, abs=0.05)


def test_randaugment_keeps_its_limits():
    found = sampled(randaugment=1)
    angles = np.rad2deg(np.arctan2(linear(found)[:, 1, 0], linear(found)[:, 0, 0]))
    assert 25 < abs(angles).max() <= 30
    shift = abs(center(found) - 15.5).max(axis=0)
    assert (shift <= 0.3 * 24 + 1e-9).all() and (shift > 0.27 * 24).all()


def test_randaugment_adds_to_what_the_recipe_asks_for():
    found = sampled(randaugment=1, rotation=10.0)
    angles = np.rad2deg(np.arctan2(linear(found)[:, 1, 0], linear(found)[:, 0, 0]))
    assert 30 < abs(angles).max() <= 40
    assert (abs(angles) > 0).all()


def pixels(count=20):
    return np.random.default_rng(0).integers(0, 256, (count, 9, 9, 3)).astype(np.uint8)


def test_principal_colors_are_the_covariances():
    rows = principal_colors(pixels()) / 255
    covariance = np.cov(pixels().reshape(-1, 3).T / 255)
    values = np.linalg.norm(rows, axis=1)
    vectors = rows / values[:, None]
    np.testing.assert_allclose(
        vectors.T @ np.diag(values) @ vectors, covariance, atol=1e-10
    )


def test_principal_colors_of_gray_images_are_gray():
    gray = np.repeat(pixels()[..., :1], 3, axis=-1)
    rows = principal_colors(gray)
    weights = np.linalg.norm(rows, axis=1)
    assert np.sort(weights)[:2].max() < 1e-10
    largest = rows[weights.argmax()]
    np.testing.assert_allclose(largest, largest[0])


def test_lighting_follows_the_principal_colors():
    colors = principal_colors(pixels())
    found = sampled(20_000, lighting=colors, pca_lighting=0.1).color_offset
    expected = 0.01 * colors.T @ colors
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.cov(found.T), expected, atol=0.05 * expected.max())


def test_without_principal_colors_there_is_no_lighting():
    assert not sampled(5, pca_lighting=0.1).color_offset.any()
