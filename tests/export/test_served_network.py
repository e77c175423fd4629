"""The served network is all of `Classifier.probabilities`; the plain one has Keras' layers only."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers import new_tiny_run

from alexnet_cli.errors import ExportError
from alexnet_cli.export.served_network import plain_network, served_network
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import as_probabilities
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.model import build_model
from alexnet_cli.run.run import Run


def pixels_for(run, count=3):
    side = run.preprocess.stored_size
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


@pytest.mark.parametrize("tta", ["none", "flip", "two-scale", "ten-crop"])
@pytest.mark.parametrize("mean", ["imagenet", "pixel", "samplewise"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_what_the_classifier_computes(tmp_path, tta, mean, dtype):
    fields = {"mean": mean} if mean != "samplewise" else {"samplewise_center": True}
    run = new_tiny_run(tmp_path / "saved", tta=tta, size=40, **fields)
    run = replace(run, temperature=0.7)
    if mean == "pixel":
        np.save(run.mean_image, np.random.default_rng(1).uniform(0, 255, (40, 40, 3)))
    network = build_model(run.architecture, 3)
    classifier = Classifier(run, network=as_probabilities(network, 0.7))
    pixels = pixels_for(run)
    expected = classifier.probabilities(pixels)
    found = served_network(run, network, dtype=dtype)(pixels.astype(dtype))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def trained_statistics(network):
    """`network` with other statistics of BatchNorm than the initial ones."""
    rng = np.random.default_rng(2)
    for layer in network.layers:
        if "batchnorm" in layer.name:
            shape = layer.moving_mean.shape
            layer.set_weights([rng.uniform(0.5, 2, shape) for _ in range(4)])
    return network


def check_plain(arch):
    network = trained_statistics(build_model(ARCHITECTURES[arch], 5))
    plain = plain_network(network)
    side = network.input.shape[1]
    inputs = np.random.default_rng(0).normal(0, 60, (2, side, side, 3)).astype(np.float32)
    expected = np.asarray(network(inputs, training=False))
    scale = abs(expected).max()
    np.testing.assert_allclose(plain(inputs) / scale, expected / scale, atol=1e-5)
    layers = [y for x in plain.layers for y in (x.layers if hasattr(x, "layers") else [x])]
    modules = {type(x).__module__.partition(".")[0] for x in layers}
    assert modules == {"keras"}


def test_a_plain_network_gives_the_same_logits():
    check_plain("tiny")


@pytest.mark.slow
@pytest.mark.parametrize("arch", sorted({*ARCHITECTURES} - {"tiny"}))
def test_every_network_has_a_plain_form(arch):
    check_plain(arch)


def test_a_layer_that_keras_does_not_have_is_named():
    class Odd(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((4,))
    network = keras.Model(inputs, Odd(name="odd1")(inputs))
    with pytest.raises(ExportError, match="odd1 is a Odd, which Keras does not have"):
        plain_network(network)


def test_the_run_is_left_as_it_was(trained):
    run = Run.open(trained)
    network = build_model(run.architecture, 3)
    before = len(network.layers)
    served_network(run, network)
    plain_network(network)
    assert len(network.layers) == before
