"""Training does what the recipe says, keeps the best epoch, and changes nothing else."""

import csv
import dataclasses
import json
import random
import re
import signal
import time
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import TINY, alexnet, history, new_tiny_run, python, toy_examples, train
from PIL import Image
from trainer.trainings import NoFigures

from alexnet_cli.dataset.augmentation.sampling import principal_colors
from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.errors import AlexNetError, DeviceError, Interrupted
from alexnet_cli.evaluation.scores import score
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import load_network
from alexnet_cli.model.model import build_model
from alexnet_cli.run.checkpoints import newest, recorded
from alexnet_cli.run.run import Run
from alexnet_cli.trainer import finalize, trainer, training_model
from alexnet_cli.trainer.context import TrainContext
from alexnet_cli.trainer.training_loop import balanced_weights

TRAINING, VALIDATION = toy_examples(24), toy_examples(6, seed=1)


def untrained(folder, **fields):
    """A run with a split, about to be trained for two epochs."""
    basics = {"epochs": 2, "optimizer": "adam", "learning_rate": 0.003, "crop_area": 0.0}
    run = new_tiny_run(folder, **{**basics, **fields})
    labels = VALIDATION.labels
    run.write_records(
        [(f"{i}.png", run.classes[y], "val", "", "") for i, y in enumerate(labels)], []
    )
    return run


def train_here(folder, callbacks=(), **fields):
    """A training in this process; its result and what it reported."""
    reports = []
    context = TrainContext(
        report=lambda x: reports.append(dataclasses.replace(x)),
        figures=NoFigures(),
        callbacks=callbacks,
    )
    run = untrained(folder, **fields)
    return trainer.train(run, TRAINING, VALIDATION, context), reports


def results(folder):
    """history.csv without its column of speeds, as text."""
    with (folder / "history.csv").open() as file:
        return [
            {k: v for k, v in row.items() if k != "images_per_second"}
            for row in csv.DictReader(file)
        ]


@pytest.fixture
def no_exports(monkeypatch):
    """Leave out what takes longer than two epochs and is tested with `finalize`."""
    monkeypatch.setattr(finalize, "save_model", lambda run, network: None)
    monkeypatch.setattr(finalize, "keep_litert", lambda run, network, rows, expected: None)


# What a run directory has


def test_a_run_has_what_it_should(trained):
    run = Run.open(trained)
    rows = history(trained)
    assert run.status == "finished" and run.classes == ("blue", "green", "red")
    assert [x["epoch"] for x in rows] == list(range(1, 7))
    best = max(rows, key=lambda x: (x["val_accuracy"], -x["val_loss"]))
    assert run.metrics == pytest.approx(best, rel=1e-5)
    for name in (
        "saved_model.pb",
        "variables",
        "model.weights.h5",
        "split.csv",
        "bad_images.csv",
    ):
        assert (trained / name).exists(), name
    for name in ("curves", "confusion", "augmented"):
        with Image.open(trained / "plots" / f"{name}.png") as image:
            image.load()
            assert image.width > 200
    splits = [x["split"] for x in run.split()]
    assert (splits.count("train"), splits.count("val")) == (30, 6)
    assert not [x for x in trained.rglob("*") if ".part" in x.name]


def test_the_best_epoch_is_what_is_kept(toy, trained):
    run = Run.open(trained)
    rows = [x for x in run.split() if x["split"] == "val"]
    classifier = Classifier(run)
    predictions = classifier([toy / x["file"] for x in rows])
    labels = np.array([run.classes.index(x["class"]) for x in rows])
    scores = score(np.stack([x.probabilities for x in predictions]), labels, run.classes)
    assert scores.top1 == pytest.approx(run.metrics["val_accuracy"])
    # Training may be in bfloat16, whose logits have three digits.
    assert scores.loss == pytest.approx(run.metrics["val_loss"], rel=0.05, abs=0.02)


def test_steps_and_epochs_are_reported(no_exports, tmp_path):
    trained, reports = train_here(tmp_path / "r")
    assert [(x.epoch, x.done) for x in reports if x.logs is None] == [
        (1, 8), (1, 16), (1, 24), (2, 8), (2, 16), (2, 24)
    ]  # fmt: skip
    rows = [x.logs for x in reports if x.logs]
    assert [x["epoch"] for x in rows] == [1, 2]
    assert reports[3].best
    assert trained.run.metrics in rows and trained.reason == ""


# What the recipe says


@pytest.mark.slow
def test_equal_seeds_train_alike(tmp_path):
    fields = {
        "hue": 0.1, "rotation": 20.0, "mixup": 0.2, "cutmix": 1.0, "erasing": 0.5, "randaugment": 2,
        "pca_lighting": 0.1, "crop_area": 0.5, "norm": "all", "dropout": 0.5, "ema": 0.9, "epochs": 3,
    }  # fmt: skip
    for name in ("a", "b"):
        # Whatever the global generators gave before.
        random.seed(name)
        np.random.seed(ord(name))
        tf.random.set_seed(ord(name))
        train_here(tmp_path / name, **fields)
    train_here(tmp_path / "c", **fields, seed=1)
    assert results(tmp_path / "a") == results(tmp_path / "b")
    assert results(tmp_path / "a") != results(tmp_path / "c")
    for one, two in zip(
        *(load_network(Run.open(tmp_path / x)).weights for x in "ab"), strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_images_grow_and_the_network_is_kept_at_its_own_side(toy, tmp_path):
    train(
        toy, tmp_path / "r", "--epochs", "10", "--norm", "all",
        "--crop-area", "0.5", "--start-size", "24", "--schedule", "cosine", "--initializer", "he",
        "--mixup", "0.2", "--cutmix", "1", "--erasing", "0.5", "--randaugment", "2", "--ema", "0.9",
    )  # fmt: skip
    rows = history(tmp_path / "r")
    assert [int(x["side"]) for x in rows] == [24] * 5 + [28] * 3 + [32] * 2
    run = Run.open(tmp_path / "r")
    assert run.metrics["side"] == 32 and run.metrics["epoch"] >= 9
    assert run.metrics["val_accuracy"] == 1


@pytest.mark.slow
def test_layers_are_unfrozen_after_their_epochs(no_exports, tmp_path):
    kernels, trainable = [], []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            network = self.model.layers[-1]
            kernels.append(np.array(network.get_layer("conv1").kernel))
            trainable.append(len(network.trainable_variables))

    train_here(tmp_path / "r", [Watch()], freeze="conv", unfreeze_after=2, epochs=4)
    assert trainable == [4, 4, 12, 12]
    assert [np.array_equal(kernels[0], x) for x in kernels] == [True, True, True, False]


def test_class_weights_make_classes_sum_to_the_same():
    examples = dataclasses.replace(
        TRAINING, rows=np.arange(20), labels=np.array([0] * 3 + [1] * 16 + [2] + [1] * 4)
    )
    recipe = new_recipe(class_weights="balanced")
    weights = balanced_weights(recipe, examples, 4)
    assert weights.dtype == np.float32 and weights.shape == (4,)
    sums = weights[:3] * np.array([3, 16, 1])
    # A class without images would have had its share.
    assert sums == pytest.approx([20 / 4] * 3)
    assert balanced_weights(new_recipe(class_weights="none"), examples, 4) is None


def new_recipe(**fields):
    from alexnet_cli.recipe.recipe import Recipe

    return Recipe(arch="tiny", **fields)


@pytest.mark.slow
def test_class_weights_raise_the_recall_of_a_rare_class(tmp_path):
    """60 reddish images against 8 slightly redder ones: unweighted, the rare lose."""
    rng = np.random.default_rng(0)
    for name, tone, count in (("common", 120, 60), ("rare", 128, 8)):
        for part, n in (("train", count), ("val", 20)):
            (tmp_path / "d" / part / name).mkdir(parents=True)
            for i in range(n):
                pixels = (
                    np.array((tone, 80, 80))
                    + rng.normal(0, 25, (40, 40, 3))
                    + rng.normal(0, 8)
                )
                image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
                image.save(tmp_path / "d" / part / name / f"{i}.png")
    recalls = []
    for weights in ("none", "balanced"):
        out = tmp_path / weights
        train(tmp_path / "d", out, "--class-weights", weights, "--metrics", "accuracy,macro_f1",
              "--watch", "val_loss", "--epochs", "4", "--dropout", "0")  # fmt: skip
        result = alexnet("evaluate", "--model", out, "--json")
        recalls.append(json.loads(result.stdout)["classes"]["rare"]["recall"])
        assert 0 <= Run.open(out).metrics["val_macro_f1"] <= 1
    assert recalls[1] > recalls[0] + 0.2


def test_the_weights_stand_in_their_place_after_a_kill(no_exports, tmp_path):
    """As run.json has them that a killed training has left."""
    run = untrained(tmp_path / "r", epochs=2)
    run = dataclasses.replace(run, weights_file="checkpoints/epoch-00001.weights.h5")
    result = trainer.train(
        run, TRAINING, VALIDATION, TrainContext(lambda x: None, NoFigures())
    )
    assert result.run.weights == tmp_path / "r" / "model.weights.h5"
    assert result.run.weights.is_file() and Run.open(tmp_path / "r").exported


@pytest.mark.parametrize("lighting", [0.0, 0.1])
def test_pca_lighting_gets_the_colors_of_training_images(no_exports, tmp_path, lighting):
    figures = NoFigures()
    run = untrained(tmp_path / "r", pca_lighting=lighting, epochs=1)
    trainer.train(run, TRAINING, VALIDATION, TrainContext(lambda x: None, figures))
    expected = principal_colors(TRAINING.pixels(TRAINING.rows)) if lighting else None
    np.testing.assert_array_equal(figures.lighting, expected)


@pytest.mark.slow
def test_the_papers_images_and_all_augmentation_together(toy, tmp_path):
    train(toy, tmp_path / "p", "--epochs", "2", "--mean", "pixel", "--std", "1", "--random-crop",
          "--hflip", "--pca-lighting", "0.1", "--schedule", "plateau", "--precision", "float32")  # fmt: skip
    mean = np.load(tmp_path / "p" / "mean_image.npy")
    assert mean.shape == (36, 36, 3) and 60 < mean.mean() < 160
    # The images of the split, read again.
    run = Run.open(tmp_path / "p")
    files = [toy / x["file"] for x in run.split() if x["split"] == "train"]
    pixels = np.stack([x.pixels for x in decode_files(files, run.preprocess)])
    np.testing.assert_allclose(mean, pixels.mean(axis=0), rtol=1e-5)
    result = alexnet("evaluate", "--model", tmp_path / "p", "--tta", "ten-crop", "--json")
    assert json.loads(result.stdout)["images"] == 6
    train(toy, tmp_path / "a", "--epochs", "2", "--crop-area", "0.5", "--vflip", "--rotation", "30",
          "--shear", "10", "--zoom", "0.2", "--width-shift", "0.1", "--height-shift", "0.1",
          "--fill-mode", "reflect", "--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2",
          "--hue", "0.1", "--precision", "mixed_bfloat16", "--schedule", "step")  # fmt: skip
    assert all(np.isfinite(x["val_loss"]) for x in history(tmp_path / "a"))


# Callbacks of the caller


def weights_of(callback):
    return [np.array(x) for x in callback.model.layers[-1].weights]


def equal(one, two):
    return all(np.array_equal(x, y) for x, y in zip(one, two, strict=True))


def test_a_callback_sees_the_networks_own_weights_before_their_average(
    no_exports, tmp_path
):
    seen = {}

    def note(name):
        return lambda *_, **__: seen.setdefault(name, []).append(weights_of(callback))

    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=note("epoch end"),
        on_train_batch_end=note("step"),
        on_test_begin=note("test begin"),
        on_test_end=note("test end"),
    )
    train_here(tmp_path / "r", [callback], ema=0.9)
    assert [len(seen[x]) for x in ("step", "test begin", "test end", "epoch end")] == [
        6,
        2,
        2,
        2,
    ]
    for epoch in range(2):
        own, last = seen["test begin"][epoch], seen["step"][3 * epoch + 2]
        assert equal(own, last)
        average = seen["epoch end"][epoch]
        assert equal(average, seen["test end"][epoch]) and not equal(average, own)
    # What is kept is the average of the best epoch.
    run = Run.open(tmp_path / "r")
    kept = [np.array(x) for x in load_network(run).weights]
    assert equal(kept, seen["epoch end"][int(run.metrics["epoch"]) - 1])


def test_without_an_average_the_networks_own_weights_are_kept(no_exports, tmp_path):
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(weights_of(callback))
    )
    train_here(tmp_path / "r", [callback])
    run = Run.open(tmp_path / "r")
    kept = [np.array(x) for x in load_network(run).weights]
    assert equal(kept, seen[int(run.metrics["epoch"]) - 1])


def test_a_callback_can_end_training(no_exports, tmp_path):
    def stop(epoch, logs):
        assert "val_loss" in logs
        callback.model.stop_training = epoch == 1

    callback = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    trained, _ = train_here(tmp_path / "r", [callback], epochs=9)
    assert trained.reason == "a callback ended training"
    assert len(history(tmp_path / "r")) == 2 and trained.run.status == "finished"


# How training ends


def press_ctrl_c(epoch, batch):
    """A callback that presses Ctrl-C after this step; both from 0."""
    now = []
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda i, logs: now.append(i),
        on_train_batch_end=lambda i, logs: (
            signal.raise_signal(signal.SIGINT) if (now[-1], i) == (epoch, batch) else None
        ),
    )


def test_ctrl_c_keeps_the_best_finished_epoch(no_exports, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    trained, reports = train_here(tmp_path / "r", [press_ctrl_c(2, 0)], epochs=9)
    assert trained.run.status == "interrupted" and trained.reason == "interrupted"
    assert len(history(tmp_path / "r")) == 2
    assert Run.open(tmp_path / "r").metrics["epoch"] in (1, 2)
    # The step during which it was pressed is the last one.
    assert (reports[-1].epoch, reports[-1].done) == (3, 8)
    assert signal.getsignal(signal.SIGINT) is before


def status(folder):
    return json.loads((folder / "run.json").read_text())["status"]


def test_ctrl_c_before_an_epoch_is_finished_keeps_its_steps(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="^interrupted before an epoch was finished$"):
        train_here(tmp_path / "r", [press_ctrl_c(0, 1)])
    assert signal.getsignal(signal.SIGINT) is before
    assert status(tmp_path / "r") == "interrupted"
    checkpoint = newest(tmp_path / "r")
    assert (checkpoint.epoch, checkpoint.step, checkpoint.best) == (0, 2, "")


def test_ctrl_c_before_the_first_step_ends_everything(tmp_path):
    press = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: signal.raise_signal(signal.SIGINT)
    )
    with pytest.raises(Interrupted, match="^interrupted$"):
        train_here(tmp_path / "r", [press])
    assert not recorded(tmp_path / "r") and status(tmp_path / "r") == "interrupted"


def test_an_error_leaves_what_was_recorded(tmp_path):
    def fail(epoch, logs):
        if epoch == 1:
            raise ValueError("of a callback\nwith more")

    callback = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(ValueError, match="of a callback"):
        train_here(tmp_path / "r", [callback])
    run = Run.open(tmp_path / "r")
    assert (run.status, run.reason) == ("failed", "of a callback")
    assert run.metrics["epoch"] == 1 and len(history(run.path)) == 1
    assert not run.exported
    load_network(run)


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DeviceError, match="--device cpu:7"):
        train_here(tmp_path / "r", device="cpu:7")
    assert not (tmp_path / "r" / "run.json").exists()


def test_a_deadline_that_has_passed_leaves_a_part_of_an_epoch(no_exports, tmp_path):
    # Less than the export is expected to take.
    trained, reports = train_here(
        tmp_path / "r", max_minutes=0.1, batch_size=1, epochs=9, norm="none"
    )
    assert re.fullmatch(r"time for only [2-4]\d% of an epoch", trained.reason)
    assert len(history(tmp_path / "r")) == 1 and trained.run.status == "finished"
    # As soon as a pace is known, after the first steps.
    assert reports[-2].done <= 10


@pytest.mark.slow
def test_a_time_limit_ends_training(toy, tmp_path):
    started = time.monotonic()
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY,
                     "--epochs", "100000", "--max-minutes", "0.25")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert 1 <= len(history(tmp_path / "r")) < 100000
    # Starting TensorFlow can take longer than the limit; a hundred thousand epochs do.
    assert time.monotonic() - started < 100


@pytest.mark.slow
def test_an_epoch_too_long_is_cut_short(toy, tmp_path):
    # Batches of one: 30 steps. The time kept back for the export is the whole limit.
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY,
                     "--batch-size", "1", "--norm", "none", "--max-minutes", "0.1")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert re.search(r"stopped: time for only 1\d% of an epoch", result.stderr)
    assert len(history(tmp_path / "r")) == 1
    assert Run.open(tmp_path / "r").status == "finished"


# What training leaves behind


def process_state():
    """Everything process-wide that training has no business with."""
    return {
        "random": random.getstate(),
        "numpy": [
            x.tolist() if isinstance(x, np.ndarray) else x for x in np.random.get_state()
        ],
        "dtype policy": keras.config.dtype_policy().name,
        "float": keras.config.floatx(),
        "Ctrl-C": signal.getsignal(signal.SIGINT),
        "folder": Path.cwd(),
    }


@pytest.fixture
def policy():
    """Keras' dtype policy, set to something that no training wants."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


def test_training_leaves_the_process_as_it_was(tmp_path, policy):
    random.seed(5)
    np.random.seed(5)
    before, tensor = process_state(), tf.random.uniform(())
    tf.random.set_seed(5)
    first = float(tf.random.uniform(()))
    tf.random.set_seed(5)
    inside = []
    watch = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: inside.append(watch.model.layers[-1].compute_dtype)
    )
    train_here(tmp_path / "r", [watch], dropout=0.5, mixup=0.2, hue=0.1, rotation=9.0)
    assert process_state() == before
    # TensorFlow's global generator goes on where it was.
    assert float(tf.random.uniform(())) == first and tensor.shape == ()
    assert set(inside) == {"float32"}


def test_training_leaves_the_process_as_it_was_after_an_error(tmp_path, policy):
    before = process_state()
    with pytest.raises(AlexNetError, match="loss is NaN or infinite in step 1 of epoch 1"):
        train_here(tmp_path / "r", std="1e-30")
    assert process_state() == before


@pytest.mark.slow
def test_the_callers_dtype_policy_has_no_say_in_training(tmp_path):
    train_here(tmp_path / "a", crop_area=0.5)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        train_here(tmp_path / "b", crop_area=0.5)
    finally:
        keras.config.set_dtype_policy(before)
    assert results(tmp_path / "a") == results(tmp_path / "b")
    one, two = ((tmp_path / x / "validation.csv").read_text() for x in "ab")
    assert one == two


def test_the_recipe_in_the_run_has_the_precision_that_was_chosen(no_exports, tmp_path):
    trained, _ = train_here(tmp_path / "r", precision="auto", epochs=1)
    assert trained.run.recipe.machine.precision in ("float32", "mixed_bfloat16")
    assert Run.open(tmp_path / "r").recipe == trained.run.recipe


TWO = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from alexnet_cli.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_two_devices_train_like_one(toy, tmp_path):
    # Statistics of BatchNorm are each device's own, so it is left out.
    options = (*TINY, "--norm", "none", "--dropout", "0", "--epochs", "3", "--precision", "float32",
               "--hflip", "--hue", "0.2", "--batch-size", "10")  # fmt: skip
    losses = []
    for device in ("cpu", "cpu:0,1"):
        out = tmp_path / device.replace(":", "").replace(",", "")
        done = python(
            TWO, "train", "--data", toy, "--out", out, *options, "--device", device
        )
        assert done.returncode == 0, done.stderr[-2000:]
        losses.append([(x["loss"], x["val_loss"], x["val_accuracy"]) for x in history(out)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.slow
def test_the_trained_copy_is_gone_before_the_float32_one_comes(
    no_exports, tmp_path, monkeypatch
):
    built, left = [], []

    def build(*args, **kwargs):
        network = build_model(*args, **kwargs)
        built.append(weakref.ref(network))
        return network

    def load(run):
        left.extend(x() for x in built)
        return load_network(run)

    monkeypatch.setattr(training_model, "build_model", build)
    monkeypatch.setattr(finalize, "load_network", load)
    train_here(tmp_path / "r", ema=0.9, crop_area=0.5, start_size=24)
    assert left == [None]


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_leaves_nothing(toy, tmp_path):
    """Not even the first checkpoint, before the first step, can be written."""
    limited = (
        "import resource, sys;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000));"
        "from alexnet_cli.cli.main import main; main(sys.argv[1:])"
    )
    done = python(limited, "train", "--data", toy, "--out", tmp_path / "saved", *TINY)
    assert done.returncode == 3, done.stderr[-1500:]
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
