"""A loss that is NaN ends training at once, or sends it back, and loses no epoch."""

import json

import keras
import numpy as np
import pytest
from trainer.trainings import leave_out_exports, train_logged

from alexnet_cli.errors import AlexNetError
from alexnet_cli.inference.network import load_network
from alexnet_cli.run.checkpoints import newest
from alexnet_cli.run.run import Run

NAMES = [f"img{i}.png" for i in range(24)]
FIELDS = {
    "optimizer": "sgd",
    "crop_area": 0.0,
    "schedule": "constant",
    "checkpoint_minutes": 5.0,
}


@pytest.fixture(autouse=True)
def no_exports(monkeypatch):
    leave_out_exports(monkeypatch)


class Poison(keras.callbacks.Callback):
    """Makes a weight NaN before a step, both from 0, so many times; notes all rates."""

    def __init__(self, epoch, step, times=1):
        super().__init__()
        self.at, self.times, self.now = (epoch, step), times, 0
        self.steps, self.rates = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.steps.append((self.now, batch))
        if (self.now, batch) == self.at and self.times:
            self.times -= 1
            bias = self.model.layers[-1].get_layer("dense2").bias
            bias.assign(np.full(3, np.nan, np.float32))

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def go(folder, callback, **fields):
    return train_logged(folder, [callback], names=NAMES, **{**FIELDS, **fields})


def recorded_epochs(folder):
    return [x["epoch"] for x in Run.read(folder).history()]


def test_a_later_epoch_that_diverges_keeps_the_best(tmp_path):
    poison = Poison(2, 1)
    trained, _ = go(tmp_path / "r", poison, epochs=5)
    # Not one step more.
    assert poison.steps[-1] == (2, 1)
    assert trained.reason.startswith(
        "loss is NaN or infinite in step 2 of epoch 3, at learning rate 0.01 (images img"
    )
    assert trained.reason.endswith(
        " and 5 more); lower --learning-rate (now 0.01), or use --on-nan rewind"
    )
    run = Run.open(tmp_path / "r")
    assert (run.status, run.reason, trained.signal) == ("failed", trained.reason, 0)
    assert run.metrics["epoch"] in (1, 2) and recorded_epochs(run.path) == [1, 2]
    assert all(np.isfinite(x).all() for x in map(np.array, load_network(run).weights))
    # What can be resumed is sound.
    checkpoint = newest(run.path)
    assert (checkpoint.epoch, checkpoint.step) == (2, 0)
    assert all(
        np.isfinite(x).all() for k, x in checkpoint.arrays().items() if x.dtype.kind == "f"
    )
    json.dumps(dict(checkpoint.state), allow_nan=False)


def test_the_images_that_are_named_are_those_of_the_step(tmp_path):
    seen = []

    class Watch(Poison):
        def on_train_batch_begin(self, batch, logs=None):
            super().on_train_batch_begin(batch, logs)
            seen.append(batch)

    with pytest.raises(AlexNetError) as caught:
        go(tmp_path / "r", Watch(0, 1))
    order = np.random.default_rng((0, 1)).permutation(24)[8:11]
    assert f"(images {', '.join(NAMES[x] for x in order)} and 5 more)" in str(caught.value)
    assert seen == [0, 1]


def test_a_first_epoch_that_diverges_is_an_error(tmp_path):
    with pytest.raises(AlexNetError, match="^loss is NaN or infinite in step 2 of epoch 1"):
        go(tmp_path / "r", Poison(0, 1))
    run = Run.read(tmp_path / "r")
    assert run.status == "failed" and run.reason.startswith("loss is NaN or infinite")
    assert recorded_epochs(run.path) == []


def test_rewind_goes_back_and_halves_the_rate(tmp_path):
    poison = Poison(1, 1)
    trained, lines = go(tmp_path / "r", poison, epochs=3, on_nan="rewind")
    assert (trained.run.status, trained.reason) == ("finished", "")
    assert poison.steps == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)] + [
        (i, j) for i in (1, 2) for j in range(3)
    ]
    # The user's callback is called before the step with the NaN is noticed.
    assert poison.rates == pytest.approx([0.01] * 5 + [0.005] * 6)
    assert recorded_epochs(tmp_path / "r") == [1, 2, 3]
    (line,) = lines
    assert line.startswith(
        "loss is NaN or infinite in step 2 of epoch 2, at learning rate 0.01"
    )
    assert line.endswith("; back to the last checkpoint, with half the rate")


def test_rewind_ends_after_three_times(tmp_path):
    poison = Poison(1, 0, times=99)
    trained, lines = go(tmp_path / "r", poison, epochs=3, on_nan="rewind")
    assert len(lines) == 3 and poison.times == 95
    assert poison.rates[3:] == pytest.approx([0.01, 0.005, 0.0025, 0.00125])
    assert trained.run.status == "failed" and "at learning rate 0.00125" in trained.reason
    assert recorded_epochs(tmp_path / "r") == [1] and trained.run.metrics["epoch"] == 1


@pytest.mark.slow
def test_rewind_before_the_first_epoch_is_over(tmp_path):
    """Then it goes back to the checkpoint before the first step."""
    trained, lines = go(tmp_path / "r", Poison(0, 2), epochs=2, on_nan="rewind", ema=0.9)
    assert trained.run.status == "finished" and len(lines) == 1
    with pytest.raises(AlexNetError, match="at learning rate 0.00125"):
        go(tmp_path / "s", Poison(0, 2, times=99), on_nan="rewind")


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_rate_that_is_far_too_large_diverges_by_itself(tmp_path):
    """`option` allows at most 10; momentum and no norm do the rest."""
    fields = {"learning_rate": 10.0, "norm": "none", "std": "0.001", "epochs": 4}
    with pytest.raises(AlexNetError, match="is NaN or infinite"):
        go(tmp_path / "r", Poison(9, 9), **fields)


def test_weights_that_are_nan_after_the_last_step_are_not_recorded(tmp_path):
    """The loss of a step is that before its update."""

    class Late(Poison):
        def on_test_begin(self, logs=None):
            if self.now == 1:
                bias = self.model.layers[-1].get_layer("dense2").bias
                bias.assign(np.full(3, np.nan, np.float32))

    trained, _ = go(tmp_path / "r", Late(9, 9))
    assert trained.reason.startswith("val_loss is NaN or infinite after epoch 2")
    assert trained.run.status == "failed" and recorded_epochs(tmp_path / "r") == [1]
    # No single step is to blame.
    assert "images" not in trained.reason
