"""Heat maps are Grad-CAM's formula, and lie on what the network looks at."""

import keras
import numpy as np
import pytest

from alexnet_cli.inference.gradcam import HeatMaps, last_activation
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture, trace
from alexnet_cli.model.layer_specs import Conv, Dense, Flatten, Pool, ReLU
from alexnet_cli.model.model import build_model

SMALL = Architecture("g", "", 8, 3, (Conv(4, 3), ReLU(), Flatten(), Dense(None)))


def test_heat_is_grad_cams_formula():
    network = build_model(SMALL, 3, seed=4)
    x = np.random.default_rng(0).normal(0, 1, (2, 8, 8, 3)).astype(np.float32)
    found = HeatMaps(network, SMALL)(x, np.array([2, 0]))
    maps = np.asarray(keras.Model(network.input, network.get_layer("relu1").output)(x))
    # Logits are linear in the maps: the gradient is the dense layer's kernel.
    kernel = np.asarray(network.get_layer("dense1").kernel).reshape(8, 8, 4, 3)
    for i, label in enumerate((2, 0)):
        importance = kernel[..., label].mean(axis=(0, 1))
        heat = np.maximum((maps[i] * importance).sum(-1), 0)
        np.testing.assert_allclose(found[i], heat / heat.max(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_last_convolutions_activations_are_found(name):
    rows = list(trace(ARCHITECTURES[name], 2))
    i = [x.name for x in rows].index(last_activation(ARCHITECTURES[name]))
    assert isinstance(rows[i].layer, ReLU)
    assert len(rows[i].shape) == 3 and rows[i].shape[0] > 1
    assert not any(isinstance(x.layer, Conv) for x in rows[i:])
    last = max(n for n, x in enumerate(rows) if isinstance(x.layer, Conv))
    assert not any(isinstance(x.layer, ReLU) for x in rows[last:i])


def test_the_relu_of_a_dense_layer_is_not_it():
    layers = (Conv(4, 3), ReLU(), Pool(2, 2), Conv(4, 3), ReLU(), Flatten(), Dense(5))
    arch = Architecture("g", "", 8, 3, (*layers, ReLU(), Dense(None)))
    assert last_activation(arch) == "relu2"
    assert last_activation(Architecture("d", "", 8, 3, (Flatten(), Dense(None)))) == ""


def test_heat_lies_where_the_image_is_not_black():
    network = build_model(SMALL, 3, seed=4)
    network.get_layer("conv1").bias.assign(np.zeros(4, np.float32))
    # All channels speak for class 0, none for class 1.
    kernel = np.zeros((8 * 8 * 4, 3), np.float32)
    kernel[:, 0], kernel[:, 1] = 1, -1
    network.get_layer("dense1").kernel.assign(kernel)
    x = np.zeros((1, 8, 8, 3), np.float32)
    x[0, 1:3, 1:3] = np.random.default_rng(0).uniform(0.5, 1, (2, 2, 3))
    maps = HeatMaps(network, SMALL)
    heat = maps(x, np.array([0]))[0]
    assert heat.max() == 1 and heat[:4, :4].sum() == pytest.approx(heat.sum())
    assert maps(x, np.array([1])).max() == 0


def test_an_image_without_heat_is_zero_not_nan():
    network = build_model(SMALL, 3, seed=4)
    network.get_layer("dense1").kernel.assign(np.zeros((8 * 8 * 4, 3), np.float32))
    heat = HeatMaps(network, SMALL)(np.ones((2, 8, 8, 3), np.float32), np.array([0, 1]))
    np.testing.assert_array_equal(heat, np.zeros((2, 8, 8), np.float32))


def test_maps_have_the_size_of_the_input():
    arch = ARCHITECTURES["tiny"]
    x = np.random.default_rng(0).normal(0, 1, (3, 32, 32, 3)).astype(np.float32)
    heat = HeatMaps(build_model(arch, 4, seed=1), arch)(x, np.array([0, 1, 3]))
    assert heat.shape == (3, 32, 32) and heat.dtype == np.float32
    assert heat.min() >= 0 and heat.max() <= 1
