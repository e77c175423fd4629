"""Scores are those of Keras, and do not care about the order of images."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.evaluation.scores import score, top_k

NAMES = tuple("abcdefg")


def guesses(count, classes, seed):
    rng = np.random.default_rng(seed)
    raw = rng.exponential(1, (count, classes)) ** 2
    probabilities = (raw / raw.sum(1, keepdims=True)).astype(np.float32)
    return probabilities, rng.integers(0, classes, count)


@given(st.integers(1, 60), st.integers(2, 7), st.integers(0, 99))
@settings(max_examples=20)
def test_scores_are_keras(count, classes, seed):
    probabilities, labels = guesses(count, classes, seed)
    ours = score(probabilities, labels, NAMES[:classes])
    loss = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert ours.loss == pytest.approx(float(loss), rel=1e-4)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    accuracy.update_state(labels, probabilities)
    assert ours.top1 == pytest.approx(float(accuracy.result()))
    f1 = keras.metrics.F1Score()
    f1.update_state(np.eye(classes, dtype=np.float32)[labels], probabilities)
    for theirs, row in zip(np.asarray(f1.result()), ours.classes, strict=True):
        if row.support:
            assert row.f1 == pytest.approx(theirs, abs=1e-5)
    for k in range(1, classes + 1):
        top = keras.metrics.SparseTopKCategoricalAccuracy(k)
        top.update_state(labels, probabilities)
        assert top_k(probabilities, labels, k) == pytest.approx(float(top.result()))


@given(st.integers(2, 40), st.integers(0, 99))
def test_laws(count, seed):
    probabilities, labels = guesses(count, 6, seed)
    ours = score(probabilities, labels, NAMES[:6])
    assert ours.confusion.sum() == ours.images == count
    assert ours.top1 == np.trace(ours.confusion) / count
    assert ours.top5 >= ours.top1
    order = np.random.default_rng(seed).permutation(count)
    shuffled = score(probabilities[order], labels[order], NAMES[:6])
    np.testing.assert_array_equal(shuffled.confusion, ours.confusion)
    assert shuffled.loss == pytest.approx(ours.loss)


def test_a_small_case_by_hand():
    probabilities = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 1]]
    ours = score(probabilities, np.array([0, 1, 1, 1, 0]), ("cat", "dog", "owl"))
    assert ours.confusion.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    cat, dog, owl = ours.classes
    assert (cat.precision, cat.recall, cat.support) == (0.5, 0.5, 2)
    assert dog.precision == dog.recall == dog.f1 == pytest.approx(2 / 3)
    assert (owl.precision, owl.recall, owl.f1, owl.support) == (None, None, None, 0)
    assert ours.macro_f1 == pytest.approx((0.5 + 2 / 3) / 2)
    assert ours.top5 is None
    assert ours.confused() == [("cat", "dog", 1), ("dog", "cat", 1)]
    # The two images of other classes have probability 0, taken as the least of float32.
    assert ours.loss == pytest.approx(-2 / 5 * np.log(np.finfo(np.float32).tiny))


def test_of_equal_probabilities_the_first_class_is_predicted():
    ours = score(np.full((2, 3), 1 / 3, np.float32), np.array([0, 1]), ("a", "b", "c"))
    assert ours.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert ours.top1 == 0.5
    flat = np.full((4, 6), 1 / 6, np.float32)
    assert top_k(flat, np.array([0, 1, 2, 5]), 3) == 0.75


def test_top5_is_given_from_six_classes_on():
    probabilities = np.array([[0.3, 0.25, 0.2, 0.15, 0.06, 0.04]], np.float32)
    assert score(probabilities, np.array([4]), NAMES[:6]).top5 == 1.0
    assert score(probabilities, np.array([5]), NAMES[:6]).top5 == 0.0
    assert score(probabilities[:, :5], np.array([4]), NAMES[:5]).top5 is None


def test_the_worst_mistakes_come_first_and_no_more_than_asked_for():
    predicted = [1, 1, 1, 2, 2, 0, 0, 0, 0]
    labels = np.array([0, 0, 0, 0, 0, 2, 2, 2, 2])
    ours = score(np.eye(3, dtype=np.float32)[predicted], labels, ("a", "b", "c"))
    assert ours.confused() == [("c", "a", 4), ("a", "b", 3), ("a", "c", 2)]
    assert ours.confused(1) == [("c", "a", 4)]
    right = score(np.eye(3, dtype=np.float32), np.arange(3), ("a", "b", "c"))
    assert right.confused() == []
    assert str(right.loss) == "0.0"


def test_classes_that_occur_nowhere_are_left_out_of_tables():
    probabilities = np.eye(4, dtype=np.float32)[[0, 0, 2]]
    ours = score(probabilities, np.array([0, 3, 0]), ("cat", "dog", "owl", "yak"))
    short = ours.occurring()
    assert [x.name for x in short.classes] == ["cat", "owl", "yak"]
    assert short.confusion.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert (short.top1, short.macro_f1, short.images) == (ours.top1, ours.macro_f1, 3)
    assert short.confused() == ours.confused()
