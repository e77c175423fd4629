"""What is done to images is done to their labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.augmentation.mixup import (
    MIXED,
    mixed,
    mixed_targets,
    sample_mixing,
)
from alexnet_cli.recipe.recipe import Recipe

SIDE = 64


def plain(values):
    """Images [B, SIDE, SIDE, 1] of one value each."""
    return np.broadcast_to(
        np.float32(values)[:, None, None, None], (len(values), SIDE, SIDE, 1)
    )


@given(
    mixup=st.sampled_from([0.0, 0.2, 1.0]),
    cutmix=st.sampled_from([0.0, 1.0]),
    count=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_labels_are_the_shares_of_pixels(mixup, cutmix, count, seed):
    numbers = sample_mixing(
        Recipe(mixup=mixup, cutmix=cutmix), count, np.random.default_rng(seed)
    ).astype(np.float32)
    assert numbers.shape == (count, MIXED)
    targets = mixed_targets(np.eye(count, dtype=np.float32), numbers)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert targets.min() >= 0
    for i in range(count):
        pixels = np.asarray(mixed(plain(np.eye(count)[i]), numbers))
        # A box has whole pixels, its label's share has none.
        np.testing.assert_allclose(pixels.mean((1, 2, 3)), targets[:, i], atol=2.1 / SIDE)


def test_nothing_is_drawn_where_nothing_is_asked():
    numbers = sample_mixing(Recipe(), 5, np.random.default_rng(0))
    images = np.random.default_rng(1).random((5, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_array_equal(mixed(images, numbers.astype(np.float32)), images)
    targets = np.eye(5, dtype=np.float32)
    np.testing.assert_array_equal(mixed_targets(targets, numbers), targets)


def test_an_image_is_blended_or_pasted_never_both():
    numbers = sample_mixing(Recipe(mixup=1.0, cutmix=1.0), 400, np.random.default_rng(0))
    blended, pasted = numbers[:, 0] < 1, numbers[:, 1:5].any(axis=1)
    assert not (blended & pasted).any()
    assert blended.mean() == pytest.approx(0.5, abs=0.1)


def test_erasing_blanks_as_many_as_asked_and_as_much_as_published():
    numbers = sample_mixing(Recipe(erasing=0.25), 4000, np.random.default_rng(0))
    left, top, right, bottom = numbers[:, 5:9].T
    area = (right - left) * (bottom - top)
    assert (area > 0).mean() == pytest.approx(0.25, abs=0.03)
    assert area.max() <= 0.331
    ones = np.asarray(mixed(plain(np.ones(4000)[:50]), numbers[:50].astype(np.float32)))
    np.testing.assert_allclose(ones.mean((1, 2, 3)), 1 - area[:50], atol=2.1 / SIDE)


def test_cutmix_areas_follow_beta():
    numbers = sample_mixing(Recipe(cutmix=1.0), 4000, np.random.default_rng(0))
    left, top, right, bottom = numbers[:, 1:5].T
    # Uniform areas about uniform centers, cut at the edge: 1/2 would be without the cut.
    assert 0.3 < ((right - left) * (bottom - top)).mean() < 0.5
