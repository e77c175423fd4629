"""Weights of runs and of others are read with their preprocessing, which training keeps."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from helpers import TINY, alexnet, new_tiny_run
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError, RunError, WeightsError
from alexnet_cli.inference.network import load_network, save_weights
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.model import build_model
from alexnet_cli.model.pretrained.layouts import PretrainedWeights
from alexnet_cli.model.pretrained.shapes import layer_shapes
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.initial_weights import (
    _as_options,
    read_initial_weights,
    with_pretrained_preprocessing,
)

TINY_ARCH = ARCHITECTURES["tiny"]


def saved_run(folder, **fields):
    """A run with weights, and its network."""
    run = new_tiny_run(folder, **fields)
    network = build_model(run.architecture, 3, seed=4)
    save_weights(network, run.weights)
    run.write()
    return run, network


def weights(mean="", std="", layers=None):
    """What a file holds of tiny: conv1, unless said otherwise."""
    if layers is None:
        conv = build_model(TINY_ARCH, 2).get_layer("conv1")
        layers = {"conv1": tuple(map(np.array, conv.weights))}
    return PretrainedWeights("torchvision's", layers, mean, std, {}, ())


# read_initial_weights


@pytest.mark.parametrize("as_file", [False, True])
def test_a_run_gives_its_weights_and_its_preprocessing(tmp_path, as_file):
    run, network = saved_run(tmp_path / "r", mean="12.5,0,100", std="58.395,57.12,1")
    path = run.weights if as_file else run.path
    # Read by the run's architecture, not by the one that is asked for.
    found = read_initial_weights(path, ARCHITECTURES["alexnet"])
    assert (found.mean, found.std) == ("12.5,0,100", "58.395,57.12,1")
    for name in ("conv1", "dense1", "dense2"):
        kernel = network.get_layer(name).kernel
        np.testing.assert_array_equal(found.layers[name][0], kernel)


def test_a_file_of_weights_alone_is_read_as_the_recipes_network(tmp_path):
    run, network = saved_run(tmp_path / "r")
    shutil.copy(run.weights, tmp_path / "alone.weights.h5")
    found = read_initial_weights(tmp_path / "alone.weights.h5", TINY_ARCH)
    assert (found.mean, found.std) == ("", "")
    np.testing.assert_array_equal(
        found.layers["conv1"][0], network.get_layer("conv1").kernel
    )


def test_a_folder_without_weights_is_not_a_finished_run(tmp_path):
    with pytest.raises(WeightsError) as caught:
        read_initial_weights(tmp_path, TINY_ARCH)
    assert str(caught.value) == (
        f"{tmp_path} is not a run directory with weights (it has no model.weights.h5)"
    )


def test_a_damaged_run_is_named(tmp_path):
    run, _ = saved_run(tmp_path / "r")
    (run.path / "run.json").write_text("{")
    with pytest.raises(RunError, match="run.json is damaged"):
        read_initial_weights(run.path, TINY_ARCH)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.pth"):
        read_initial_weights(tmp_path / "none.pth", TINY_ARCH)


@given(numbers=st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6))
def test_preprocessing_survives_the_way_into_a_recipe(numbers):
    """Exactly: weights are used as they were trained."""
    mean, std = tuple(numbers[:3]), tuple(numbers[3:])
    text = _as_options(Preprocess("crop", 36, 32, mean, std))
    found = preprocess_of(Recipe(arch="tiny", mean=text[0], std=text[1]))
    assert (found.mean, found.std) == (mean, std)


# with_pretrained_preprocessing


def test_the_recipe_gets_the_preprocessing_of_the_weights():
    recipe = Recipe(arch="tiny", epochs=7)
    found = with_pretrained_preprocessing(recipe, weights("1,2,3", "4,5,6"))
    assert found == recipe.changed(mean="1,2,3", std="4,5,6")


def test_unknown_preprocessing_leaves_the_recipe_as_it_is():
    recipe = Recipe(arch="tiny", mean="7")
    assert with_pretrained_preprocessing(recipe, weights()) == recipe


@pytest.mark.parametrize(
    "given,trained",
    [
        ("imagenet", "imagenet"),
        ("imagenet", "123.675,116.28,103.53"),
        ("127.5", "127.5,127.5,127.5"),
        ("0,0,0", "0"),
        ("1.0,2,3", "1,2,3"),
    ],
)
def test_the_same_numbers_written_otherwise_are_accepted(given, trained):
    recipe = Recipe(arch="tiny", mean=given)
    found = with_pretrained_preprocessing(recipe, weights(trained))
    assert preprocess_of(found).mean == preprocess_of(recipe).mean


@pytest.mark.parametrize(
    "fields,message",
    [
        (
            {"mean": "0"},
            "--mean 0: the weights were trained with imagenet; leave --mean out",
        ),
        (
            {"mean": "pixel"},
            "--mean pixel: the weights were trained with imagenet; leave --mean out",
        ),
        (
            {"std": "1,2,3"},
            "--std 1,2,3: the weights were trained with imagenet; leave --std out",
        ),
    ],
)
def test_other_preprocessing_than_the_weights_had_is_refused(fields, message):
    with pytest.raises(RecipeError) as caught:
        with_pretrained_preprocessing(
            Recipe(arch="tiny", **fields), weights("imagenet", "imagenet")
        )
    assert str(caught.value) == message


def test_each_image_by_itself_comes_with_the_weights_of_a_run(tmp_path):
    run, _ = saved_run(tmp_path / "r", samplewise_center=True, std="64")
    found = read_initial_weights(run.path, TINY_ARCH)
    recipe = with_pretrained_preprocessing(Recipe(arch="tiny", size=36), found)
    assert preprocess_of(recipe) == run.preprocess
    with pytest.raises(RecipeError) as caught:
        with_pretrained_preprocessing(Recipe(arch="tiny", mean="7"), found)
    assert str(caught.value) == (
        "--mean 7: the weights were trained with 0,0,0; leave --mean out"
    )


def test_weights_of_another_standardization_than_by_itself_are_refused():
    recipe = Recipe(arch="tiny", samplewise_std_normalization=True)
    with pytest.raises(RecipeError) as caught:
        with_pretrained_preprocessing(recipe, weights("imagenet", "imagenet"))
    assert str(caught.value) == (
        "--samplewise-std-normalization: the weights were trained without; leave it out"
    )
    assert with_pretrained_preprocessing(recipe, weights()) == recipe


def test_a_run_with_a_mean_image_cannot_start_another(tmp_path):
    run, _ = saved_run(tmp_path / "r", mean="pixel")
    found = read_initial_weights(run.path, TINY_ARCH)
    assert (found.mean, found.std) == ("pixel", "")
    with pytest.raises(WeightsError) as caught:
        with_pretrained_preprocessing(Recipe(arch="tiny"), found)
    assert str(caught.value) == (
        "--weights: that run subtracts the mean of its own training images and cannot "
        "start another one; train one with --mean R,G,B"
    )


def test_weights_of_another_network_are_refused():
    other = {"conv1": (np.zeros((11, 11, 3, 64), np.float32), np.zeros(64, np.float32))}
    with pytest.raises(WeightsError) as caught:
        with_pretrained_preprocessing(Recipe(arch="tiny"), weights(layers=other))
    assert (
        str(caught.value) == "--weights: nothing in the file fits tiny; try another --arch"
    )


OWT = "it looks like alexnet-owt: use --config finetune or --arch alexnet-owt"


@pytest.mark.parametrize("layers, arch, message", [
    (("conv1", "dense1"), "alexnet-half", f"nothing in the file fits alexnet-half; {OWT}"),
    (("conv1", "dense2"), "alexnet", f"only dense2 in the file fits alexnet; {OWT}"),
    (("conv1", "conv4"), "alexnet-owt", None),
    (("dense2",), "alexnet", None),
])  # fmt: skip
def test_what_a_file_looks_like_is_advised(layers, arch, message):
    shapes = layer_shapes(ARCHITECTURES["alexnet-owt"], 5)
    zeros = {k: tuple(np.zeros(x, "f4") for x in shapes[k]) for k in layers}
    found = replace(weights(layers=zeros), arch="alexnet-owt")
    recipe = Recipe(arch=arch)
    if message is None:
        assert with_pretrained_preprocessing(recipe, found) == recipe
        return
    with pytest.raises(WeightsError) as caught:
        with_pretrained_preprocessing(recipe, found)
    assert str(caught.value) == f"--weights: {message}"


def test_a_run_of_another_network_is_named(tmp_path):
    run, _ = saved_run(tmp_path / "r")
    for path in (run.path, run.weights):
        found = read_initial_weights(path, TINY_ARCH)
        assert found.looks_like == "tiny" and found.classes == run.classes
        with pytest.raises(WeightsError) as caught:
            with_pretrained_preprocessing(Recipe(arch="alexnet"), found)
        text = "nothing in the file fits alexnet; it looks like tiny: use --arch tiny"
        assert str(caught.value) == f"--weights: {text}"


def test_a_file_beside_a_run_is_not_its_weights(tmp_path):
    run, _ = saved_run(tmp_path / "r", mean="1,2,3")
    shutil.copy(run.weights, run.path / "other.h5")
    found = read_initial_weights(run.path / "other.h5", TINY_ARCH)
    assert (found.mean, found.classes) == ("", ())


@pytest.mark.slow
def test_loaded_layers_and_their_rate_reach_the_training(toy, trained, tmp_path):
    """With a rate of nearly nothing loaded layers stay, and a head with a new class learns."""
    data = shutil.copytree(toy, tmp_path / "data")
    (data / "red").rename(data / "crimson")
    result = alexnet(
        "train", "--data", data, "--out", tmp_path / "r", *TINY, "--weights", trained,
        "--optimizer", "sgd", "--learning-rate", "0.01", "--loaded-rate", "0.000001", "--epochs", "2", "--weight-decay", "0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "2 of 3 classes loaded, 1 new" in result.stderr
    before, after = (load_network(Run.open(x)) for x in (trained, tmp_path / "r"))
    for name in ("conv1", "dense1"):
        np.testing.assert_allclose(
            before.get_layer(name).kernel, after.get_layer(name).kernel, atol=1e-4
        )
    far = np.abs(before.get_layer("dense2").kernel - after.get_layer("dense2").kernel)
    assert far.max() > 0.01
    assert Run.open(tmp_path / "r").preprocess == Run.open(trained).preprocess
