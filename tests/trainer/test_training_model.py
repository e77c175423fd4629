"""A model in training is its recipe's, and continues from its state to the last bit."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import new_tiny_run, python, toy_examples

from alexnet_cli.backend.dtype_policy import dtype_policy
from alexnet_cli.dataset.standardize import standardize
from alexnet_cli.model.model import build_model
from alexnet_cli.model.pretrained.matching import LayerMatch
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel, build_loss, build_metric

EXAMPLES = toy_examples()


def training_model(run, start=()):
    with dtype_policy(run.recipe.machine.precision):
        return TrainingModel(run, tf.distribute.get_strategy(), start)


def fit(model, epoch, side=32):
    """One epoch, as the trainer runs it."""
    run = model.run
    pipeline = InputPipeline(run.recipe, run.preprocess, len(run.classes)).at(side)
    with dtype_policy(run.recipe.machine.precision):
        model.at(side).fit(
            pipeline.training(EXAMPLES, epoch), initial_epoch=epoch - 1, epochs=epoch,
            shuffle=False, verbose=0,
        )  # fmt: skip


def arrays(state):
    return [*state["network"], *state["optimizer"]]


def assert_equal(one, two):
    """Two states, bit for bit."""
    assert one["unfrozen"] == two["unfrozen"]
    for x, y in zip(arrays(one), arrays(two), strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        np.testing.assert_array_equal(x, y)


# What happens in the first half and in the second: an epoch's number, its number and side,
# or that layers are unfrozen.
BOTH = ([1], [2])
CASES = {
    "adamw": ({"optimizer": "adamw"}, *BOTH),
    "momentum": ({"optimizer": "sgd", "momentum": 0.9}, *BOTH),
    "nesterov": ({"optimizer": "sgd", "nesterov": True, "clip_norm": 1.0}, *BOTH),
    "rmsprop": ({"optimizer": "rmsprop"}, *BOTH),
    "batchnorm": ({"optimizer": "adam", "norm": "all"}, *BOTH),
    "augmented": (
        {
            "optimizer": "adam",
            "mixup": 0.2,
            "cutmix": 1.0,
            "erasing": 0.5,
            "randaugment": 2,
        },
        *BOTH,
    ),
    "before the first step": ({"optimizer": "adamw"}, [], [1]),
    "frozen": ({"optimizer": "adamw", "freeze": "conv"}, *BOTH),
    "then unfrozen": ({"optimizer": "adamw", "freeze": "conv"}, [1], ["unfreeze", 2]),
    "unfrozen before": ({"optimizer": "adamw", "freeze": "conv"}, [1, "unfreeze", 2], [3]),
    "unfrozen just before": ({"optimizer": "sgd", "freeze": "conv"}, [1, "unfreeze"], [2]),
    "growing images": (
        {"optimizer": "adamw", "start_size": 24},
        [(1, 24)],
        [(2, 24), (3, 32)],
    ),
    "bfloat16": ({"optimizer": "adamw", "precision": "mixed_bfloat16"}, *BOTH),
    "xla": ({"optimizer": "adamw", "batch_size": 10, "xla": True}, *BOTH),
    "muon": ({"optimizer": "muon"}, *BOTH),
    "grown images": ({"optimizer": "sgd", "start_size": 24}, [(1, 24), (2, 32)], [(3, 32)]),
}
FAST = ("adamw", "momentum", "frozen", "then unfrozen")


def happen(model, events):
    for event in events:
        if event == "unfreeze":
            model.unfreeze()
        else:
            fit(model, *np.atleast_1d(event))


@pytest.mark.parametrize(
    "case", [x if x in FAST else pytest.param(x, marks=pytest.mark.slow) for x in CASES]
)
def test_the_second_half_is_that_of_an_uninterrupted_training(tmp_path, case):
    fields, first, second = CASES[case]
    # Dropout is tiny's own; crops and colors are the defaults.
    run = new_tiny_run(tmp_path / "r", **fields)
    whole = training_model(run)
    happen(whole, first)
    state = whole.state()
    kept = [x.copy() for x in arrays(state)]
    happen(whole, second)
    # Another seed, so that nothing is equal by chance.
    other_run = new_tiny_run(tmp_path / "o", **fields, seed=9)
    other = training_model(other_run)
    other.run = run
    other.restore(state)
    assert_equal(other.state(), state)
    happen(other, second)
    assert_equal(other.state(), whole.state())
    # The state is a copy: neither training has changed it.
    for x, y in zip(arrays(state), kept, strict=True):
        np.testing.assert_array_equal(x, y)
    # And the second half did something.
    assert any(
        not np.array_equal(x, y) for x, y in zip(arrays(whole.state()), kept, strict=False)
    )


@pytest.mark.slow
def test_without_its_state_a_training_goes_elsewhere(tmp_path):
    """What the test above would miss if all were equal anyway: slots and generators."""
    run = new_tiny_run(tmp_path / "r", optimizer="adamw")
    whole = training_model(run)
    fit(whole, 1)
    state = whole.state()
    fit(whole, 2)
    for part in ("optimizer", "seeds"):
        other = training_model(run)
        damaged = {
            **state,
            "network": list(state["network"]),
            "optimizer": list(state["optimizer"]),
        }
        if part == "optimizer":
            damaged["optimizer"] = [np.array(x) for x in other.optimizer.variables]
        else:
            for i, x in enumerate(other.network.variables):
                if "seed" in x.path:
                    damaged["network"][i] = np.array(x)
        other.restore(damaged)
        fit(other, 2)
        with pytest.raises(AssertionError):
            assert_equal(other.state(), whole.state())


@pytest.mark.slow
def test_the_loss_scale_of_float16_is_part_of_the_state(tmp_path):
    fields = {
        "optimizer": "sgd",
        "precision": "mixed_float16",
        "start_size": 24,
        "norm": "all",
    }
    run = new_tiny_run(tmp_path / "r", **fields)
    whole = training_model(run)
    assert whole.optimizer.dynamic_scale.path in [x.path for x in whole.optimizer.variables]
    whole.optimizer.dynamic_scale.assign(512.0)
    fit(whole, 1, 24)
    state = whole.state()
    fit(whole, 2, 32)
    other = training_model(run)
    other.restore(state)
    assert float(other.optimizer.dynamic_scale) == 512
    fit(other, 2, 32)
    assert_equal(other.state(), whole.state())


def test_the_state_is_arrays_and_plain_values(tmp_path):
    model = training_model(new_tiny_run(tmp_path / "r"))
    for _ in range(2):
        state = model.state()
        assert {type(x) for x in arrays(state)} == {np.ndarray}
        rest = {k: v for k, v in state.items() if k not in ("network", "optimizer")}
        assert json.loads(json.dumps(rest)) == rest
        model.unfreeze()


def test_a_state_of_another_network_is_refused(tmp_path):
    model = training_model(new_tiny_run(tmp_path / "r"))
    other = training_model(new_tiny_run(tmp_path / "o", norm="all"))
    with pytest.raises(ValueError):
        other.restore(model.state())


def test_all_sides_share_weights_and_optimizer(tmp_path):
    model = training_model(new_tiny_run(tmp_path / "r", start_size=24))
    large, small = model.at(32), model.at(24)
    assert model.at(24) is small
    assert large.optimizer is small.optimizer is model.optimizer
    for one, two in zip(large.weights, small.weights, strict=True):
        assert one is two


def test_the_model_standardizes_what_the_network_gets(tmp_path):
    run = new_tiny_run(tmp_path / "r", crop_area=0.5)
    model = training_model(run)
    data = InputPipeline(run.recipe, run.preprocess, 3).validation(EXAMPLES)
    ((pixels, parameters), _, _), *_ = data
    logits = model.at(32)([pixels, parameters], training=False)
    inputs = standardize(pixels.numpy()[:, 2:34, 2:34], run.preprocess, None)
    np.testing.assert_allclose(logits, model.network(inputs), rtol=1e-5, atol=1e-6)


def test_frozen_layers_keep_their_weights_until_they_are_unfrozen(tmp_path):
    model = training_model(new_tiny_run(tmp_path / "r", freeze="conv", weight_decay=0.1))
    conv, dense = (model.network.get_layer(x).kernel for x in ("conv1", "dense1"))
    values = []
    for epoch in (1, 2):
        values.append((np.array(conv), np.array(dense)))
        fit(model, epoch)
        if epoch == 1:
            np.testing.assert_array_equal(conv, values[0][0])
            model.unfreeze()
    assert not np.array_equal(conv, values[1][0])
    assert not np.array_equal(dense, values[0][1])
    assert all(x.trainable for x in model.network.layers)


def test_unfreezing_starts_with_a_new_optimizer(tmp_path):
    model = training_model(new_tiny_run(tmp_path / "r", freeze="conv", optimizer="adamw"))
    fit(model, 1)
    before, count = model.optimizer, len(model.optimizer.variables)
    model.unfreeze()
    assert model.optimizer is not before and int(model.optimizer.iterations) == 0
    assert len(model.optimizer.variables) > count
    assert model.at(32).optimizer is model.optimizer


def loaded_start(run):
    """conv1 of other weights; a layer of which nothing was loaded is in the list too."""
    other = build_model(run.architecture, 3, seed=11)
    kernel, bias = map(np.array, other.get_layer("conv1").weights)
    return [
        LayerMatch("conv1", "", "loaded", (kernel, bias + 0.5)),
        LayerMatch("dense1", "", "new, the file has none"),
    ]


def test_training_starts_from_the_given_weights(tmp_path):
    run = new_tiny_run(tmp_path / "r")
    start = loaded_start(run)
    model, plain = training_model(run, start), training_model(run)
    conv = model.network.get_layer("conv1")
    for ours, theirs in zip(conv.weights, start[0].arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.loaded == [x.path for x in conv.weights] and plain.loaded == []
    # All else is as without them.
    for name in ("conv2_1", "dense1", "dense2"):
        np.testing.assert_array_equal(
            model.network.get_layer(name).kernel, plain.network.get_layer(name).kernel
        )


def test_loaded_layers_learn_at_their_own_rate(tmp_path):
    """At a rate of nearly nothing they stay, and the others learn; unfreezing keeps that."""
    fields = {
        "loaded_rate": 1e-6,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "weight_decay": 0.0,
    }
    run = new_tiny_run(tmp_path / "r", **fields)
    model = training_model(run, loaded_start(run))
    model.unfreeze()
    conv, dense = (model.network.get_layer(x).kernel for x in ("conv1", "dense2"))
    before = np.array(conv), np.array(dense)
    fit(model, 1)
    np.testing.assert_allclose(conv, before[0], atol=1e-5)
    assert np.abs(dense - before[1]).max() > 1e-3


def test_equal_seeds_are_equal_networks(tmp_path):
    first, second, third = (
        training_model(new_tiny_run(tmp_path / str(i), seed=seed)).state()
        for i, seed in enumerate((3, 3, 4))
    )
    assert_equal(first, second)
    with pytest.raises(AssertionError):
        assert_equal(first, third)


# Loss and metrics


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 50)
    return labels, np.eye(4, dtype=np.float32)[labels], rng.normal(0, 2, (50, 4))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_with_smoothed_labels(batch, smoothing):
    _, targets, logits = batch
    smooth = targets * (1 - smoothing) + smoothing / 4
    expected = -(smooth * np.log(softmax(logits))).sum(axis=1).mean()
    assert float(build_loss(smoothing)(targets, logits)) == pytest.approx(
        expected, rel=1e-5
    )


def expected_metric(name, labels, targets, logits):
    predicted, p = logits.argmax(axis=1), softmax(logits)
    if name == "accuracy":
        return (predicted == labels).mean()
    if name == "top2":
        return np.mean(
            [y in np.argsort(x)[-2:] for x, y in zip(logits, labels, strict=True)]
        )
    if name == "mse":
        return ((p - targets) ** 2).mean()
    if name == "mae":
        return np.abs(p - targets).mean()
    hits = [(predicted == labels)[labels == i].sum() for i in range(4)]
    sizes = [(predicted == i).sum() + (labels == i).sum() for i in range(4)]
    return np.mean([2 * a / b for a, b in zip(hits, sizes, strict=True)])


@pytest.mark.parametrize("name", ["accuracy", "top2", "mse", "mae", "macro_f1"])
def test_metrics_are_their_formulas(batch, name):
    labels, targets, logits = batch
    metric = build_metric(name)
    assert metric.name == name
    # In two batches of different size, which count by their images.
    metric.update_state(targets[:40], keras.ops.convert_to_tensor(logits[:40], "float32"))
    metric.update_state(targets[40:], keras.ops.convert_to_tensor(logits[40:], "float32"))
    expected = expected_metric(name, labels, targets, logits)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


TWO_DEVICES = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from alexnet_cli.backend.devices import strategy
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel
from helpers import new_tiny_run, toy_examples
run = new_tiny_run(Path(sys.argv[1]), optimizer="adamw", crop_area=0.0)
two, examples = strategy("cpu:0,1"), toy_examples()
def fit(model, epoch):
    data = InputPipeline(run.recipe, run.preprocess, 3).training(examples, epoch)
    model.at(32).fit(data, shuffle=False, verbose=0)
whole, other = TrainingModel(run, two), TrainingModel(run, two)
fit(whole, 1)
other.restore(whole.state())
fit(whole, 2)
fit(other, 2)
for key in ("network", "optimizer"):
    for x, y in zip(whole.state()[key], other.state()[key], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7)
print("equal")
"""


@pytest.mark.slow
def test_a_training_on_two_devices_has_a_state_too(tmp_path):
    done = python(TWO_DEVICES, tmp_path / "r", Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "equal"
