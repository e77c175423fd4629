"""The LiteRT copy predicts what TensorFlow does, in batches of any size."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli.errors import RunError, RunReplaced
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.litert import LiteRTNetwork
from alexnet_cli.inference.network import keras_network
from alexnet_cli.run.run import Run

INPUTS = np.random.default_rng(0).normal(0, 1, (16, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture
def network(run):
    return LiteRTNetwork(run.litert, 32, 3, batch=16)


def test_it_predicts_as_tensorflow(run, toy):
    files = sorted(toy.glob("*/*"))
    assert run.litert.is_file()
    lite, full = (
        np.stack([x.probabilities for x in Classifier(run, network=network)(files)])
        for network in (None, keras_network(run))
    )
    np.testing.assert_allclose(lite, full, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_batches_of_any_size_agree(network, run, count):
    found = network(INPUTS[:count])
    assert found.shape == (count, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, network(INPUTS)[:count], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_results_are_not_overwritten_by_the_next_call(network):
    first = network(INPUTS[:1])
    before = first.copy()
    network(INPUTS[1:2])
    np.testing.assert_array_equal(first, before)


def test_odd_batches_do_not_multiply_the_weights(run, toy):
    classifier = Classifier(run)
    for size in (16, 5, 7, 3):
        list(classifier.predict(sorted(toy.glob("*/*")), size))
    assert set(classifier.network.interpreters) <= {1, 16}


@pytest.mark.parametrize("content", [b"TFL3 but not really" * 10, b"", b"x", "cut"])
def test_a_damaged_copy_is_one_line(run_copy, toy, content):
    file = run_copy / "model.tflite"
    file.write_bytes(file.read_bytes()[:5000] if content == "cut" else content)
    result = alexnet("predict", "--model", run_copy, toy / "red" / "00.jpg")
    assert result.exit_code == 3
    assert "model.tflite is damaged: " in result.stderr
    assert result.stderr.endswith("delete it, and TensorFlow is used instead\n")
    assert result.stderr.count("\n") == 1
    file.unlink()
    assert alexnet("predict", "--model", run_copy, toy / "red" / "00.jpg").exit_code == 0


@pytest.mark.parametrize("side,classes", [(32, 7), (40, 3), (40, 7)])
def test_a_copy_of_another_network_is_refused(run, side, classes):
    with pytest.raises(RunError) as caught:
        LiteRTNetwork(run.litert, side, classes, batch=16)
    assert str(caught.value) == (
        f"{run.litert} has inputs [32, 32, 3] and outputs [3], the run has "
        f"[{side}, {side}, 3] and [{classes}]; delete it, and TensorFlow is used instead"
    )


def test_weights_of_two_networks_are_never_mixed(run_copy):
    run = Run.open(run_copy)
    network = LiteRTNetwork(run.litert, 32, 3, batch=16)
    new = run.litert.with_name("new.tflite")
    new.write_bytes(run.litert.read_bytes())
    new.replace(run.litert)
    network(INPUTS[:1])
    with pytest.raises(RunReplaced, match="was replaced while being read"):
        network(INPUTS)


@pytest.mark.parametrize("cores,size,count,threads", [
    (1, 10, 1, 1), (2, 10, 2, 1), (8, 10, 8, 1), (8, 2**29, 2, 4), (8, 2**31, 1, 8),
])  # fmt: skip
def test_replicas_share_the_cores_and_fit_in_memory(
    run, monkeypatch, cores, size, count, threads
):
    network = LiteRTNetwork(run.litert, 32, 3, batch=16)
    monkeypatch.setattr("alexnet_cli.inference.litert.usable_cores", lambda: cores)
    monkeypatch.setattr("alexnet_cli.inference.litert.REPLICA_BYTES", 2**30)
    network.content = None
    monkeypatch.setattr(
        type(run.litert), "stat", lambda self: SimpleNamespace(st_size=size)
    )
    found = network.replicas()
    assert [x.threads for x in found] == [threads] * count
    assert network.interpreters and not any(x.interpreters for x in found)


@pytest.mark.parametrize("count", [15, 16, 17, 40, 100])
def test_many_images_have_the_answers_of_each(run, toy, count):
    files = sorted(toy.glob("*/*"))
    many = [files[i % len(files)] for i in range(count)]
    found = Classifier(run)(many)
    alone = {x: Classifier(run)(x)[0] for x in files[:5]}
    assert [x.file for x in found] == many
    for one in found:
        if one.file in alone:
            expected = alone[one.file].probabilities
            np.testing.assert_allclose(one.probabilities, expected, atol=1e-6)


def test_a_bad_image_among_many_is_one_error(run, toy, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no")
    files = sorted(toy.glob("*/*"))
    found = Classifier(run)([*files[:20], tmp_path / "bad.jpg", *files[20:]])
    assert [bool(x.error) for x in found] == [False] * 20 + [True] + [False] * (
        len(files) - 20
    )


def test_what_is_raised_in_a_thread_is_raised(run):
    good, bad = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    with pytest.raises(ValueError, match="pixels must be uint8"):
        Classifier(run)([good] * 40 + [bad])
