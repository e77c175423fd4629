"""Whole networks that others trained become runs that predict the same."""

import dataclasses
import json
from importlib import resources
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import alexnet, new_tiny_run
from PIL import Image

from alexnet_cli.dataset import download, images
from alexnet_cli.dataset.standardize import standardize
from alexnet_cli.errors import WeightsError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import fastest_network, keras_network
from alexnet_cli.model.model import build_model, layers_of
from alexnet_cli.model.pretrained.layouts import PretrainedWeights
from alexnet_cli.model.pretrained.matching import LayerMatch
from alexnet_cli.model.pretrained.other_formats import NOT_WEIGHTS
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.reports.training_figures import describe
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.import_run import (
    classes_of,
    imagenet_classes,
    outputs_of,
    recipe_for,
    require_whole,
    write_run,
)

OWT = {
    "features.0": (64, 3, 11, 11), "features.3": (192, 64, 5, 5), "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3), "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216), "classifier.4": (4096, 4096), "classifier.6": (1000, 4096),
}  # fmt: skip
BVLC = {
    "conv1": (11, 11, 3, 96), "conv2": (5, 5, 48, 256), "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384), "conv5": (3, 3, 192, 256),
    "fc6": (9216, 4096), "fc7": (4096, 4096), "fc8": (4096, 1000),
}  # fmt: skip


def test_the_classes_of_imagenet_are_in_its_order():
    names = imagenet_classes()
    assert len(set(names)) == len(names) == 1000
    # Places that publications name; WordNet ids in the file are in rising order.
    known = {
        0: "tench", 150: "sea lion", 207: "golden retriever",
        340: "zebra", 355: "llama", 999: "toilet tissue",
    }  # fmt: skip
    assert {i: names[i] for i in known} == known


def test_wordnet_ids_rise():
    file = resources.files("alexnet_cli.model.pretrained") / "imagenet_classes.txt"
    text = file.read_text("utf-8")
    ids = [x.split(" ")[0] for x in text.splitlines()]
    assert ids == sorted(set(ids)) and all(len(x) == 9 and x[0] == "n" for x in ids)


def he(rng, shape, fan_in):
    return (rng.standard_normal(shape, np.float32) * (2 / fan_in) ** 0.5).astype(np.float32)


def draw_image(path):
    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8))
    small.resize((320, 280), Image.Resampling.BICUBIC).save(path)
    return path


def predicted(run_path, image):
    """Probabilities of `predict`, and the inputs that its network gets, [1, S, S, 3]."""
    result = alexnet("predict", image, "--model", run_path, "--json", "--top", "1000")
    assert result.exit_code == 0, result.output
    found = {x["label"]: x["probability"] for x in json.loads(result.stdout)["classes"]}
    run = Run.open(run_path)
    inputs = standardize(images.load(image, run.preprocess)[None], run.preprocess, None)
    return np.array([found[x] for x in imagenet_classes()]), inputs


@pytest.mark.slow
def test_torchvisions_alexnet_is_torchs_own(tmp_path):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    nn, rng = torch.nn, np.random.default_rng(0)
    state = {}
    for name, shape in OWT.items():
        state[f"{name}.weight"] = torch.tensor(he(rng, shape, np.prod(shape[1:])))
        state[f"{name}.bias"] = torch.tensor(he(rng, shape[:1], 200))
    torch.save(state, tmp_path / "alexnet.pth")
    done = alexnet("import", tmp_path / "alexnet.pth", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "alexnet-owt with 1000 classes" in done.stdout
    found, inputs = predicted(tmp_path / "run", draw_image(tmp_path / "a.png"))
    assert inputs.shape == (1, 224, 224, 3)
    # torchvision/models/alexnet.py, layer for layer.
    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2))  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000))  # fmt: skip
    theirs = nn.ModuleDict({"features": features, "classifier": classifier}).eval()
    theirs.load_state_dict(state)
    with torch.no_grad():
        x = features(torch.tensor(inputs.transpose(0, 3, 1, 2).copy())).flatten(1)
        expected = classifier(x).softmax(1)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.slow
def test_caffes_alexnet_is_its_formula_in_torch(tmp_path):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    F, rng = torch.nn.functional, np.random.default_rng(0)
    # Inputs reach 255 here, so the first kernels are smaller.
    arrays = {
        name: [
            he(rng, shape, np.prod(shape[:-1]) * (5000 if name == "conv1" else 1)),
            he(rng, shape[-1:], 200),
        ]
        for name, shape in BVLC.items()
    }
    np.save(tmp_path / "bvlc_alexnet.npy", arrays, allow_pickle=True)
    done = alexnet("import", tmp_path / "bvlc_alexnet.npy", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    found, inputs = predicted(tmp_path / "run", draw_image(tmp_path / "a.png"))
    assert inputs.shape == (1, 227, 227, 3)

    def conv(x, name, **kwargs):
        kernel, bias = map(torch.tensor, arrays[name])
        return F.relu(F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, **kwargs))

    def norm(x):
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    with torch.no_grad():
        x = torch.tensor(inputs[..., ::-1].transpose(0, 3, 1, 2).copy())
        x = F.max_pool2d(norm(conv(x, "conv1", stride=4)), 3, 2)
        x = F.max_pool2d(norm(conv(x, "conv2", padding=2, groups=2)), 3, 2)
        x = conv(conv(x, "conv3", padding=1), "conv4", padding=1, groups=2)
        x = F.max_pool2d(conv(x, "conv5", padding=1, groups=2), 3, 2)
        x = x.permute(0, 2, 3, 1).flatten(1)  # rows are in height, width, channel order
        for name in ("fc6", "fc7", "fc8"):
            weights, bias = map(torch.tensor, arrays[name])
            x = x @ weights + bias
            x = x if name == "fc8" else F.relu(x)
        expected = x.softmax(1)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=2e-4)


def pretrained(layers, arch="alexnet-owt", layout="torchvision's"):
    return PretrainedWeights(layout, layers, "imagenet", "imagenet", {}, (), arch)


def dense(outputs):
    return np.zeros((8, outputs), np.float32), np.zeros(outputs, np.float32)


@pytest.mark.parametrize(
    "arch,resize,mean",
    [("alexnet-bvlc", "squash", "104"), ("alexnet-owt", "crop", "imagenet")],
)
def test_the_recipe_prepares_images_as_the_weights_expect(arch, resize, mean):
    weights = dataclasses.replace(pretrained({}, arch), mean=mean, std="1")
    recipe = recipe_for(weights, Path("a.pth"))
    assert recipe == Recipe(
        arch=arch, mean=mean, std="1", weights="a.pth", resize=resize, size=256
    )


def test_weights_of_our_own_are_not_imported():
    weights = dataclasses.replace(pretrained({}), arch="", layout="Keras'")
    with pytest.raises(WeightsError) as caught:
        recipe_for(weights, Path("saved"))
    assert str(caught.value) == (
        "saved is in Keras' layout; import reads torchvision's AlexNet and Caffe's "
        "bvlc_alexnet; `alexnet train --weights` reads more"
    )


def test_the_last_layer_counts_the_classes():
    assert outputs_of(pretrained({"dense3": dense(7)})) == 7
    # A file without it fails later, by the names of the layers that it lacks.
    assert outputs_of(pretrained({"dense2": dense(7)})) == 1000


def test_names_are_given_or_imagenets():
    assert classes_of(pretrained({"dense3": dense(2)}), ("a", "b")) == ("a", "b")
    assert classes_of(pretrained({"dense3": dense(1000)}), ()) == imagenet_classes()


@pytest.mark.parametrize("given", [(), ("a",), ("a", "b", "c")])
def test_as_many_names_as_outputs(given):
    with pytest.raises(WeightsError) as caught:
        classes_of(pretrained({"dense3": dense(2)}), given)
    assert str(caught.value) == (
        f"the last layer has 2 outputs, not {len(given) or 1000}; "
        f"--classes @names.txt names them"
    )


def test_every_layer_needs_weights():
    whole = [
        LayerMatch("conv1", "1 x 1", "loaded", dense(1)),
        LayerMatch("extra", "", "left out"),
    ]
    require_whole(whole, Path("a.pth"))
    part = [
        *whole,
        LayerMatch("dense1", "1 x 1", "new"),
        LayerMatch("dense2", "1 x 1", "new"),
    ]
    with pytest.raises(WeightsError) as caught:
        require_whole(part, Path("a.pth"))
    assert str(caught.value) == (
        "a.pth has no weights for dense1, dense2; `alexnet train --weights` starts from "
        "part of a network"
    )


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A run of tiny's table, written from the weights of another network of it."""
    run = new_tiny_run(tmp_path_factory.mktemp("i") / "r")
    network = build_model(run.architecture, 3, seed=8)
    matches = [
        LayerMatch(name, "", "loaded", join(layers_of(network, name)))
        for name in ("conv1", "conv2", "dense1", "dense2")
    ]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        write_run(run, matches, describe)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
    return run, network


def join(layers):
    """The arrays of a layer, those of groups side by side."""
    weights = [[np.array(x) for x in layer.weights] for layer in layers]
    return tuple(np.concatenate(x, axis=-1) for x in zip(*weights, strict=True))


def test_an_imported_run_is_whole(imported):
    run = Run.open(imported[0].path)
    assert run.status == "finished" and run.metrics == {} and run.data == ""
    assert run.split() == [] and run.history() == []
    for name in ("model.weights.h5", "saved_model.pb", "model.tflite"):
        assert (run.path / name).exists(), name
    text = (run.path / "README.md").read_text()
    assert "- It has not been measured." in text and "| blue |\n| green |" in text


@pytest.mark.parametrize("network", [fastest_network, keras_network])
def test_an_imported_run_predicts_what_the_network_does(imported, network):
    run, original = imported
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    expected = softmax(original(standardize(pixels[:, 2:34, 2:34], run.preprocess, None)))
    found = Classifier(run, network=network(run)).probabilities(pixels)
    # In float32, whatever policy the caller has.
    np.testing.assert_allclose(found, expected, atol=1e-5)


def softmax(logits):
    powers = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_files_that_cannot_be_imported_are_one_line_and_leave_nothing(tmp_path, trained):
    np.save(tmp_path / "part.npy", {"conv1": [np.zeros((11, 11, 3, 64)), np.zeros(64)]})
    (tmp_path / "no.pth").write_text("not weights")
    for file, message in (
        (tmp_path / "part.npy", "has no weights for conv2, conv3, conv4, conv5, dense1"),
        (tmp_path / "no.pth", NOT_WEIGHTS),
        (
            trained,
            "is of a run, which needs no import; `alexnet train --weights` starts from it",
        ),
    ):
        result = alexnet("import", file, "--out", tmp_path / "run")
        assert result.exit_code == 3, result.output
        assert message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "run").exists()


def test_without_a_connection_imagenet_says_so(tmp_path, monkeypatch, toy):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "")
    source = download.Download("a.pth", "http://127.0.0.1:9/a.pth", "00", 1)
    monkeypatch.setattr(download, "IMAGENET", source)
    for words in (
        ("import", "imagenet"),
        ("train", "--data", toy, "--weights", "imagenet", "--arch", "alexnet-owt"),
    ):
        result = alexnet(*words, "--out", tmp_path / "run")
        assert result.exit_code == 3
        assert "no connection" in result.stderr and "try again when online" in result.stderr
