"""Callbacks follow the recipe: rates, history, the best epoch, the reasons to stop."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import TINY, alexnet, history, new_tiny_run, train
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.model.model import build_model
from alexnet_cli.recipe.sections import LRSchedule, Pretrained, Stopping
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.callbacks import (
    BestWeights,
    EarlyStopping,
    HistoryLogger,
    LearningRateScheduler,
    LossIsNaN,
    NaNGuard,
    PlannerUpdate,
    better,
)
from alexnet_cli.trainer.history import History
from alexnet_cli.trainer.planner import EpochPlanner, Workload


def attached(callback):
    """`callback` with a stand-in for the model that is trained."""
    optimizer = SimpleNamespace(learning_rate=None)
    callback.set_model(SimpleNamespace(stop_training=False, optimizer=optimizer))
    return callback


def plan(epochs=10, steps=4):
    return EpochPlanner(Workload(epochs, 0, 32, steps))


def row(epoch=1, side=32, **values):
    basics = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}
    return {"epoch": epoch, **basics, "side": side, **values}


# PlannerUpdate


def test_the_planner_moves_with_epochs_and_steps():
    planner = plan(epochs=2, steps=4)
    update = attached(PlannerUpdate(planner))
    shares = []
    for epoch in range(2):
        update.on_epoch_begin(epoch)
        for batch in range(4):
            update.on_train_batch_begin(batch)
            shares.append(planner.share)
            update.on_train_batch_end(batch)
        planner.finish()
    assert shares == pytest.approx([(i + 0.5) / 8 for i in range(8)])
    assert planner.current_side == 32 and planner.epoch == 2


def test_the_planner_knows_how_many_steps_are_finished():
    planner = plan(epochs=2, steps=3)
    update = attached(PlannerUpdate(planner))
    update.on_epoch_begin(0)
    counts = []
    for batch in range(3):
        update.on_train_batch_begin(batch)
        update.on_train_batch_end(batch)
        counts.append(planner.step)
    planner.finish()
    assert [*counts, planner.step] == [1, 2, 3, 0]


# LearningRateScheduler


def scheduler(planner, unfreeze_after=0, **section):
    pretrained = Pretrained(unfreeze_after=unfreeze_after, unfrozen_rate=0.1)
    return attached(LearningRateScheduler(LRSchedule(**section), pretrained, planner))


def run_epochs(callback, planner, losses):
    """The rates of the steps of as many epochs as there are validation losses."""
    rates = []
    for loss in losses:
        planner.begin()
        for batch in range(planner.work.steps):
            planner.advance(batch)
            callback.on_train_batch_begin(batch)
            rates.append(callback.model.optimizer.learning_rate)
        logs = {"val_loss": loss}
        callback.on_epoch_end(planner.epoch, logs)
        assert logs["learning_rate"] == rates[-1]
        planner.finish()
    return rates


def test_cosine_rates_are_those_of_the_middles_of_steps():
    planner = plan(epochs=2, steps=2)
    callback = scheduler(planner, schedule="cosine", learning_rate=1.0, warmup_epochs=1.0)
    rates = run_epochs(callback, planner, [1.0, 1.0])
    middles = (1 / 8, 3 / 8, 5 / 8, 7 / 8)
    rises = (0.25, 0.75, 1, 1)
    expected = [
        rise * (1 + math.cos(math.pi * middle)) / 2
        for rise, middle in zip(rises, middles, strict=True)
    ]
    assert rates == pytest.approx(expected)
    assert min(rates) > 0


def test_the_rate_falls_when_layers_are_unfrozen():
    planner = plan(epochs=4, steps=1)
    callback = scheduler(planner, 2, schedule="constant", learning_rate=0.5)
    assert run_epochs(callback, planner, [1.0] * 4) == [0.5, 0.5, 0.05, 0.05]


@given(
    losses=st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0]), min_size=1, max_size=12),
    patience=st.integers(1, 4),
)
def test_plateau_divides_after_epochs_without_improvement(losses, patience):
    planner = plan(epochs=len(losses), steps=1)
    callback = scheduler(planner, schedule="plateau", learning_rate=1.0,
                         plateau_epochs=patience, divide_by=2.0)  # fmt: skip
    rates = run_epochs(callback, planner, losses)
    expected, rate, waited = [], 1.0, 0
    for i, loss in enumerate(losses):
        expected.append(rate)
        improved = i == 0 or loss < min(losses[:i])
        waited = 0 if improved else waited + 1
        if waited == patience:
            rate, waited = rate / 2, 0
    assert rates == expected


@pytest.mark.parametrize("half", range(7))
def test_the_second_half_has_the_rates_of_an_uninterrupted_schedule(half):
    losses = [2.0, 1.0, 1.0, 3.0, 0.5, 0.6, 0.7, 0.8]
    section = {"schedule": "plateau", "learning_rate": 0.3, "plateau_epochs": 2}
    whole_plan = plan(epochs=8)
    whole = scheduler(whole_plan, **section)
    run_epochs(whole, whole_plan, losses[:half])
    state = json.loads(json.dumps([whole.state(), whole_plan.state()]))
    assert state[0] == whole.state()
    other_plan = plan(epochs=8)
    other_plan.restore(state[1])
    other = scheduler(other_plan, **section)
    other.restore(state[0])
    rest = losses[half:]
    assert run_epochs(other, other_plan, rest) == run_epochs(whole, whole_plan, rest)
    assert other.state() == whole.state()


@pytest.mark.slow
def test_plateau_divides_the_rate_in_a_training(toy, tmp_path):
    train(toy, tmp_path / "r", "--schedule", "plateau", "--plateau-epochs", "1",
          "--learning-rate", "1e-6", "--divide-by", "10", "--epochs", "5", "--optimizer", "sgd",
          "--momentum", "0", "--dropout", "0")  # fmt: skip
    rates = [x["learning_rate"] for x in history(tmp_path / "r")]
    losses = [x["val_loss"] for x in history(tmp_path / "r")]
    expected, low, divisions = [], float("inf"), 0
    for loss in losses:
        expected.append(1e-6 / 10**divisions)
        divisions += loss >= low
        low = min(low, loss)
    assert rates == pytest.approx(expected, rel=1e-4)


# HistoryLogger


class Board:
    """Keeps the rows that TensorBoard would get."""

    def __init__(self):
        self.rows = []

    def show_scalars(self, row):
        self.rows.append(row)


def logger(folder, **fields):
    run = new_tiny_run(folder, **fields)
    progress = SimpleNamespace(
        planner=SimpleNamespace(current_side=24), now=SimpleNamespace(rate=250.0)
    )
    return HistoryLogger(run, History(), progress, Board())


def logs(loss, **values):
    basics = {"accuracy": 0.25, "val_loss": 1.5, "val_accuracy": 0.5}
    return {"loss": loss, **basics, "learning_rate": 0.01, "extra": 7.0, **values}


def test_the_history_gets_a_row_per_epoch(tmp_path):
    callback = logger(tmp_path / "r")
    callback.on_epoch_end(0, logs(1.25))
    callback.on_epoch_end(1, logs(1 / 3))
    rows = callback.history.rows
    assert rows[0] == {
        "epoch": 1, "loss": 1.25, "accuracy": 0.25, "val_loss": 1.5, "val_accuracy": 0.5,
        "learning_rate": 0.01, "side": 24, "images_per_second": 250.0,
    }  # fmt: skip
    # In memory with all digits.
    assert rows[1]["loss"] == 1 / 3
    assert callback.history.latest is rows[-1] and callback.board.rows == rows
    # The checkpointer writes them.
    assert not list((tmp_path / "r").iterdir())


def test_the_columns_are_the_recipes_metrics(tmp_path):
    callback = logger(tmp_path / "r", metrics="top2,mse", watch="val_mse")
    values = {"top2": 0.5, "mse": 0.25, "val_top2": 0.75, "val_mse": 0.125}
    callback.on_epoch_end(0, logs(1.0, **values))
    assert list(callback.history.rows[0]) == [
        "epoch", "loss", "top2", "mse", "val_loss", "val_top2", "val_mse",
        "learning_rate", "side", "images_per_second",
    ]  # fmt: skip


# NaNGuard


def guard():
    planner = plan()
    planner.epoch = 2
    return NaNGuard(planner, scheduler(planner, schedule="constant", learning_rate=0.5))


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_its_step(loss):
    callback = guard()
    callback.on_train_batch_end(0, {"loss": 1.0, "accuracy": math.nan})
    with pytest.raises(LossIsNaN) as caught:
        callback.on_train_batch_end(1, {"loss": loss})
    assert str(caught.value) == (
        "loss is NaN or infinite in step 2 of epoch 3, at learning rate 0.5"
    )
    assert (caught.value.epoch, caught.value.step) == (3, 1)


@pytest.mark.parametrize("name", ["loss", "val_loss", "val_accuracy"])
def test_results_that_are_not_finite_are_not_recorded(name):
    callback = guard()
    callback.on_epoch_end(2, logs(1.0))
    with pytest.raises(LossIsNaN) as caught:
        callback.on_epoch_end(2, {**logs(1.0), name: math.nan})
    assert str(caught.value) == (
        f"{name} is NaN or infinite after epoch 3, at learning rate 0.5"
    )
    assert (caught.value.epoch, caught.value.step) == (3, None)


def test_a_first_loss_that_is_not_finite_is_one_line_and_leaves_nothing(toy, tmp_path):
    """Nothing was recorded that could be lost."""
    # Pixels so large that their squares are infinite.
    options = ("--std", "1e-30", "--precision", "float32")
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY, *options)
    assert result.exit_code == 3
    line = result.stderr.splitlines()[-1]
    assert "loss is NaN or infinite in step 1 of epoch 1, at learning rate 0.003" in line
    assert "(images " in line and "lower --learning-rate (now 0.003)" in line
    assert not (tmp_path / "r").exists()


# BestWeights


@pytest.mark.parametrize(
    "new,old,watch,expected",
    [
        ({"val_accuracy": 0.6}, {"val_accuracy": 0.5}, "val_accuracy", True),
        ({"val_accuracy": 0.4}, {"val_accuracy": 0.5}, "val_accuracy", False),
        ({"val_loss": 0.4}, {"val_loss": 0.5}, "val_loss", True),
        ({"val_mse": 0.6}, {"val_mse": 0.5}, "val_mse", False),
        ({"val_mae": 0.4}, {"val_mae": 0.5}, "val_mae", True),
        # A tie goes to the lower loss, and an equal epoch does not replace an earlier one.
        ({"val_loss": 0.9}, {"val_loss": 1.0}, "val_accuracy", True),
        ({"val_loss": 1.0}, {"val_loss": 1.0}, "val_accuracy", False),
        # Whatever its metric, an epoch at a larger side wins.
        ({"side": 32, "val_accuracy": 0.1}, {"side": 24}, "val_accuracy", True),
    ],
)
def test_the_better_epoch(new, old, watch, expected):
    assert better(row(2, **new), row(1, **old), watch) == expected


def test_any_epoch_is_better_than_none():
    assert better(row(val_accuracy=0.0), {}, "val_accuracy")


@given(
    values=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9)
)
def test_the_best_epoch_is_the_maximum_of_metric_then_lowest_loss(values):
    rows = [row(i, val_accuracy=a, val_loss=b) for i, (a, b) in enumerate(values)]
    best = {}
    for new in rows:
        best = new if better(new, best, "val_accuracy") else best
    assert best == max(rows, key=lambda x: (x["val_accuracy"], -x["val_loss"], -x["epoch"]))


def test_the_weights_of_the_best_epoch_are_kept(tmp_path):
    run, record = new_tiny_run(tmp_path / "r"), History()
    network = build_model(run.architecture, 3)
    callback = BestWeights(run, network, record)
    bias = network.get_layer("dense2").bias
    for epoch, accuracy in enumerate((0.25, 0.75, 0.5), 1):
        bias.assign(np.full(3, epoch, np.float32))
        record.latest = row(epoch, val_accuracy=accuracy)
        callback.on_epoch_end(epoch - 1)
    assert record.best["epoch"] == 2
    # One that was the best stays until no checkpoint needs it.
    names = [f"epoch-0000{i}.weights.h5" for i in (1, 2)]
    assert sorted(x.name for x in (run.path / "checkpoints").iterdir()) == names
    for epoch, name in enumerate(names, 1):
        network.load_weights(run.path / "checkpoints" / name)
        np.testing.assert_array_equal(bias, [epoch] * 3)
    # The run directory's own belong to a finished training.
    assert [x.name for x in run.path.iterdir()] == ["checkpoints"]


# EarlyStopping


def stopping(rows, best, planner=None, **section):
    """An EarlyStopping after `rows`; its reason once asked."""
    record = History(rows=rows, best=best, latest=rows[-1])
    callback = attached(EarlyStopping(Stopping(**section), planner or plan(), record))
    return callback, record


@pytest.mark.parametrize(
    "last,section,reason",
    [
        (row(5), {}, ""),
        (row(5), {"patience": 4}, "val_accuracy did not improve for 4 epochs"),
        (row(5), {"patience": 5}, ""),
        (
            row(5),
            {"patience": 3, "watch": "val_loss"},
            "val_loss did not improve for 3 epochs",
        ),
        (
            row(5, accuracy=0.9),
            {"stop_at": "accuracy=0.9"},
            "reached accuracy=0.9 in epoch 5",
        ),
        (row(5, accuracy=0.89), {"stop_at": "accuracy=0.9"}, ""),
        # All of them have to be reached; losses from above.
        (row(5, accuracy=1.0, loss=0.4), {"stop_at": "accuracy=0.9,loss=0.3"}, ""),
        (
            row(5, accuracy=1.0, loss=0.3),
            {"stop_at": "accuracy=0.9,loss=0.3"},
            "reached accuracy=0.9,loss=0.3 in epoch 5",
        ),
    ],
)
def test_reasons_to_stop(last, section, reason):
    callback, record = stopping([row(1), last], row(1), **section)
    callback.on_epoch_end(4)
    assert record.reason == reason
    assert callback.model.stop_training == bool(reason)


def test_an_only_epoch_that_was_cut_short_is_the_reason():
    planner = plan(epochs=1, steps=8)
    planner.epoch_steps = 2
    callback, record = stopping([row(1)], row(1), planner, patience=1)
    callback.model.stop_training = True
    callback.on_epoch_end(0)
    assert record.reason == "time for only 25% of an epoch"


def test_a_callback_of_the_caller_can_end_training():
    callback, record = stopping([row(1)], row(1))
    callback.model.stop_training = True
    callback.on_epoch_end(0)
    assert record.reason == "a callback ended training"


def test_a_reason_is_that_of_the_last_epoch():
    """A training that goes on with other options has the old one in its history."""
    callback, record = stopping([row(1), row(5)], row(1), patience=9)
    record.reason = "val_accuracy did not improve for 4 epochs"
    callback.on_epoch_end(4)
    assert record.reason == "" and not callback.model.stop_training


@pytest.mark.slow
def test_stop_at_ends_when_all_are_reached(toy, tmp_path):
    result = train(
        toy, tmp_path / "r", "--epochs", "60", "--stop-at", "accuracy=0.9,loss=0.6"
    )
    rows = history(tmp_path / "r")
    assert "stopped: reached accuracy=0.9,loss=0.6" in result.stderr
    reached = [x["accuracy"] >= 0.9 and x["loss"] <= 0.6 for x in rows]
    assert reached == [False] * (len(rows) - 1) + [True]
    assert len(rows) < 60


@pytest.mark.slow
def test_patience_stops_and_keeps_the_best(toy, tmp_path):
    # A rate of almost nothing: nothing gets better.
    result = train(toy, tmp_path / "r", "--epochs", "60", "--patience", "3",
                   "--learning-rate", "1e-8", "--watch", "val_accuracy")  # fmt: skip
    rows, run = history(tmp_path / "r"), Run.open(tmp_path / "r")
    assert "stopped: val_accuracy did not improve for 3 epochs" in result.stderr
    assert len(rows) == run.metrics["epoch"] + 3
