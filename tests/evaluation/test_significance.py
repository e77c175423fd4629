"""Intervals cover what they should, and the tests are other people's."""

import numpy as np
import pytest

from alexnet_cli.evaluation.significance import bootstrap, mcnemar

RNG = np.random.default_rng(0)


def confusion_of(labels, predicted, classes):
    found = np.zeros((classes, classes), np.int64)
    np.add.at(found, (labels, predicted), 1)
    return found


def test_bootstrap_is_what_drawing_images_gives():
    labels = RNG.integers(0, 3, 200)
    predicted = np.where(RNG.random(200) < 0.7, labels, RNG.integers(0, 3, 200))
    found = bootstrap(confusion_of(labels, predicted, 3))
    accuracies, f1s = [], []
    for _ in range(3000):
        rows = RNG.integers(0, 200, 200)
        drawn = confusion_of(labels[rows], predicted[rows], 3)
        accuracies.append(np.trace(drawn) / 200)
        f1s.append(np.mean(2 * np.diag(drawn) / (drawn.sum(0) + drawn.sum(1))))
    assert found.top1 == pytest.approx(np.quantile(accuracies, (0.025, 0.975)), abs=0.011)
    assert found.macro_f1 == pytest.approx(np.quantile(f1s, (0.025, 0.975)), abs=0.011)


def test_accuracys_interval_is_the_binomials():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    found = bootstrap(np.array([[160, 40], [30, 170]])).top1
    theirs = np.array(stats.binom.interval(0.95, 400, 330 / 400)) / 400
    assert found == pytest.approx(theirs, abs=0.005)


def test_no_mistakes_no_doubt():
    assert bootstrap(np.diag([5, 7])).top1 == (1.0, 1.0)
    assert bootstrap(np.diag([5, 7, 0])).macro_f1 == (1.0, 1.0)


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
