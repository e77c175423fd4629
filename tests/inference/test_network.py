"""A run's network is float32, its weights fit or are refused, and Keras stays as it was."""

import os
import shutil
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from helpers import TINY, alexnet

from alexnet_cli.errors import RunError
from alexnet_cli.export.litert import save_litert
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.gradcam import HeatMaps
from alexnet_cli.inference.litert import LiteRTNetwork
from alexnet_cli.inference.network import (
    as_probabilities,
    fastest_network,
    keras_network,
    load_mean_image,
    load_network,
    save_weights,
    verified_network,
)
from alexnet_cli.run.run import Run

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(0, 1, (5, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture
def bfloat16_policy():
    """A user's own global policy, which must stay."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield "mixed_bfloat16"
    keras.config.set_dtype_policy(before)


def test_weights_of_another_network_are_refused(run, run_copy):
    other = replace(Run.open(run_copy), classes=tuple("abcdefg"))
    other.litert.unlink()
    with pytest.raises(RunError) as caught:
        Classifier(other)
    text = str(caught.value)
    assert text.startswith(f"{other.weights} does not fit tiny with 7 classes: ")
    assert text.endswith("; train again") and "\n" not in text


@pytest.mark.parametrize("damage", ["not HDF5", "cut", "empty", "another model's"])
def test_damaged_weights_are_one_line(run_copy, damage):
    file = run_copy / "model.weights.h5"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:30_000])
    elif damage == "another model's":
        layers = [keras.layers.Input((4,)), keras.layers.Dense(2)]
        keras.Sequential(layers).save_weights(file)
    else:
        file.write_bytes(b"not HDF5 at all" if damage == "not HDF5" else b"")
    with pytest.raises(RunError) as caught:
        load_network(Run.open(run_copy))
    text = str(caught.value)
    said = {
        "not HDF5": "is not a Keras file (.weights.h5, .h5 or .keras)",
        "cut": "is cut off: 30000 of ",
        "empty": "is not a Keras file (.weights.h5, .h5 or .keras)",
        "another model's": "does not fit tiny with 3 classes: conv1: the file has none",
    }
    assert f"model.weights.h5 {said[damage]}" in text and text.endswith("; train again")
    assert "\n" not in text and len(text) < 500


def test_a_run_of_a_stranger_reads_no_other_file(run_copy, tmp_path):
    """Keras reads a secret as the kernel of the first layer."""
    (tmp_path / "secret").write_bytes(b"secret " * 400)
    with h5py.File(run_copy / "model.weights.h5", "r+") as file:
        del file["layers/conv2d/vars/0"]
        store = [(str(tmp_path / "secret"), 0, 2400)]
        group = file["layers/conv2d/vars"]
        group.create_dataset("0", (5, 5, 3, 8), "f4", external=store)
    with pytest.raises(RunError) as caught:
        load_network(Run.open(run_copy))
    assert "holds an array, layers/conv2d/vars/0, that is in another file" in str(
        caught.value
    )


def test_the_weights_are_those_that_keras_loads(run):
    network = load_network(run)
    found = network.get_weights()
    network.load_weights(run.weights)
    for one, other in zip(found, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_fastest_network_is_the_litert_copy_if_there_is_one(run, run_copy):
    assert isinstance(fastest_network(run), LiteRTNetwork)
    (run_copy / "model.tflite").unlink()
    network = fastest_network(Run.open(run_copy))
    assert not isinstance(network, LiteRTNetwork)
    np.testing.assert_allclose(network(INPUTS), keras_network(run)(INPUTS), atol=1e-6)


@pytest.mark.parametrize("what", ["a pipe", "a folder", "empty"])
def test_a_litert_copy_that_is_no_file_is_named(run_copy, what):
    file = run_copy / "model.tflite"
    file.unlink()
    if what == "a pipe":
        os.mkfifo(file)
    elif what == "a folder":
        file.mkdir()
    else:
        file.touch()
    with pytest.raises(RunError, match=r"model\.tflite") as caught:
        verified_network(Run.open(run_copy))
    assert str(caught.value).endswith("delete it, and TensorFlow is used instead")


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_are_the_softmax_of_logits(run, temperature):
    network = load_network(run)
    logits = np.asarray(network(INPUTS), np.float64) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    found = as_probabilities(network, temperature)(INPUTS)
    np.testing.assert_allclose(found, powers / powers.sum(1, keepdims=True), rtol=1e-4)
    warm = keras_network(replace(run, temperature=temperature))
    np.testing.assert_array_equal(warm(INPUTS), found)


def test_the_policy_of_the_process_stays_and_the_network_is_float32(
    run, run_copy, bfloat16_policy
):
    def unchanged():
        return keras.config.dtype_policy().name == bfloat16_policy

    network = load_network(run)
    assert unchanged()
    assert {x.compute_dtype for x in network.layers} == {"float32"}
    assert network(INPUTS).dtype == "float32"
    plain = np.asarray(network(INPUTS))
    keras_network(run)(INPUTS)
    HeatMaps(network, run.architecture)(INPUTS, np.zeros(5, np.int64))
    copy = Run.open(run_copy)
    save_litert(copy, network)
    assert unchanged()
    found = LiteRTNetwork(copy.litert, 32, 3, 5)(INPUTS)
    np.testing.assert_allclose(found, as_probabilities(network)(INPUTS), atol=1e-5)
    damaged = replace(run, classes=("a", "b"))
    with pytest.raises(RunError):
        load_network(damaged)
    assert unchanged()
    keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(np.asarray(load_network(run)(INPUTS)), plain)


@pytest.mark.slow
def test_commands_leave_the_policy_of_the_process(trained, toy, tmp_path, bfloat16_policy):
    for words in (
        ("train", "--data", toy, "--out", tmp_path / "new", *TINY, "--epochs", "1"),
        ("evaluate", "--model", trained, "--data", toy, "--report", tmp_path / "a.html"),
    ):
        assert alexnet(*words).exit_code == 0
        assert keras.config.dtype_policy().name == bfloat16_policy, words[0]


def test_saved_weights_are_loaded_and_nothing_else_is_left(run, run_copy):
    copy = Run.open(run_copy)
    files = sorted(os.listdir(run_copy))
    network = load_network(run)
    network.set_weights([x + 0.1 for x in network.get_weights()])
    save_weights(network, copy.weights)
    assert sorted(os.listdir(run_copy)) == files
    again = load_network(copy)
    for one, other in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    moved = np.abs(np.asarray(again(INPUTS) - load_network(run)(INPUTS))).max()
    assert moved > 0.1


def test_weights_that_cannot_be_written_leave_the_old_ones(run, run_copy, monkeypatch):
    before = (run_copy / "model.weights.h5").read_bytes()
    network = load_network(run)

    def fail(file):
        raise OSError("disk full")

    monkeypatch.setattr("alexnet_cli.backend.whole_file.sync", fail)
    with pytest.raises(OSError, match="disk full"):
        save_weights(network, Run.open(run_copy).weights)
    assert (run_copy / "model.weights.h5").read_bytes() == before
    assert not list(run_copy.glob(".part*"))


def test_the_mean_image_is_none_or_of_the_stored_size(run, tmp_path):
    assert load_mean_image(run) is None
    own = replace(run, path=tmp_path, preprocess=replace(run.preprocess, mean=None))
    mean = RNG.uniform(0, 255, (36, 36, 3))
    np.save(own.mean_image, mean)
    found = load_mean_image(own)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, mean, rtol=1e-6)


@pytest.mark.parametrize("damage", ["shape", "text", "cut", "pickle"])
def test_a_damaged_mean_image_is_named(run, tmp_path, damage):
    own = replace(run, path=tmp_path, preprocess=replace(run.preprocess, mean=None))
    side = 32 if damage == "shape" else 36
    np.save(own.mean_image, np.zeros((side, side, 3), np.float32))
    if damage == "text":
        own.mean_image.write_text("mean")
    elif damage == "cut":
        own.mean_image.write_bytes(own.mean_image.read_bytes()[:-5])
    elif damage == "pickle":
        np.save(own.mean_image, np.array([{}], object), allow_pickle=True)
    with pytest.raises(RunError) as caught:
        load_mean_image(own)
    text = str(caught.value)
    assert text.startswith(f"{own.mean_image} is damaged: ") and "\n" not in text
    if damage == "shape":
        assert text.endswith("its shape is (32, 32, 3), not (36, 36, 3)")


def test_a_run_that_was_moved_is_the_same(trained, run, tmp_path):
    moved = Run.open(shutil.copytree(trained, tmp_path / "elsewhere"))
    np.testing.assert_array_equal(
        fastest_network(moved)(INPUTS), fastest_network(run)(INPUTS)
    )
