"""Classifier takes paths, bytes and arrays, from a run that train() returned."""

import numpy as np
import pytest
from PIL import Image

from alexnet_cli import Classifier, Prediction, Run, RunError


@pytest.fixture(scope="module")
def classifier(trained):
    return Classifier(Run.open(trained))


@pytest.fixture(scope="module")
def files(toy_test):
    return sorted(toy_test.glob("*/*.png"))


def test_paths_bytes_and_arrays_give_the_same(classifier, files):
    arrays = []
    for file in files:
        with Image.open(file) as image:
            arrays.append(np.asarray(image))
    kinds = (files, [str(x) for x in files], [x.read_bytes() for x in files], arrays)
    expected, *others = ([x.probabilities for x in classifier(y)] for y in kinds)
    for found in others:
        np.testing.assert_array_equal(found, expected)


def test_a_prediction_is_a_label_with_its_confidence(classifier, files):
    for file, prediction in zip(files, classifier(files), strict=True):
        assert isinstance(prediction, Prediction) and prediction.file == file
        (label, confidence), *_ = prediction.top(3)
        assert (prediction.label, prediction.confidence) == (label, confidence)
        assert confidence == prediction.probabilities.max()
        assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_what_cannot_be_read_has_an_error(classifier, files):
    good, missing, damaged = classifier([files[0], "none.jpg", b"x"])
    assert good.label and not good.error
    assert (missing.error, missing.label, missing.confidence) == ("does not exist", "", 0)
    assert damaged.error == "is not an image in a known format" and not damaged.top(3)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(RunError, match="is not a run directory"):
        Classifier(tmp_path)
