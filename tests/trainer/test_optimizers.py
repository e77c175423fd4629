"""Weight updates are the rules that they are named after."""

import keras
import numpy as np
import pytest
from helpers import history, train

from alexnet_cli.recipe.sections import Optimization
from alexnet_cli.trainer.optimizers import (
    CoupledSGD,
    DecoupledAdam,
    RMSprop,
    build_optimizer,
)

OPTIMIZERS = ("sgd", "adam", "adamw", "muon", "rmsprop")


def variable(values, name="kernel"):
    return keras.Variable(np.asarray(values, np.float32), dtype="float32", name=name)


def run(optimizer, values, gradients, name="kernel"):
    """`values` after a step for each of `gradients`, float32."""
    x = variable(values, name)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(np.float32(gradient))], [x])
    return np.array(x)


def start(seed=0, steps=6):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (3, 2)), rng.normal(0, 1, (steps, 3, 2))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weight_decay_of_sgd_is_inside_the_momentum(momentum, nesterov):
    """Section 5 of the paper, by hand; Nesterov's form is Sutskever et al. 2013's."""
    values, gradients = start()
    section = Optimization(
        optimizer="sgd", weight_decay=0.1, momentum=momentum, nesterov=nesterov
    )
    optimizer = build_optimizer(section, 0.05)
    assert isinstance(optimizer, CoupledSGD)
    w, v = values.copy(), np.zeros((3, 2))
    for gradient in gradients:
        change = -0.05 * (gradient + 0.1 * w)
        v = momentum * v + change
        w = w + (momentum * v + change if nesterov else v)
    np.testing.assert_allclose(run(optimizer, values, gradients), w, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name,decay", [("adam", 0.0), ("adamw", 0.1), ("muon", 0.1)])
def test_adam_is_kerass_own(name, decay):
    values, gradients = start()
    section = Optimization(optimizer=name, weight_decay=0.1)
    optimizer = build_optimizer(section, 0.01)
    assert isinstance(optimizer, DecoupledAdam)
    oracle = keras.optimizers.AdamW(0.01, weight_decay=decay)
    np.testing.assert_allclose(
        run(optimizer, values, gradients),
        run(oracle, values, gradients),
        rtol=1e-5,
        atol=1e-6,
    )


def test_rmsprop_is_kerass_own():
    values, gradients = start()
    optimizer = build_optimizer(Optimization(optimizer="rmsprop", momentum=0.9), 0.01)
    assert isinstance(optimizer, RMSprop)
    oracle = keras.optimizers.RMSprop(0.01, momentum=0.9)
    np.testing.assert_allclose(
        run(optimizer, values, gradients),
        run(oracle, values, gradients),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_only_kernels_decay(name):
    model = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()])
    model.build((None, 2))
    section = Optimization(optimizer=name, weight_decay=0.5)
    optimizer = build_optimizer(section, 0.1)
    for x in model.trainable_variables:
        x.assign(keras.ops.ones_like(x))
    before = [np.array(x) for x in model.trainable_variables]
    optimizer.apply([0 * x for x in before], model.trainable_variables)
    for x, old in zip(model.trainable_variables, before, strict=True):
        kept = 1 - 0.1 * 0.5 if x.name == "kernel" else 1
        np.testing.assert_allclose(x, kept * old, rtol=1e-6, err_msg=x.path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_gradients_are_clipped_to_their_global_norm(name):
    values, gradients = start()
    clipped = [g * min(1, 0.5 / np.linalg.norm(g)) for g in gradients]
    with_clip = build_optimizer(Optimization(optimizer=name, clip_norm=0.5), 0.01)
    without = build_optimizer(Optimization(optimizer=name), 0.01)
    np.testing.assert_allclose(
        run(with_clip, values, gradients),
        run(without, values, clipped),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_some_variables_have_their_own_rate(name):
    gradient = keras.ops.convert_to_tensor(np.float32([[1, 2], [3, -4], [5, 6]]))
    moved = []
    for factor in (1.0, 0.25):
        layers = [keras.layers.Dense(2, use_bias=False, name=x) for x in ("loaded", "new")]
        for layer in layers:
            layer.build((None, 3))
            layer.kernel.assign(np.ones((3, 2)))
        kernels = [x.kernel for x in layers]
        optimizer = build_optimizer(Optimization(optimizer=name, weight_decay=0.0), 0.01)
        optimizer.scale_rate([kernels[0].path], factor)
        optimizer.apply([gradient, gradient], kernels)
        moved.append([np.array(x) - 1 for x in kernels])
    np.testing.assert_allclose(moved[1][0], 0.25 * moved[0][0], rtol=1e-4)
    np.testing.assert_allclose(moved[1][1], moved[0][1], rtol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rate_of_nothing_changes_nothing(name):
    values, gradients = start()
    optimizer = build_optimizer(Optimization(optimizer=name), 0.0)
    np.testing.assert_array_equal(run(optimizer, values, gradients), np.float32(values))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(toy, tmp_path, optimizer):
    rate = {"sgd": "0.02"}.get(optimizer, "0.003")
    train(toy, tmp_path / "r", "--optimizer", optimizer, "--learning-rate", rate,
          "--clip-norm", "5", "--label-smoothing", "0.05")  # fmt: skip
    losses = [x["loss"] for x in history(tmp_path / "r")]
    assert losses[-1] < 0.8 * losses[0]
