"""Ways of learning: images that grow, averaged weights, rates of their own, a time limit."""

import dataclasses
import itertools
import re
import time

import keras
import numpy as np
import pytest
from helpers import TINY, alexnet, history

from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import keras_network, load_network
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.layer_specs import BatchNorm, Dense, ReLU
from alexnet_cli.model.model import build_model
from alexnet_cli.model.variants import with_initializer, with_input_size, with_norm
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.ema import ExponentialMovingAverage
from alexnet_cli.trainer.optimizers import build_optimizer


@pytest.mark.parametrize("name", ["tiny", "alexnet-half"])
def test_a_network_for_any_side_is_the_table_at_the_tables(name, tmp_path):
    arch = with_norm(ARCHITECTURES[name], "all")
    flexible = build_model(arch, 3, seed=1, any_side=True)
    flexible.save_weights(tmp_path / "a.weights.h5")
    table = build_model(arch, 3, seed=2)
    table.load_weights(tmp_path / "a.weights.h5")
    x = np.random.default_rng(0).random(
        (2, arch.input_size, arch.input_size, 3), np.float32
    )
    np.testing.assert_allclose(flexible(x), table(x), rtol=1e-5, atol=1e-6)
    small = x[:, : 3 * arch.input_size // 4, : 3 * arch.input_size // 4]
    assert flexible(small).shape == (2, 3)


def test_small_maps_are_spread_as_torchs_adaptive_pooling_does():
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    x = np.random.default_rng(0).random((2, 4, 4, 5), np.float32)
    ours = keras.layers.AdaptiveAveragePooling2D((6, 6))(x)
    theirs = torch.nn.AdaptiveAvgPool2d((6, 6))(
        torch.tensor(x.transpose(0, 3, 1, 2).copy())
    )
    np.testing.assert_allclose(ours, theirs.numpy().transpose(0, 2, 3, 1), rtol=1e-5)


def test_norms_of_all_layers_or_the_dense_ones():
    table = ARCHITECTURES["alexnet"]
    every = with_norm(table, "all").layers
    assert sum(isinstance(x, BatchNorm) for x in every) == 7
    for layer, after in itertools.pairwise(every):
        if isinstance(layer, ReLU):
            assert not isinstance(after, BatchNorm)
    dense = with_norm(table, "dense").layers
    behind = [a for a, b in itertools.pairwise(dense) if isinstance(b, BatchNorm)]
    assert [type(x) for x in behind] == [Dense, Dense]
    assert with_initializer(table, "he").initializer == "he_normal"
    assert with_initializer(table, "table") is table
    assert with_input_size(table, 128).input_size == 128


def test_images_grow_and_the_network_is_kept_at_its_own_side(toy, tmp_path):
    result = alexnet(
        "train", "--data", toy, "--out", tmp_path / "r", *TINY, "--epochs", "10", "--norm", "all",
        "--crop-area", "0.5", "--start-size", "24", "--schedule", "cosine", "--initializer", "he",
        "--mixup", "0.2", "--cutmix", "1", "--erasing", "0.5", "--randaugment", "2", "--ema", "0.9",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = history(tmp_path / "r")
    assert [int(x["side"]) for x in rows] == [24] * 5 + [28] * 3 + [32] * 2
    run = Run.open(tmp_path / "r")
    assert run.metrics["side"] == 32 and run.metrics["epoch"] >= 9
    assert run.metrics["val_accuracy"] == 1


@pytest.mark.parametrize(
    "options,message",
    [
        (("--start-size", "24", "--crop-area", "0"), "--start-size has no effect here"),
        (("--start-size", "32", "--crop-area", "0.5"), "not below the 32 pixels"),
        (("--start-size", "8", "--crop-area", "0.5"), "too small"),
        (("--tta", "ten-crop", "--size", "32"), "--tta ten-crop needs a --size above"),
        (("--loaded-rate", "0.1"), "--loaded-rate has no effect here: it needs --weights"),
    ],
)
def test_what_cannot_be_is_refused(toy, tmp_path, options, message):
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY, *options)
    assert result.exit_code == 2 and message in result.stderr


def test_a_long_trainings_average_is_that_of_every_step():
    """Of weights that stand still from some step on, updates every eighth step differ not."""
    network = build_model(ARCHITECTURES["tiny"], 3)
    average = ExponentialMovingAverage(network, decay=0.9)
    kernel = network.get_layer("dense2").kernel
    first = np.asarray(kernel)
    for step in range(1, 65):
        average.on_train_batch_end(step)
    kernel.assign(first + 1)
    for step in range(65, 89):
        average.on_train_batch_end(step)
    average.on_test_begin()
    # Three updates of eight steps each; 64 of 74 steps bound the decay no more.
    decays = [min(0.9, (1 + x) / (10 + x)) ** 8 for x in (72, 80, 88)]
    np.testing.assert_allclose(kernel, first + 1 - np.prod(decays), rtol=1e-4, atol=1e-5)


def test_the_average_is_judged_and_the_weights_go_on():
    network = build_model(ARCHITECTURES["tiny"], 3)
    average = ExponentialMovingAverage(network, decay=0.5)
    kernel = network.get_layer("dense2").kernel
    first = np.asarray(kernel)
    expected, values = first, []
    for step in range(1, 5):
        kernel.assign(first + step)
        values.append(np.asarray(kernel))
        average.on_train_batch_end(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * values[-1]
    average.on_test_begin()
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    average.on_epoch_begin(1)
    np.testing.assert_array_equal(kernel, values[-1])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_loaded_layers_learn_at_their_own_rate(optimizer):
    moved = []
    for factor in (1.0, 0.25):
        recipe = Recipe(
            optimizer=optimizer, weight_decay=0.0, loaded_rate=factor, learning_rate=0.01
        )
        slow, free = (
            keras.Variable(np.ones((3, 2)), dtype="float32", name="kernel")
            for _ in range(2)
        )
        rule = build_optimizer(recipe, [slow.path])
        # Two variables that stand alone share a path; only the first is to be slow.
        rule.build([slow, free])
        rule.factors = [factor, 1.0]
        gradient = keras.ops.convert_to_tensor(np.float32([[1, 2], [3, -4], [5, 6]]))
        rule.apply([gradient, gradient], [slow, free])
        moved.append([np.asarray(x) - 1 for x in (slow, free)])
    np.testing.assert_allclose(moved[1][0], 0.25 * moved[0][0], rtol=1e-4)
    np.testing.assert_allclose(moved[1][1], moved[0][1], rtol=1e-5)


def test_which_layers_were_loaded_reaches_the_optimizer(toy, trained, tmp_path):
    """With a rate of nearly nothing loaded layers stay, and the new head learns."""
    result = alexnet(
        "train", "--data", toy, "--out", tmp_path / "r", *TINY, "--weights", trained,
        "--optimizer", "sgd", "--learning-rate", "0.01", "--loaded-rate", "0.000001", "--epochs", "2", "--weight-decay", "0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    before, after = (load_network(Run.open(x)) for x in (trained, tmp_path / "r"))
    for name in ("conv1", "dense1"):
        np.testing.assert_allclose(
            before.get_layer(name).kernel, after.get_layer(name).kernel, atol=1e-4
        )
    far = np.abs(before.get_layer("dense2").kernel - after.get_layer("dense2").kernel)
    assert far.max() > 0.01


def test_a_time_limit_ends_training(toy, tmp_path):
    started = time.monotonic()
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY,
                     "--epochs", "100000", "--max-minutes", "0.25")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert 1 <= len(history(tmp_path / "r")) < 100000
    # Starting TensorFlow can take longer than the limit; a hundred thousand epochs do.
    assert time.monotonic() - started < 100


def test_an_epoch_too_long_is_cut_short(toy, tmp_path):
    # Batches of one: 29 steps. The time kept back for the export is the whole limit.
    result = alexnet("train", "--data", toy, "--out", tmp_path / "r", *TINY,
                     "--batch-size", "1", "--max-minutes", "0.1")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert re.search(r"stopped: time for no more than 1\d% of an epoch", result.stderr)
    assert len(history(tmp_path / "r")) == 1
    assert Run.open(tmp_path / "r").status == "finished"


def test_views_are_averaged_in_the_run_and_its_exports(toy, tmp_path):
    import tensorflow as tf

    result = alexnet(
        "train",
        "--data",
        toy,
        "--out",
        tmp_path / "r",
        *TINY,
        "--tta",
        "flip",
        "--epochs",
        "2",
    )
    assert result.exit_code == 0, result.output
    run = Run.open(tmp_path / "r")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    both = Classifier(run)(pixels)
    each = [Classifier(run, "none")(x) for x in (pixels, pixels[:, :, ::-1])]
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-4
    served = tf.saved_model.load(str(run.path)).signatures["pixels"]
    answer = served(pixels=tf.constant(pixels))["probabilities"]
    np.testing.assert_allclose(answer, both, atol=1e-3)


def test_temperature_is_in_every_way_to_answer(run_copy, tmp_path):
    import tensorflow as tf

    from alexnet_cli.evaluation.calibration import at_temperature
    from alexnet_cli.export.litert import save_litert
    from alexnet_cli.export.saved_model import save_model

    run = Run.open(run_copy)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    expected = at_temperature(Classifier(run)(pixels), 3.0)
    warm = dataclasses.replace(run, temperature=3.0)
    network = load_network(warm)
    save_litert(warm, network)
    save_model(warm, network)
    warm.write()
    again = Run.open(run_copy)
    assert again.temperature == 3.0
    np.testing.assert_allclose(Classifier(again)(pixels), expected, atol=1e-3)
    slow = Classifier(again, network=keras_network(again))
    np.testing.assert_allclose(slow(pixels), expected, atol=1e-3)
    served = tf.saved_model.load(str(run_copy)).signatures["pixels"]
    np.testing.assert_allclose(
        served(pixels=tf.constant(pixels))["probabilities"], expected, atol=1e-3
    )
