"""A training that was cut anywhere goes on to the same weights and results, bit for bit."""

import csv
import dataclasses
import json
import os
import signal
from contextlib import suppress

import keras
import numpy as np
import pytest
from helpers import toy_examples
from trainer import trainings
from trainer.trainings import TRAINING, VALIDATION, NoFigures, leave_out_exports

from alexnet_cli.errors import Interrupted
from alexnet_cli.inference.network import load_network
from alexnet_cli.model.model import build_model
from alexnet_cli.model.pretrained.matching import LayerMatch
from alexnet_cli.run.checkpoints import newest
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.context import Resume, TrainContext
from alexnet_cli.trainer.trainer import train

# Six of each of blue and green, and twelve red ones less.
UNEVEN = dataclasses.replace(TRAINING, rows=np.delete(np.arange(24), [2, 5, 8, 11]))
PLAIN = {"crop_area": 0.0, "hflip": False}
CASES = {
    "sgd": {**PLAIN, "optimizer": "sgd", "schedule": "plateau", "plateau_epochs": 1},
    "average": {
        "optimizer": "adamw", "learning_rate": 0.003, "ema": 0.9, "mixup": 0.2, "dropout": 0.5,
        "crop_area": 0.5,
    },
    "growing": {
        "optimizer": "adam", "learning_rate": 0.003, "crop_area": 0.5, "start_size": 24,
        "metrics": "accuracy,macro_f1",
    },
    "balanced": {**PLAIN, "optimizer": "sgd", "class_weights": "balanced"},
    "unfrozen": {
        **PLAIN, "optimizer": "adam", "learning_rate": 0.003, "freeze": "conv", "unfreeze_after": 1,
    },
}  # fmt: skip
FAST = [("sgd", "step", 1), ("average", "validation", 1)]


class Killed(Exception):
    """Ends training as a kill would: nothing more is written."""


class Cut(keras.callbacks.Callback):
    """Ends training in the epoch `epoch`, counted from 0, at `place`."""

    def __init__(self, place="", epoch=0, step=1):
        super().__init__()
        self.place, self.epoch, self.step, self.now = place, epoch, step, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if self.place == "between" and epoch == self.epoch:
            raise Killed

    def on_train_batch_begin(self, batch, logs=None):
        if self.place == "step" and (self.now, batch) == (self.epoch, self.step):
            raise Killed

    def on_test_batch_end(self, batch, logs=None):
        if self.place == "validation" and self.now == self.epoch:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_epoch_end(self, epoch, logs=None):
        if self.place == "epoch" and epoch == self.epoch:
            raise Killed


@pytest.fixture(autouse=True)
def no_exports(monkeypatch):
    leave_out_exports(monkeypatch)


def new_run(folder, **fields):
    # 0.0006 seconds: a checkpoint after every step.
    return trainings.new_run(folder, **{"checkpoint_minutes": 0, **fields})


def start_of(run):
    """Pretrained weights of the frozen layers, if there are any."""
    if not run.recipe.pretrained.freeze:
        return ()
    other = build_model(run.architecture, 3, seed=11)
    names = ("conv1", "conv2_1", "conv2_2")
    found = {x: tuple(map(np.array, other.get_layer(x).weights)) for x in names}
    return [LayerMatch(x, "", "loaded", y) for x, y in found.items()]


def go(run, callbacks=(), resume=None, training=None):
    """Train `run`, or go on with it; the last weights, as a callback sees them."""
    last = []

    def note(*_):
        # Not their average.
        last[:] = [np.array(x) for x in callback.model.layers[-1].weights]

    callback = keras.callbacks.LambdaCallback(on_test_begin=note)
    uneven = run.recipe.optimization.class_weights == "balanced"
    training = training or (UNEVEN if uneven else TRAINING)
    context = TrainContext(
        lambda x: None, NoFigures(), start=start_of(run), resume=resume,
        callbacks=[callback, *callbacks],
    )  # fmt: skip
    trained = train(run, training, VALIDATION, context)
    return trained, last


def resumed(path, callbacks=(), **changes):
    run = Run.read(path)
    # It is written anew, so that what was read does not count.
    run = dataclasses.replace(run, recipe=run.recipe.changed(**changes), stamp=())
    return go(run, callbacks, Resume(newest(path), replan=bool(changes)))


def cut(run, *args):
    """Train `run` until it is cut."""
    try:
        trained, _ = go(run, [Cut(*args)])
    except (Killed, Interrupted):
        return
    assert trained.signal == signal.SIGTERM, "it was not cut"


def rows(path):
    """history.csv without its column of speeds, as text."""
    with (path / "history.csv").open() as file:
        return [
            {k: v for k, v in x.items() if k != "images_per_second"}
            for x in csv.DictReader(file)
        ]


def state_of(path):
    """The last checkpoint, without what depends on time."""
    checkpoint = newest(path)
    state = json.loads(json.dumps(checkpoint.state))
    del state["elapsed"], state["planner"]["paces"]
    for row in state["history"]["rows"]:
        del row["images_per_second"]
    return state, checkpoint.arrays()


def assert_same(whole, other):
    """Two runs and their last weights are equal to the last bit."""
    (one, last), (two, other_last) = whole, other
    assert rows(one.run.path) == rows(two.run.path)
    states = state_of(one.run.path), state_of(two.run.path)
    assert states[0][0] == states[1][0]
    for arrays in (
        (last, other_last),
        [[np.array(y) for y in load_network(x.run).weights] for x in (one, two)],
        [list(x[1].values()) for x in states],
    ):
        for x, y in zip(*arrays, strict=True):
            np.testing.assert_array_equal(x, y)
    drop = ("images_per_second",)
    metrics = [
        {k: v for k, v in x.run.metrics.items() if k not in drop} for x in (one, two)
    ]
    assert metrics[0] == metrics[1]
    assert (one.run.status, two.run.status) == ("finished", "finished")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Trainings that nothing cut, by the name of their case; each is run once."""
    done = {}

    def training(case):
        if case not in done:
            run = new_run(tmp_path_factory.mktemp("whole") / case, **CASES[case])
            done[case] = go(run)
        return done[case]

    return training


ALL = [
    (case, place, epoch)
    for i, case in enumerate(CASES)
    for j, place in enumerate(("step", "epoch", "validation", "between"))
    for epoch in (0, 1, 2)
    # Every case in two places, every place in two or three cases and in other epochs.
    if ((i + j) % 2 == 1 and epoch == (i + j // 2) % 3) or (case, place, epoch) in FAST
]


@pytest.mark.parametrize(
    "case,place,epoch",
    [x if x in FAST else pytest.param(*x, marks=pytest.mark.slow) for x in ALL],
)
def test_a_cut_training_goes_on_as_if_it_was_not(tmp_path, whole, case, place, epoch):
    run = new_run(tmp_path / "r", **CASES[case])
    cut(run, place, epoch)
    if place == "validation" and epoch:
        # Its best epoch so far can be used.
        assert Run.open(run.path).status == "interrupted"
    assert_same(whole(case), resumed(run.path))


def test_the_same_training_twice_is_the_same(tmp_path, whole):
    """What the others rest upon."""
    assert_same(whole("average"), go(new_run(tmp_path / "r", **CASES["average"])))
    assert [x["side"] for x in rows(whole("growing")[0].run.path)] == ["24", "24", "28"]


@pytest.mark.parametrize(
    "case",
    ["sgd", *(pytest.param(x, marks=pytest.mark.slow) for x in ("average", "growing"))],
)
def test_a_training_can_be_cut_again_and_again(tmp_path, whole, case):
    """Also where the next sitting was cut before its first step, or in its checkpoint."""
    run = new_run(tmp_path / "r", **CASES[case])
    cut(run, "step", 0)
    press = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: signal.raise_signal(signal.SIGTERM)
    )
    for again in (press, Cut("between", 0), Cut("step", 1, 2), press, Cut("epoch", 2)):
        with suppress(Killed, Interrupted):
            trained, _ = resumed(run.path, [again])
            assert trained.signal == signal.SIGTERM
    assert_same(whole(case), resumed(run.path))


def test_a_finished_training_can_be_resumed_without_a_step(tmp_path, whole):
    run = new_run(tmp_path / "r", **CASES["sgd"])
    first = go(run)
    steps = []
    again, _ = resumed(
        run.path,
        [keras.callbacks.LambdaCallback(on_train_batch_begin=lambda *_: steps.append(1))],
    )
    assert steps == []
    assert_same((first[0], first[1]), (again, first[1]))


@pytest.mark.slow
def test_a_finished_training_can_be_extended(tmp_path):
    """With a schedule that does not depend on its length, as if it had been longer."""
    fields = {**CASES["sgd"], "schedule": "constant"}
    long = go(new_run(tmp_path / "long", **fields, epochs=3))
    short = new_run(tmp_path / "short", **fields, epochs=2)
    go(short)
    trained, last = resumed(short.path, epochs=3)
    assert trained.run.recipe.stopping.epochs == 3
    assert rows(short.path) == rows(tmp_path / "long")
    for one, two in zip(long[1], last, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_with_other_images_the_epoch_begins_anew(tmp_path):
    run = new_run(tmp_path / "r", **CASES["sgd"])
    cut(run, "step", 1, 2)
    checkpoint = newest(run.path)
    assert (checkpoint.epoch, checkpoint.step) == (1, 2)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda i, logs: seen.append(i)
    )
    resume = Resume(checkpoint, restart_epoch=True)
    trained, _ = go(run, [watch], resume, training=toy_examples(24, seed=5))
    assert seen == [0, 1, 2, 0, 1, 2]
    assert len(rows(run.path)) == 3 and trained.run.status == "finished"
