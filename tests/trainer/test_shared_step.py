"""A worker that is alone trains as if it were none; a signal is heard by all."""

import signal

import numpy as np
import pytest
from helpers import new_tiny_run
from trainer.trainings import leave_out_exports
from two_workers import trained

from alexnet_cli.trainer.shared_step import SharedStep
from alexnet_cli.trainer.trainer import _planner


class Alone:
    """`backend.workers.Workers` of which there is one: what all sum is its own."""

    index, count, is_chief = 0, 1, True

    def __init__(self):
        self.types = set()
        """Those of all that was summed."""

    def sum(self, tensors):
        self.types |= {x.dtype.name for x in tensors}
        return list(tensors)

    def total(self, values):
        return values

    def gather(self, data):
        return [data]

    def from_chief(self, data):
        return data


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_single_worker_gives_the_losses_of_none(tmp_path, monkeypatch, precision):
    # Those of synchronized statistics are compared by two workers.
    leave_out_exports(monkeypatch)
    fields = {"epochs": 2, "batch_norm": "local", "precision": precision}
    one = trained(tmp_path / "one", fields)
    workers = Alone()
    found = trained(tmp_path / "found", fields, workers)
    # What a layer computes in 16 bits is sent in 16 bits.
    assert (
        "bfloat16" in workers.types if "16" in precision else workers.types == {"float32"}
    )
    np.testing.assert_allclose(found.losses, one.losses, rtol=0, atol=1e-5)
    for row, expected in zip(found.rows, one.rows, strict=True):
        assert row["val_loss"] == pytest.approx(expected["val_loss"], abs=1e-5)


def test_a_signal_and_the_clock_of_the_chief_are_heard():
    shared = SharedStep(Alone(), synchronized=True, started=0.0)
    assert shared.signal == 0 and shared.clock() == 0
    shared.own_signal = lambda: signal.SIGTERM
    shared.add_up([])
    assert shared.signal == signal.SIGTERM
    assert shared.clock() > 0


def test_others_plan_by_the_clock_of_the_chief(tmp_path):
    run = new_tiny_run(tmp_path / "r", max_minutes=1.0)
    plan = _planner(run, ([1] * 10, [1] * 2), started=100.0)
    left = plan.deadline - 100.0
    plan.use_clock(lambda: 7.0, 100.0)
    assert plan.deadline == left and plan.clock() == 7.0
