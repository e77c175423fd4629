"""A .keras file holds all of `Classifier.probabilities` and says no more than it must."""

import json
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers import new_tiny_run

from alexnet_cli.export.keras_file import write_keras
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import as_probabilities
from alexnet_cli.model.model import build_model


@pytest.mark.parametrize("tta", ["none", "flip", "two-scale", "ten-crop"])
@pytest.mark.parametrize("mean", ["imagenet", "pixel", "samplewise"])
def test_it_is_what_the_classifier_computes(tmp_path, tta, mean):
    by_itself = dict.fromkeys(("samplewise_center", "samplewise_std_normalization"), True)
    fields = by_itself if mean == "samplewise" else {"mean": mean}
    run = replace(
        new_tiny_run(tmp_path / "saved", tta=tta, size=40, **fields), temperature=0.7
    )
    if mean == "pixel":
        np.save(run.mean_image, np.random.default_rng(1).uniform(0, 255, (40, 40, 3)))
    network = build_model(run.architecture, 3)
    write_keras(run, network, tmp_path / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
    classifier = Classifier(run, network=as_probabilities(network, 0.7))
    found = keras.saving.load_model(tmp_path / "model.keras")(pixels)
    np.testing.assert_allclose(found, classifier.probabilities(pixels), atol=1e-5)


def every(node, kind):
    """All dictionaries in `node` that have the key `kind`."""
    inside = node.values() if isinstance(node, dict) else node
    for x in inside if isinstance(node, dict | list) else ():
        yield from every(x, kind)
    if isinstance(node, dict) and kind in node:
        yield node


def test_it_has_only_what_older_versions_know(tmp_path):
    """What 3.13 and 3.6 stumbled over: names of operations, and arguments that came later."""
    run = new_tiny_run(tmp_path / "saved", tta="flip")
    write_keras(run, build_model(run.architecture, 3), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    layers = list(every(config, "class_name"))
    operations = [x for x in layers if ".ops." in x.get("module", "")]
    # Those of local response normalization and groups, for which Keras has no layer.
    assert {x["class_name"] for x in operations} == {
        "Square", "Conv", "Multiply", "Add", "Power", "TrueDivide", "Split",
    }  # fmt: skip
    assert not any("name" in x["config"] for x in operations)
    (conv1,) = (x["config"] for x in layers if x.get("name") == "conv1")
    assert {"name", "dtype", "filters", "kernel_size"} <= set(conv1)
    later = {"kernel_initializer", "bias_initializer", "kernel_regularizer", "groups"}
    assert not later & set(conv1)
