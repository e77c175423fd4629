"""Confidence is made to match accuracy, and thresholds reach the precision they are for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.evaluation.calibration import (
    BINS,
    MIN_IMAGES,
    at_temperature,
    expected_calibration_error,
    fit_temperature,
    rejection_threshold,
    reliability,
)

RNG = np.random.default_rng(0)


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_temperature_divides_logits():
    logits = RNG.normal(0, 3, (2, 7, 4))
    found = at_temperature(softmax(logits).astype(np.float32), 2.5)
    np.testing.assert_allclose(found, softmax(logits / 2.5), rtol=1e-5)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_and_is_scipys(true):
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is not installed")
    logits = RNG.normal(0, 2, (4000, 5))
    labels = np.array([RNG.choice(5, p=x) for x in softmax(logits)])
    views = softmax(logits * true)[None]
    found = fit_temperature(views, labels)
    assert found == pytest.approx(true, rel=0.08)

    def loss(t):
        return -np.log(at_temperature(views, t)[0][np.arange(4000), labels]).mean()

    theirs = optimize.minimize_scalar(loss, bounds=(0.2, 5), method="bounded").x
    assert found == pytest.approx(theirs, rel=1e-3)


def test_the_temperature_of_several_views_is_that_of_their_mean():
    logits = RNG.normal(0, 2, (3, 400, 5))
    labels = np.array([RNG.choice(5, p=x) for x in softmax(logits).mean(0)])
    views = softmax(logits * 2)
    found = fit_temperature(views, labels)

    def loss(t):
        mean = at_temperature(views, t).mean(axis=0)
        return -np.log(mean[np.arange(400), labels]).mean()

    assert loss(found) <= min(loss(t) for t in np.geomspace(0.2, 5, 300)) + 1e-7


@pytest.mark.parametrize("sign,bound", [(1, 0.2), (-1, 5.0)])
def test_the_temperature_has_bounds(sign, bound):
    logits = RNG.normal(0, 1, (100, 3))
    labels = (sign * logits).argmax(1)
    assert fit_temperature(softmax(logits)[None], labels) == pytest.approx(bound, rel=1e-3)


def test_few_images_give_no_temperature():
    views = softmax(RNG.normal(0, 1, (1, MIN_IMAGES - 1, 3)))
    assert fit_temperature(views, views[0].argmax(1)) == 1.0
    views = softmax(RNG.normal(0, 1, (1, MIN_IMAGES, 3)))
    assert fit_temperature(views, views[0].argmax(1)) != 1.0


@given(st.integers(0, 99), st.floats(0.2, 5))
def test_a_temperature_keeps_the_order_of_classes(seed, temperature):
    before = softmax(np.random.default_rng(seed).normal(0, 3, (6, 4)))
    after = at_temperature(before, temperature)
    np.testing.assert_array_equal(before.argsort(1), after.argsort(1))
    np.testing.assert_allclose(after.sum(1), 1)
    back = at_temperature(after, 1 / temperature)
    np.testing.assert_allclose(back, before, rtol=1e-6)


def test_certain_probabilities_stay_finite_at_any_temperature():
    for temperature in (0.2, 1.0, 5.0):
        found = at_temperature(np.eye(3, dtype=np.float32), temperature)
        assert found.dtype == np.float64 and np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(1), 1)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.62, 0.38], [0.3, 0.7]])
    bins = reliability(probabilities, np.array([0, 1, 0, 1]), bins=10)
    assert [x.images for x in bins] == [0, 0, 0, 0, 0, 0, 1, 1, 0, 2]
    assert bins[9].confidence == pytest.approx(0.925)
    assert bins[9].accuracy == 0.5
    expected = (2 * 0.425 + 0.38 + 0.3) / 4
    assert expected_calibration_error(bins) == pytest.approx(expected)


def test_certain_and_correct_is_perfectly_calibrated():
    bins = reliability(np.eye(3), np.arange(3))
    assert expected_calibration_error(bins) == 0
    assert len(bins) == BINS and bins[-1].images == 3


@given(st.integers(1, 60), st.integers(2, 5), st.integers(1, 20), st.integers(0, 99))
def test_every_image_is_in_the_bin_of_its_confidence(count, classes, bins, seed):
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (count, classes)))
    labels = rng.integers(0, classes, count)
    found = reliability(probabilities, labels, bins)
    assert sum(x.images for x in found) == count
    assert (found[0].low, found[-1].high) == (0, 1)
    for before, after in pairwise(found):
        assert before.high == after.low
    for x in found:
        inside = x.low - 1e-9 <= x.confidence <= x.high + 1e-9
        assert inside if x.images else (x.confidence, x.accuracy) == (0, 0)
    top1 = (probabilities.argmax(1) == labels).mean()
    assert sum(x.images * x.accuracy for x in found) / count == pytest.approx(top1)
    assert 0 <= expected_calibration_error(found) <= 1


@given(
    st.lists(
        st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.9, 1.0]), st.booleans()), min_size=1
    ),
    st.sampled_from([0.5, 0.8, 0.95, 1.0]),
)
def test_the_threshold_reaches_its_precision_and_is_the_lowest(rows, precision):
    confidence, correct = np.array([x for x, _ in rows]), np.array([x for _, x in rows])
    found = rejection_threshold(confidence, correct, precision)
    good = [t for t in set(confidence) if correct[confidence >= t].mean() >= precision]
    assert found == (min(good) if good else None)
