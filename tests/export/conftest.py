"""What several files of tests here export once."""

import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli.dataset import images
from alexnet_cli.inference.classifier import Classifier


@pytest.fixture(scope="session")
def two_scales(toy, tmp_path_factory):
    """A run whose views are resized (saved), and the folder of all its exports (exported)."""
    folder = tmp_path_factory.mktemp("two-scales")
    saved, out = folder / "saved", folder / "exported"
    words = ["--arch", "tiny", "--size", "40", "--epochs", "4", "--tta", "two-scale"]
    result = alexnet("train", "--data", toy, "--out", saved, *words)
    assert result.exit_code == 0, result.output
    assert (saved / "model.tflite").is_file()
    own, flip = Classifier(saved), Classifier(saved, "flip")
    files = sorted(toy.glob("*/0[0-3]*"))
    pixels = np.stack([images.load(x, own.run.preprocess) for x in files])
    assert abs(own.probabilities(pixels) - flip.probabilities(pixels)).max() > 1e-3
    result = alexnet("export", "--model", saved, "--format", "all", "--out", out)
    assert result.exit_code == 0, result.output
    return folder
