"""Training does what the recipe says, keeps the best epoch, and writes it all down."""

import json
import weakref

import numpy as np
import pytest
import tensorflow as tf
from helpers import TINY, alexnet, history, python, train
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alexnet_cli.model.model import build_model
from alexnet_cli.run.run import Run


def test_a_run_holds_what_it_should(trained):
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
    from alexnet_cli.dataset.decoding import decode_files
    from alexnet_cli.evaluation.scores import score
    from alexnet_cli.inference.classifier import Classifier

    run = Run.open(trained)
    rows = [x for x in run.split() if x["split"] == "val"]
    pixels = np.stack(
        [x.pixels for x in decode_files([toy / x["file"] for x in rows], run.preprocess)]
    )
    labels = np.array([run.classes.index(x["class"]) for x in rows])
    scores = score(Classifier(run)(pixels), labels, run.classes)
    assert scores.top1 == pytest.approx(run.metrics["val_accuracy"])
    # Training may be in bfloat16, whose logits have three digits.
    assert scores.loss == pytest.approx(run.metrics["val_loss"], rel=0.05, abs=0.02)


def scalars(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events, {
        tag: [float(tf.make_ndarray(x.tensor_proto)) for x in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if tf.make_ndarray(events.Tensors(tag)[0].tensor_proto).dtype == np.float32
        and not tf.make_ndarray(events.Tensors(tag)[0].tensor_proto).shape
    }


def test_tensorboard_holds_what_history_holds(trained):
    rows = history(trained)
    events, found = scalars(trained / "logs" / "train")
    assert events.Tags()["graph"]
    for name in ("loss", "accuracy", "learning_rate", "images_per_second"):
        assert found[name] == pytest.approx([x[name] for x in rows], rel=1e-5), name
    events, found = scalars(trained / "logs" / "validation")
    for name in ("loss", "accuracy"):
        assert found[name] == pytest.approx([x[f"val_{name}"] for x in rows], rel=1e-5), (
            name
        )
    for tag in ("augmented training images", "confusion matrix"):
        image = tf.make_ndarray(events.Tensors(tag)[0].tensor_proto)[2]
        assert tf.io.decode_png(image).shape[0] > 200


def test_run_name_histograms_and_metrics(toy, tmp_path):
    train(toy, tmp_path / "r", "--run-name", "first", "--histograms", "--epochs", "2",
          "--metrics", "accuracy,top2,mse,mae", "--watch", "val_mse")  # fmt: skip
    logs = tmp_path / "r" / "logs" / "first"
    events, found = scalars(logs / "train")
    assert {"top2", "mse", "mae"} <= set(found)
    assert any("conv" in x and "kernel" in x for x in events.Tags()["tensors"])
    rows = history(tmp_path / "r")
    assert all(0 <= x["mse"] <= x["mae"] <= 1 for x in rows)
    assert all(x["accuracy"] <= x["top2"] <= 1 for x in rows)
    assert Run.open(tmp_path / "r").metrics["val_mse"] == pytest.approx(
        min(x["val_mse"] for x in rows), rel=1e-5
    )


def test_equal_seeds_train_alike(toy, tmp_path):
    options = ("--hflip", "--rotation", "20", "--hue", "0.1", "--epochs", "3")
    for name in ("a", "b"):
        train(toy, tmp_path / name, *options)
    train(toy, tmp_path / "c", *options, "--seed", "1")
    a, b, c = ([x["loss"] for x in history(tmp_path / n)] for n in "abc")
    assert a == pytest.approx(b, rel=1e-4)
    assert a != pytest.approx(c, rel=1e-2)


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


def test_the_papers_images_and_all_augmentation_together(toy, tmp_path):
    train(toy, tmp_path / "p", "--epochs", "2", "--mean", "pixel", "--std", "1", "--random-crop",
          "--hflip", "--pca-lighting", "0.1", "--schedule", "plateau", "--precision", "float32")  # fmt: skip
    mean = np.load(tmp_path / "p" / "mean_image.npy")
    assert mean.shape == (36, 36, 3) and 60 < mean.mean() < 160
    result = alexnet("evaluate", "--model", tmp_path / "p", "--tta", "ten-crop", "--json")
    assert json.loads(result.stdout)["images"] == 6
    train(toy, tmp_path / "a", "--epochs", "2", "--crop-area", "0.5", "--vflip", "--rotation", "30",
          "--shear", "10", "--zoom", "0.2", "--width-shift", "0.1", "--height-shift", "0.1",
          "--fill-mode", "reflect", "--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2",
          "--hue", "0.1", "--precision", "mixed_bfloat16", "--schedule", "step")  # fmt: skip
    assert all(np.isfinite(x["val_loss"]) for x in history(tmp_path / "a"))


TWO = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from alexnet_cli.cli.main import main
main(sys.argv[1:])
"""


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


def test_the_trained_copy_is_gone_before_the_float32_one_comes(toy, tmp_path, monkeypatch):
    from alexnet_cli.inference import network as networks
    from alexnet_cli.trainer import finalize, training_model

    built, left = [], []
    original = networks.load_network

    def build(*args, **kwargs):
        network = build_model(*args, **kwargs)
        built.append(weakref.ref(network))
        return network

    def load(run):
        left.extend(x() for x in built)
        return original(run)

    monkeypatch.setattr(training_model, "build_model", build)
    monkeypatch.setattr(finalize, "load_network", load)
    train(
        toy, tmp_path / "saved", "--ema", "0.9", "--crop-area", "0.5", "--start-size", "24"
    )
    assert left == [None]


def test_a_full_disk_is_one_line_and_leaves_nothing(toy, tmp_path):
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
