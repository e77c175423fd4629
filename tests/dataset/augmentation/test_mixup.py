"""What is done to images is done to their labels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.augmentation.mixup import mix, mix_targets, sample_mixing
from alexnet_cli.dataset.augmentation.parameters import AugmentationParameters
from alexnet_cli.recipe.sections import Augmentation

SIDE = 64


def plain(values):
    """Images [B, SIDE, SIDE, 1] of one value each."""
    return np.broadcast_to(
        np.float32(values)[:, None, None, None], (len(values), SIDE, SIDE, 1)
    )


def sampled(count, seed=0, **fields):
    """The parameters of mixing, packed and unpacked, with nothing else changed."""
    rng = np.random.default_rng(seed)
    mixing = sample_mixing(Augmentation(**fields), count, rng)
    others = {
        "affine": np.zeros((count, 6)), "color_matrix": np.zeros((count, 9)),
        "color_offset": np.zeros((count, 3)), "pivot": np.zeros((count, 1)),
    }  # fmt: skip
    return AugmentationParameters.unpack(AugmentationParameters(**others, **mixing).pack())


def areas(boxes):
    left, top, right, bottom = boxes.T
    return (right - left) * (bottom - top)


@given(
    mixup=st.sampled_from([0.0, 0.2, 1.0]),
    cutmix=st.sampled_from([0.0, 1.0]),
    count=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_labels_are_the_shares_of_pixels(mixup, cutmix, count, seed):
    parameters = sampled(count, seed, mixup=mixup, cutmix=cutmix)
    targets = mix_targets(np.eye(count, dtype=np.float32), parameters)
    assert targets.shape == (count, count) and targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert targets.min() >= 0
    for i in range(count):
        pixels = np.asarray(mix(plain(np.eye(count)[i]), parameters))
        # A box has whole pixels, its label's share has none.
        np.testing.assert_allclose(pixels.mean((1, 2, 3)), targets[:, i], atol=2.1 / SIDE)


def test_without_mixing_nothing_is_sampled_or_changed():
    parameters = sampled(5)
    images = np.random.default_rng(1).random((5, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_array_equal(mix(images, parameters), images)
    targets = np.eye(5, dtype=np.float32)
    np.testing.assert_array_equal(mix_targets(targets, parameters), targets)


def test_an_image_is_mixed_with_the_one_before_it():
    parameters = replace(sampled(4), own_share=np.full((4, 1), 0.75, np.float32))
    found = np.asarray(mix(plain([0, 1, 2, 3]), parameters))[:, 0, 0, 0]
    np.testing.assert_allclose(found, [0.75, 0.75, 1.75, 2.75])


def test_a_pasted_box_is_where_it_says():
    box = np.array([[0.25, 0.5, 0.75, 1.0]], np.float32)
    parameters = replace(sampled(2), pasted_box=np.repeat(box, 2, axis=0))
    first = np.asarray(mix(plain([0, 1]), parameters))[0, :, :, 0]
    expected = np.zeros((SIDE, SIDE))
    expected[32:, 16:48] = 1
    np.testing.assert_array_equal(first, expected)


def test_an_image_is_blended_or_pasted_never_both():
    parameters = sampled(400, mixup=1.0, cutmix=1.0)
    blended = parameters.own_share[:, 0] < 1
    pasted = parameters.pasted_box.any(axis=1)
    assert not (blended & pasted).any()
    assert blended.mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_of_mixup_follow_beta(alpha):
    share = sampled(20_000, mixup=alpha).own_share
    assert share.min() >= 0 and share.max() <= 1
    assert share.mean() == pytest.approx(0.5, abs=0.01)
    assert share.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_erasing_blanks_as_many_as_asked_and_as_much_as_published():
    """Zhong et al. 2017: 2 to 33 % of the area, 0.3 to 3.3 as wide as high."""
    parameters = sampled(4000, erasing=0.25)
    box = parameters.erased_box
    area = areas(box)
    assert (area > 0).mean() == pytest.approx(0.25, abs=0.03)
    assert area.max() <= 0.331
    inside = (box > 0).all(axis=1) & (box < 1).all(axis=1)
    width, height = (box[:, 2:] - box[:, :2])[inside].T
    assert area[inside].min() >= 0.0199
    assert 0.299 < (width / height).min() < 0.33 and 3.0 < (width / height).max() < 3.31
    some = AugmentationParameters.unpack(parameters.pack()[:50])
    ones = np.asarray(mix(plain(np.ones(50)), some))
    np.testing.assert_allclose(ones.mean((1, 2, 3)), 1 - area[:50], atol=2.1 / SIDE)


def test_erasing_leaves_labels_as_they_are():
    targets = np.eye(8, dtype=np.float32)
    np.testing.assert_array_equal(mix_targets(targets, sampled(8, erasing=1.0)), targets)


def test_cutmix_areas_follow_beta():
    area = areas(sampled(4000, cutmix=1.0).pasted_box)
    # Uniform areas about uniform centers, cut at the edge: 1/2 would be without the cut.
    assert 0.3 < area.mean() < 0.5


@given(st.integers(0, 999))
def test_boxes_stay_inside_the_image(seed):
    parameters = sampled(20, seed, cutmix=0.5, erasing=1.0)
    for box in (parameters.pasted_box, parameters.erased_box):
        assert box.min() >= 0 and box.max() <= 1
        assert (box[:, :2] <= box[:, 2:]).all()
