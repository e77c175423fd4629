"""Evaluations are kept with the weights that they are of."""

import dataclasses
import json

import pytest

from alexnet_cli.run.digests import is_own, recorded_digest, verify
from alexnet_cli.run.evaluations import (
    MOST,
    RecordedEvaluation,
    held_out_evaluation,
    record_evaluation,
    recorded_evaluations,
)
from alexnet_cli.run.run import Run


@pytest.fixture
def run(run_copy):
    return Run.open(run_copy)


def row(run, number=0, **fields):
    digest, weights = f"{number:064x}", recorded_digest(run.weights)
    known = RecordedEvaluation("/data/x", "", digest, 20, 0.75, weights)
    return dataclasses.replace(known, **fields)


def without_date(rows):
    return [dataclasses.replace(x, date="") for x in rows]


def test_what_is_recorded_is_read_again(run):
    assert recorded_evaluations(run) == [] and held_out_evaluation(run) is None
    rows = [row(run, 1), row(run, 2, top1=0.5)]
    for x in rows:
        record_evaluation(run, x)
    assert without_date(recorded_evaluations(run)) == rows
    assert all(x.date for x in recorded_evaluations(run))
    # It is a file of the run, and none that is sealed.
    verify(run.path)
    assert is_own("evaluations.json")


def test_the_same_images_have_one_row_and_the_last_come_last(run):
    for number, top1 in ((1, 0.1), (2, 0.2), (1, 0.3)):
        record_evaluation(run, row(run, number, top1=top1))
    assert [x.top1 for x in recorded_evaluations(run)] == [0.2, 0.3]
    for number in range(MOST + 5):
        record_evaluation(run, row(run, 10 + number))
    assert len(recorded_evaluations(run)) == MOST


def test_the_own_test_part_is_preferred_to_the_last(run):
    own = row(run, 1, location=run.data, part="test", top1=0.9)
    for x in (own, row(run, 2, top1=0.1), row(run, 3, top1=0.2)):
        record_evaluation(run, x)
    assert held_out_evaluation(run).top1 == 0.9
    (run.path / "evaluations.json").unlink()
    for x in (row(run, 2, top1=0.1), row(run, 3, top1=0.2)):
        record_evaluation(run, x)
    assert held_out_evaluation(run).top1 == 0.2


def test_those_of_other_weights_do_not_count(run):
    record_evaluation(run, row(run, weights_digest="0" * 64))
    assert recorded_evaluations(run) == []
    record_evaluation(run, row(run))
    assert len(recorded_evaluations(run)) == 1
    (run.path / "SHA256SUMS").unlink()
    assert recorded_evaluations(run) == []


@pytest.mark.parametrize("change", [
    {"top1": 2}, {"top1": "x"}, {"images": 0}, {"digest": "x"}, {"date": "\x1b[2J"}, {"more": 1},
    {"location": 3},
])  # fmt: skip
def test_a_file_that_is_another_is_none(run, change):
    record_evaluation(run, row(run))
    file = run.path / "evaluations.json"
    body = json.loads(file.read_text())
    body["evaluations"][0].update(change)
    file.write_text(json.dumps(body))
    assert recorded_evaluations(run) == []
