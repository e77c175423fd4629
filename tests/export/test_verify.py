"""A LiteRT copy is kept if it predicts what the network does, and is removed if not."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import TINY, alexnet

from alexnet_cli.dataset.pixel_cache import Examples, MemoryCache
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.export import verify
from alexnet_cli.export.verify import LITERT_TOLERANCE, keep_litert, tta_views
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.litert import LiteRTNetwork
from alexnet_cli.inference.network import as_probabilities, load_network
from alexnet_cli.run.run import Run


@pytest.fixture
def run(run_copy):
    run = Run.open(run_copy)
    run.litert.unlink()
    return run


@pytest.fixture
def network(run):
    return load_network(run)


@pytest.fixture(scope="module")
def validation():
    """19 images of a cache that holds 40, in another order than there."""
    rng = np.random.default_rng(0)
    cache = MemoryCache(40, 36)
    for _ in range(40):
        cache.add(Sample("", 0, ""), rng.integers(0, 256, (36, 36, 3), np.uint8))
    return Examples(cache, rng.permutation(40)[:19], np.zeros(40, np.int64))


def expected(run, network, validation):
    return tta_views(run, validation, as_probabilities(network), 1)[0]


@pytest.mark.parametrize(
    "tta,views", [("none", 1), ("flip", 2), ("two-scale", 4), ("ten-crop", 10)]
)
def test_views_are_those_of_the_classifier(run, network, validation, tta, views):
    probabilities = as_probabilities(network)
    run = replace(run, recipe=run.recipe.changed(tta=tta))
    found = tta_views(run, validation, probabilities)
    assert found.shape == (views, 19, 3) and found.dtype == np.float32
    pixels = validation.cache.array[validation.rows]
    classifier = Classifier(run, tta, probabilities)
    np.testing.assert_allclose(found, classifier.views(pixels), atol=1e-6)
    np.testing.assert_allclose(found.mean(0), classifier.probabilities(pixels), atol=1e-6)
    first = tta_views(run, validation, probabilities, 1)
    np.testing.assert_array_equal(first, found[:1])


def test_a_copy_that_agrees_is_kept(run, network, validation):
    rows = expected(run, network, validation)
    assert keep_litert(run, network, validation, rows)
    found = tta_views(run, validation, LiteRTNetwork(run.litert, 32, 3, 16), 1)[0]
    np.testing.assert_allclose(found, rows, atol=1e-5)
    assert not list(run.path.glob(".part*"))


@pytest.mark.parametrize("by,kept", [(0.8, True), (1.2, False)])
def test_the_tolerance_is_that_of_a_probability(run, network, validation, by, kept):
    rows = expected(run, network, validation)
    shifted = rows.astype(np.float64)
    # The one prediction that moves must stay the same class.
    best = int(rows.max(1).argmax())
    shifted[best, rows[best].argmin()] += by * LITERT_TOLERANCE
    assert keep_litert(run, network, validation, shifted) == kept
    assert run.litert.exists() == kept


def test_another_label_is_a_difference_however_small(run, network, validation, monkeypatch):
    rows = np.tile(np.array([0.4, 0.401, 0.199], np.float32), (19, 1))

    def nearly(run):
        other = np.array([0.401, 0.4, 0.199], np.float32)
        return lambda inputs: np.tile(other, (len(inputs), 1))

    monkeypatch.setattr(verify, "fastest_network", nearly)
    assert not keep_litert(run, network, validation, rows)
    assert not run.litert.exists()


@pytest.mark.slow
def test_a_copy_that_disagrees_is_removed_and_that_is_reported(toy, tmp_path, monkeypatch):
    def wrong(run):
        row = np.full(len(run.classes), 0.2, np.float32)
        row[0] = 1 - row[1:].sum()
        return lambda inputs: np.tile(row, (len(inputs), 1))

    monkeypatch.setattr(verify, "fastest_network", wrong)
    out = tmp_path / "saved"
    result = alexnet("train", "--data", toy, "--out", out, *TINY, "--epochs", "3")
    assert result.exit_code == 0
    assert "no model.tflite, because its predictions differed" in result.stderr
    assert not (out / "model.tflite").exists()
    assert alexnet("predict", "--model", out, toy / "red" / "00.jpg").exit_code == 0
