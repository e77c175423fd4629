"""A proof compares the same images, and says what was lost of them."""

from pathlib import Path

import numpy as np
import pytest

from alexnet_cli.evaluation.proof import Judged, as_row, prove
from alexnet_cli.inference.measure import Measured

CLASSES = ("a", "b", "c")


def measured(labels, confidence=0.8):
    """Answers that predict `labels`; None is an image that cannot be read."""
    rows = np.full((len(labels), 3), (1 - confidence) / 2)
    for row, label in zip(rows, labels, strict=True):
        row[:] = row if label is not None else np.nan
        if label is not None:
            row[label] = confidence
    return Measured(rows, start=0.5, latency=0.01, throughput=100)


def test_equal_answers_lose_nothing():
    own = measured([0, 1, 2, 0])
    proof = prove(own, own, np.array([0, 1, 2, 2]), CLASSES)
    assert (proof.images, proof.agreement, proof.largest_difference) == (4, 1, 0)
    assert (proof.accuracy.top1, proof.accuracy.drop) == (0.75, 0)
    assert proof.accuracy.drop_interval == (0, 0)


def test_the_drop_is_of_the_same_images():
    own, other = measured([0, 1, 2, 0]), measured([0, 1, 1, 2], confidence=0.7)
    proof = prove(own, other, np.array([0, 1, 2, 2]), CLASSES)
    # One image was lost and one was won.
    assert proof.accuracy.drop == 0 and proof.accuracy.top1 == 0.75
    assert proof.agreement == 0.5 and proof.largest_difference == pytest.approx(0.65)
    low, high = proof.accuracy.drop_interval
    assert low < 0 < high


def test_images_that_one_cannot_read_are_left_out():
    own, other = measured([0, None, 2, 1]), measured([0, 1, None, 0])
    proof = prove(own, other, np.array([0, 1, 2, 1]), CLASSES)
    assert proof.images == 2 and proof.accuracy.drop == 0.5
    assert prove(own, measured([None] * 4), np.zeros(4, int), CLASSES).agreement == 0


def test_without_labels_there_is_no_accuracy():
    proof = prove(measured([0, 1]), measured([0, 0]), None, CLASSES)
    assert proof.accuracy is None and proof.agreement == 0.5


@pytest.mark.parametrize("lost,images,allowed,failed", [
    (1, 100, 0.01, False), (2, 100, 0.01, True), (1, 50, 0.02, False), (1, 10, 0.01, True),
    (0, 10, 0.0, False), (-1, 10, 0.0, False),
])  # fmt: skip
def test_what_is_allowed_is_not_too_much(lost, images, allowed, failed):
    labels = np.zeros(images, int)
    right, wrong = (
        measured([0] * images),
        measured([1] * abs(lost) + [0] * (images - abs(lost))),
    )
    own, other = (right, wrong) if lost > 0 else (wrong, right)
    judged = Judged("x", Path("x"), 1, prove(own, other, labels, CLASSES))
    assert judged.lost_more_than(allowed) == failed
    assert as_row(judged, allowed)["passed"] is not failed
