"""Probabilities are made to mean what they say, and thresholds keep their promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.evaluation.calibration import (
    LEAST_PICTURES,
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


def test_few_images_tell_no_temperature():
    views = softmax(RNG.normal(0, 1, (1, LEAST_PICTURES - 1, 3)))
    assert fit_temperature(views, views[0].argmax(1)) == 1.0


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.62, 0.38], [0.3, 0.7]])
    bins = reliability(probabilities, np.array([0, 1, 0, 1]), bins=10)
    assert [x.images for x in bins] == [0, 0, 0, 0, 0, 0, 1, 1, 0, 2]
    assert bins[9].confidence == pytest.approx(0.925)
    assert bins[9].accuracy == 0.5
    expected = (2 * 0.425 + 0.38 + 0.3) / 4
    assert expected_calibration_error(bins) == pytest.approx(expected)


def test_certain_and_right_is_perfectly_calibrated():
    bins = reliability(np.eye(3), np.arange(3))
    assert expected_calibration_error(bins) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from([0.2, 0.5, 0.7, 0.9, 1.0]), st.booleans()), min_size=1
    ),
    st.sampled_from([0.5, 0.8, 0.95, 1.0]),
)
def test_threshold_keeps_its_promise_and_is_the_lowest(rows, precision):
    confidence, right = np.array([x for x, _ in rows]), np.array([x for _, x in rows])
    found = rejection_threshold(confidence, right, precision)
    good = [t for t in set(confidence) if right[confidence >= t].mean() >= precision]
    assert found == (min(good) if good else None)
