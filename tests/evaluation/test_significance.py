"""Intervals cover what they should, and tests are those of SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.evaluation.significance import bootstrap, mcnemar

RNG = np.random.default_rng(0)


def confusion_of(labels, predicted, classes):
    found = np.zeros((classes, classes), np.int64)
    np.add.at(found, (labels, predicted), 1)
    return found


def test_bootstrap_is_what_resampling_images_gives():
    labels = RNG.integers(0, 3, 200)
    predicted = np.where(RNG.random(200) < 0.7, labels, RNG.integers(0, 3, 200))
    found = bootstrap(confusion_of(labels, predicted, 3))
    accuracies, f1s = [], []
    for _ in range(3000):
        rows = RNG.integers(0, 200, 200)
        sample = confusion_of(labels[rows], predicted[rows], 3)
        accuracies.append(np.trace(sample) / 200)
        f1s.append(np.mean(2 * np.diag(sample) / (sample.sum(0) + sample.sum(1))))
    assert found.top1 == pytest.approx(np.quantile(accuracies, (0.025, 0.975)), abs=0.011)
    assert found.macro_f1 == pytest.approx(np.quantile(f1s, (0.025, 0.975)), abs=0.011)


def test_accuracys_interval_is_the_binomials():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    found = bootstrap(np.array([[160, 40], [30, 170]])).top1
    theirs = np.array(stats.binom.interval(0.95, 400, 330 / 400)) / 400
    assert found == pytest.approx(theirs, abs=0.005)


def test_without_mistakes_the_interval_is_a_point():
    assert bootstrap(np.diag([5, 7])).top1 == (1.0, 1.0)
    assert bootstrap(np.diag([5, 7, 0])).macro_f1 == (1.0, 1.0)
    assert bootstrap(np.array([[0, 3], [0, 0]])).top1 == (0.0, 0.0)
    assert bootstrap(np.array([[1]])).top1 == (1.0, 1.0)


@given(st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=10)
def test_intervals_are_ordered_repeatable_and_hold_the_score(classes, seed):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, classes, (2, 60))
    labels[:30] = predicted[:30]
    confusion = confusion_of(labels, predicted, classes)
    found = bootstrap(confusion)
    assert found == bootstrap(confusion)
    top1 = np.trace(confusion) / 60
    assert 0 <= found.top1[0] <= top1 <= found.top1[1] <= 1
    assert 0 <= found.macro_f1[0] < found.macro_f1[1] <= 1


def test_more_images_give_narrower_intervals():
    one, ten, hundred = (
        bootstrap(np.array([[8, 2], [3, 7]]) * x).top1 for x in (1, 10, 100)
    )
    widths = [high - low for low, high in (one, ten, hundred)]
    assert widths[0] / widths[1] == pytest.approx(10**0.5, rel=0.15)
    assert widths[1] / widths[2] == pytest.approx(10**0.5, rel=0.15)


def test_the_seed_changes_the_samples():
    confusion = np.array([[160, 40], [30, 170]])
    assert bootstrap(confusion, seed=0) != bootstrap(confusion, seed=1)


@pytest.mark.parametrize("one,other", [(0, 0), (3, 3), (10, 2), (0, 9), (400, 300)])
def test_mcnemar_is_scipys_binomial_test(one, other):
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    first = np.array([True] * one + [False] * other + [True] * 50)
    second = np.array([False] * one + [True] * other + [True] * 50)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (one, other)
    theirs = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert found.p == pytest.approx(theirs)
    assert mcnemar(second, first).p == found.p


def test_mcnemars_p_is_a_probability_by_hand():
    first = np.array([True] * 3 + [False] * 1)
    # Four images differ, three for the first: 2 * (1 + 4) / 2**4.
    assert mcnemar(first, ~first).p == 2 * 5 / 16
    assert mcnemar(first, first).p == 1.0
    none = np.zeros(0, bool)
    assert mcnemar(none, none).p == 1.0
    many = np.array([True] * 3000 + [False] * 100)
    assert 0 <= mcnemar(many, ~many).p < 1e-300
