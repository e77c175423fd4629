"""The first layer begins as the principal components of the training images' patches."""

import keras
import numpy as np
import pytest
from helpers import new_tiny_run, toy_examples
from trainer.trainings import leave_out_exports, train_logged

from alexnet_cli.errors import RecipeError
from alexnet_cli.model.model import build_model
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.recipe.validation import check
from alexnet_cli.trainer import first_layer
from alexnet_cli.trainer.first_layer import begin_with_patches


def begun(run, examples):
    """The first kernel [h, w, 3, C] before and after."""
    network = build_model(run.architecture, 3)
    layer = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
    before = np.array(layer.kernel)
    begin_with_patches(network, run, examples)
    return before, np.array(layer.kernel)


def test_kernels_are_orthogonal_pairs_as_long_as_they_were(tmp_path):
    before, after = begun(new_tiny_run(tmp_path / "r"), toy_examples(20))
    assert before.shape == after.shape
    flat = after.reshape(-1, after.shape[-1]).astype(float)
    np.testing.assert_allclose(flat[:, ::2], -flat[:, 1::2])
    length = np.linalg.norm(before.reshape(flat.shape), axis=0).mean()
    gram = flat[:, ::2].T @ flat[:, ::2]
    np.testing.assert_allclose(gram, length**2 * np.eye(len(gram)), atol=1e-4)


@pytest.mark.parametrize(
    "fields", [{}, {"mean": "0"}, {"samplewise_center": True}], ids=str
)
def test_they_are_where_all_patches_vary_most(tmp_path, monkeypatch, fields):
    """Against the singular values of every patch there is, and not of some."""
    monkeypatch.setattr(first_layer, "PATCHES", 400)
    run, examples = new_tiny_run(tmp_path / "r", **fields), toy_examples(30)
    _, after = begun(run, examples)
    height, width, _, count = after.shape
    images = np.concatenate(list(first_layer._standardized(run, examples)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), (1, 2))
    flat = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, height * width * 3)
    _, values, vectors = np.linalg.svd(flat, full_matrices=False)
    kernels = after.reshape(-1, count)[:, ::2]
    kernels = kernels / np.linalg.norm(kernels, axis=0)
    caught = (values[:, None] ** 2 * (vectors @ kernels) ** 2).sum()
    most = (values[: kernels.shape[1]] ** 2).sum()
    assert 0.97 * most < caught <= most * (1 + 1e-5)


def test_kernels_that_are_more_than_pairs_stay_random(tmp_path):
    inputs = keras.Input((32, 32, 3))
    network = keras.Model(inputs, keras.layers.Conv2D(9, 1)(inputs))
    before = np.array(network.layers[1].kernel)[0, 0]
    begin_with_patches(network, new_tiny_run(tmp_path / "r"), toy_examples(20))
    after = np.array(network.layers[1].kernel)[0, 0]
    np.testing.assert_array_equal(after[:, 6:], before[:, 6:])
    np.testing.assert_allclose(after[:, 0], -after[:, 1])
    assert not np.allclose(after[:, :6], before[:, :6])


def test_a_seed_gives_the_same(tmp_path):
    runs = [new_tiny_run(tmp_path / str(i)) for i in range(2)]
    one, two = (begun(run, toy_examples(20))[1] for run in runs)
    np.testing.assert_array_equal(one, two)


def test_training_begins_with_them(tmp_path, monkeypatch):
    leave_out_exports(monkeypatch)
    seen = []
    monkeypatch.setattr(first_layer, "begin_with_patches", lambda *args: seen.append(args))
    for value, times in (("table", 0), ("patches", 1)):
        train_logged(tmp_path / value, first_layer=value, epochs=1)
        assert len(seen) == times


def test_pretrained_layers_are_not_overwritten(tmp_path, monkeypatch):
    leave_out_exports(monkeypatch)
    monkeypatch.delattr(first_layer, "begin_with_patches")
    train_logged(tmp_path / "r", epochs=1, weights="imagenet", first_layer="patches")


def test_patches_and_pretrained_layers_are_not_asked_for_together():
    with pytest.raises(RecipeError, match="it needs no --weights"):
        check(Recipe(weights="imagenet", first_layer="patches"), {"first_layer"})
