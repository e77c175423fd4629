"""Weight updates are the rules that they are named after."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import history, train

from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.trainer.optimizers import CoupledSGD, build_optimizer


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimizer_learns(toy, tmp_path, optimizer):
    rate = {"sgd": "0.02"}.get(optimizer, "0.003")
    train(toy, tmp_path / "r", "--optimizer", optimizer, "--learning-rate", rate,
          "--clip-norm", "5", "--label-smoothing", "0.05")  # fmt: skip
    losses = [x["loss"] for x in history(tmp_path / "r")]
    assert losses[-1] < 0.8 * losses[0]


def test_weight_decay_is_inside_the_momentum():
    """Section 5 of the paper, five steps by hand."""
    import keras

    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    layer.kernel.assign([[1.0]])
    layer.bias.assign([1.0])
    optimizer = build_optimizer(
        Recipe(optimizer="sgd", weight_decay=0.1, learning_rate=0.1)
    )
    assert isinstance(optimizer, CoupledSGD)
    w, v = 1.0, 0.0
    for _ in range(5):
        optimizer.apply(
            [tf.constant([[0.2]]), tf.constant([0.0])], layer.trainable_variables
        )
        v = 0.9 * v - 0.1 * 0.1 * w - 0.1 * 0.2
        w = w + v
    assert float(layer.kernel[0, 0]) == pytest.approx(w, abs=1e-6)
    assert float(layer.bias[0]) == 1.0


def test_adamw_spares_biases_and_norms():
    import keras

    model = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()])
    model.build((None, 2))
    optimizer = build_optimizer(
        Recipe(optimizer="adamw", weight_decay=0.5, learning_rate=0.1)
    )
    before = [np.asarray(x) for x in model.trainable_variables]
    optimizer.apply([0 * x for x in before], model.trainable_variables)
    for variable, old in zip(model.trainable_variables, before, strict=True):
        share = 1 - 0.1 * 0.5 if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable, share * old, rtol=1e-6)
