"""train() does what `alexnet train` does, and leaves the process as it was."""

import dataclasses
import json
import random
import signal
import threading
import time
import warnings

import keras
import numpy as np
import pytest
from helpers import TINY, as_fields, draw_toy, history, python, tree
from PIL import Image

from alexnet_cli import DatasetError, Interrupted, RecipeError, Run, RunError, train
from alexnet_cli.api.train import TrainOptions

ONE_EPOCH = {**as_fields(TINY), "epochs": 1}


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    return train(toy, out=tmp_path_factory.mktemp("api") / "saved", **as_fields(TINY))


def test_the_run_is_the_commands(run, trained):
    """To the last digit, but for what depends on time."""
    own, other = history(run.path), history(trained)
    for row in (*own, *other):
        del row["images_per_second"]
    assert own == other and len(own) == 6
    assert (run.path / "split.csv").read_text() == (trained / "split.csv").read_text()
    assert run.recipe == Run.open(trained).recipe


def test_the_run_is_ready_to_be_used(run, toy):
    assert run == Run.open(run.path)
    assert run.classes == ("blue", "green", "red") and run.data == str(toy)
    assert run.metrics["epoch"] in range(1, 7)
    for name in (
        "model.weights.h5",
        "model.tflite",
        "saved_model.pb",
        "plots/confusion.png",
    ):
        assert (run.path / name).is_file(), name


@pytest.mark.slow
def test_fields_win_over_a_config_and_classes_choose_folders(toy, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text("epochs = 9\nseed = 3\n")
    classes = ["red", "blue"]
    run = train(toy, out=tmp_path / "saved", config=config, classes=classes, **ONE_EPOCH)
    assert (run.recipe["epochs"], run.recipe["seed"]) == (1, 3)
    assert len(run.history()) == 1
    assert run.classes == ("red", "blue")
    assert {x["class"] for x in run.split()} == {"red", "blue"}


@pytest.mark.slow
def test_a_run_is_replaced_only_with_overwrite(toy, run_copy):
    before = tree(run_copy)
    text = f"{run_copy} already exists; --overwrite replaces it"
    with pytest.raises(RunError, match=text):
        train(toy, out=run_copy, **ONE_EPOCH)
    assert tree(run_copy) == before
    run = train(toy, out=run_copy, overwrite=True, **ONE_EPOCH)
    assert run.path == run_copy and len(run.history()) == 1


class Counting(keras.callbacks.Callback):
    """Counts steps, and stops after `most` epochs."""

    def __init__(self, most):
        super().__init__()
        self.most, self.steps, self.epochs = most, 0, []

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, sorted(logs)))
        self.model.stop_training = epoch + 1 >= self.most


def test_callbacks_are_called_and_can_stop_training(toy, tmp_path):
    callback = Counting(2)
    run = train(toy, out=tmp_path / "saved", callbacks=[callback], **as_fields(TINY))
    assert callback.steps == 2 * 4  # 30 images in batches of 8
    assert [x for x, _ in callback.epochs] == [0, 1]
    assert set(callback.epochs[0][1]) >= {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(run.history()) == 2


class Interrupting(keras.callbacks.Callback):
    """Ctrl-C in a step."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.epoch == self.at and batch == 0:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_before_an_epoch_is_finished_leaves_what_can_be_resumed(toy, tmp_path):
    out = tmp_path / "saved"
    with pytest.raises(Interrupted, match="^interrupted before an epoch was fin") as caught:
        train(toy, out=out, callbacks=[Interrupting(0)], **as_fields(TINY))
    assert caught.value.exit_code == 130
    assert caught.value.__notes__ == [f"`alexnet train --resume {out}` goes on"]
    assert Run.read(out).status == "interrupted" and not (out / ".lock").exists()
    with pytest.raises(RunError, match="no epoch of its training is finished"):
        Run.open(out)


@pytest.mark.slow
def test_ctrl_c_keeps_the_epochs_that_are_finished(toy, tmp_path):
    run = train(toy, out=tmp_path / "saved", callbacks=[Interrupting(1)], **as_fields(TINY))
    assert run.status == "interrupted" and len(run.history()) == 1
    assert Run.open(run.path) == run


@pytest.mark.parametrize("given, text", [
    ({"epoch": 3}, "epochs"), ({"learning-rate": 0.1}, "learning_rate"), ({"run_nam": "x"}, "run_nam"),
])  # fmt: skip
def test_a_misspelled_field_is_an_error_with_a_suggestion(toy, tmp_path, given, text):
    with pytest.raises(RecipeError) as caught:
        train(toy, out=tmp_path / "saved", **given)
    (name,) = given
    assert name in str(caught.value) and text in str(caught.value)
    if name != "run_nam":
        assert f"did you mean {text}?" in str(caught.value)


@pytest.mark.parametrize("error, text, given", [
    (RecipeError, "epochs", {"epochs": "many"}),
    (RecipeError, "arch", {"arch": "alexnett"}),
    (RecipeError, "--momentum has no effect", {"arch": "tiny", "optimizer": "adam", "momentum": 0.5}),
    (RecipeError, "--config tutorail: no such recipe or file; did you mean tutorial?", {"config": "tutorail"}),
    (RecipeError, "classes must be a list of names, not 'red,blue'", {"classes": "red,blue"}),
    (RecipeError, "--run-name 'a/b' must be a plain name", {"run_name": "a/b"}),
    (RecipeError, "--allow-overlap has no effect without --against", {"allow_overlap": True}),
    (DatasetError, "no class folder 'redd'; did you mean 'red'?", {"classes": ["redd", "blue"]}),
])  # fmt: skip
def test_what_cannot_work_is_an_error_before_anything_is_written(
    toy, tmp_path, error, text, given
):
    with pytest.raises(error) as caught:
        train(toy, out=tmp_path / "saved", **given)
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_strict_and_against_refuse_images(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    with pytest.raises(
        DatasetError,
        match="^12 image.s. of .* are also, or almost, trained on or validated on",
    ):
        train(data, out=tmp_path / "saved", against=str(data), **ONE_EPOCH)
    (data / "red" / "bad.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match="^--strict: 1 file"):
        train(data, out=tmp_path / "saved", strict=True, **ONE_EPOCH)
    assert not (tmp_path / "saved").exists()


def test_the_time_limit_begins_when_the_options_are_made(tmp_path):
    before = time.monotonic()
    assert before <= TrainOptions(tmp_path).started <= time.monotonic()


def process_state():
    return {
        "policy": keras.config.dtype_policy().name,
        "pixels": Image.MAX_IMAGE_PIXELS,
        "warnings": list(warnings.filters),
        "random": random.getstate(),
        "numpy": json.dumps(
            np.random.get_state(legacy=False), default=lambda x: x.tolist()
        ),
        "ctrl-c": signal.getsignal(signal.SIGINT),
        "threads": threading.active_count(),
    }


@pytest.mark.slow
def test_the_process_is_as_it_was(toy, tmp_path):
    before = process_state()
    train(toy, out=tmp_path / "saved", **ONE_EPOCH, pca_lighting=0.1)
    after = process_state()
    # Pools of threads may stay.
    del before["threads"], after["threads"]
    assert after == before


@pytest.mark.slow
def test_training_in_another_thread(toy, tmp_path):
    """As in a notebook's widget or a server; Ctrl-C belongs to the main thread."""
    runs = []
    thread = threading.Thread(
        target=lambda: runs.append(train(toy, out=tmp_path / "saved", **ONE_EPOCH))
    )
    thread.start()
    thread.join()
    assert [x.path for x in runs] == [tmp_path / "saved"]


@pytest.mark.slow
def test_nothing_is_printed(toy, toy_test, tmp_path):
    code = """
import json, sys
import alexnet_cli
data, test, out = sys.argv[1:4]
run = alexnet_cli.train(data, out=out, **json.loads(sys.argv[4]))
alexnet_cli.evaluate(run, test, compare=out, tta="flip")
alexnet_cli.Classifier(out)(["none.jpg"])
alexnet_cli.build_model("tiny", 3)
"""
    done = python(code, toy, toy_test, tmp_path / "saved", json.dumps(ONE_EPOCH))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_options_are_those_of_train():
    """Each option of the dataclass can be given to the function, but for what only a command has."""
    import inspect

    parameters = inspect.signature(train).parameters
    own = {"started", "command"}
    names = {x.name for x in dataclasses.fields(TrainOptions)} - own
    assert names <= set(parameters)
    for x in dataclasses.fields(TrainOptions):
        if x.name not in {*own, "data", "config"}:
            assert str(parameters[x.name].default) == str(x.default), x.name
