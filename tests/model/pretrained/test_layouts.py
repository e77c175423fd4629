"""Other people's files give their networks' numbers."""

import pickle
import shutil

import numpy as np
import pytest
from helpers import SHARED, npy

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import Conv, Dense, Flatten, LocalNorm, Pool, ReLU
from alexnet_cli.model.model import build_model, put_weights
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import match_layers

HEAD = (Flatten(), Dense(20), ReLU(), Dense(12), ReLU(), Dense(None))
TORCH = Architecture("owt", "", 224, 7, (
    Conv(6, 11, stride=4, padding=2), ReLU(), Pool(), Conv(8, 5, padding=2), ReLU(), Pool(),
    Conv(10, 3), ReLU(), Conv(8, 3), ReLU(), Conv(4, 3), ReLU(), Pool(), *HEAD))  # fmt: skip
NORM = LocalNorm(k=1.0, alpha=0.02)
CAFFE = Architecture("bvlc", "", 227, 7, (
    Conv(6, 11, stride=4, padding="valid"), ReLU(), NORM, Pool(), Conv(8, 5, groups=2), ReLU(), NORM, Pool(),
    Conv(10, 3), ReLU(), Conv(8, 3, groups=2), ReLU(), Conv(4, 3, groups=2), ReLU(), Pool(), *HEAD))  # fmt: skip


def torch_network(torch, grouped):
    """torchvision's names; with `grouped` Caffe's network, whose LRN divides alpha by n."""
    nn, g = torch.nn, 2 if grouped else 1
    torch.manual_seed(0)
    norm = nn.LocalResponseNorm(5, 0.1, 0.75, 1.0) if grouped else nn.Identity()
    layers = {
        "0": nn.Conv2d(3, 6, 11, 4, 0 if grouped else 2), "0r": nn.ReLU(), "0n": norm, "0p": nn.MaxPool2d(3, 2),
        "3": nn.Conv2d(6, 8, 5, padding=2, groups=g), "3r": nn.ReLU(), "3n": norm, "3p": nn.MaxPool2d(3, 2),
        "6": nn.Conv2d(8, 10, 3, padding=1), "6r": nn.ReLU(),
        "8": nn.Conv2d(10, 8, 3, padding=1, groups=g), "8r": nn.ReLU(),
        "10": nn.Conv2d(8, 4, 3, padding=1, groups=g), "10r": nn.ReLU(), "10p": nn.MaxPool2d(3, 2),
    }  # fmt: skip
    head = {
        "1": nn.Linear(144, 20),
        "1r": nn.ReLU(),
        "4": nn.Linear(20, 12),
        "4r": nn.ReLU(),
        "6": nn.Linear(12, 7),
    }
    model = nn.Module()
    model.features, model.classifier = nn.Sequential(), nn.Sequential()
    for name, layer in layers.items():
        model.features.add_module(name, layer)
    for name, layer in head.items():
        model.classifier.add_module(name, layer)
    return model


def hidden(torch, model, pixels, bgr=False):
    """Activations before the last layer, of float32 [B, S, S, 3]."""
    order = pixels[..., ::-1] if bgr else pixels
    with torch.no_grad():
        x = model.features(torch.tensor(order.transpose(0, 3, 1, 2).copy())).flatten(1)
        for name in ("1", "1r", "4", "4r"):
            x = getattr(model.classifier, name)(x)
    return x.numpy()


def ours(arch, path, pixels):
    import keras

    found = read_pretrained(path, arch)
    rows = match_layers(found, arch, 7)
    assert [x.what.split(",")[0] for x in rows] == ["loaded"] * 7 + ["new"], rows
    network = build_model(arch, 7)
    put_weights(network, rows)
    return np.asarray(
        keras.Model(network.input, network.get_layer("relu7").output)(pixels)
    ), found


def saved(torch, model, how, path):
    state = model.state_dict()
    if how == "safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    elif how == "bfloat16":
        torch.save({k: v.to(torch.bfloat16) for k, v in state.items()}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")
    return path


@pytest.mark.parametrize("how", ["zip", "legacy", "safetensors", "bfloat16"])
def test_torchs_files_give_torchs_numbers(tmp_path, how):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    model = torch_network(torch, grouped=False)
    path = saved(torch, model, how, tmp_path / "w.bin")
    if how == "bfloat16":
        model = model.to(torch.bfloat16).to(torch.float32)
    pixels = np.random.default_rng(0).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    found, origin = ours(TORCH, path, pixels)
    expected = hidden(torch, model, pixels)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())
    assert (origin.mean, origin.std) == ("imagenet", "imagenet")


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_caffes_npy_gives_caffes_numbers(tmp_path, protocol):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    model = torch_network(torch, grouped=True)
    state = {k: v.numpy() for k, v in model.state_dict().items()}
    table = {}
    for i, n in enumerate((0, 3, 6, 8, 10), 1):
        kernel = state[f"features.{n}.weight"].transpose(2, 3, 1, 0)
        table[f"conv{i}"] = [np.ascontiguousarray(kernel), state[f"features.{n}.bias"]]
    for name, n in (("fc6", 1), ("fc7", 4), ("fc8", 6)):
        kernel = state[f"classifier.{n}.weight"]
        if n == 1:
            kernel = kernel.reshape(-1, 4, 6, 6).transpose(0, 2, 3, 1).reshape(20, 144)
        table[name] = [np.ascontiguousarray(kernel.T), state[f"classifier.{n}.bias"]]
    path = tmp_path / "bvlc.npy"
    path.write_bytes(npy(pickle.dumps(np.array(table), protocol)))
    assert np.load(path, allow_pickle=True).item().keys() == table.keys()
    pixels = np.random.default_rng(0).normal(0, 30, (2, 227, 227, 3)).astype(np.float32)
    found, origin = ours(CAFFE, path, pixels)
    expected = hidden(torch, model, pixels, bgr=True)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())
    assert (origin.mean, origin.std) == ("124,117,104", "1")


def test_real_imagenet_kernels_are_read_and_the_rest_is_told():
    path = SHARED / "weights" / "alexnet_owt_conv.npy"
    if not path.exists():
        pytest.skip("no shared weights here")
    rows = match_layers(
        read_pretrained(path, ARCHITECTURES["alexnet-owt"]), ARCHITECTURES["alexnet-owt"], 5
    )
    assert [(x.layer, x.what) for x in rows] == [
        *((f"conv{i}", "loaded") for i in range(1, 6)),
        ("dense1", "new, the file has none"), ("dense2", "new, the file has none"),
        ("dense3", "new, for these classes"),
    ]  # fmt: skip
    theirs = np.load(path, allow_pickle=True).item()
    np.testing.assert_array_equal(rows[1].arrays[0], theirs["conv2"][0])
    half = match_layers(
        read_pretrained(path, ARCHITECTURES["alexnet-half"]),
        ARCHITECTURES["alexnet-half"],
        5,
    )
    assert half[0].what == "new, the file has 11 x 11 x 3 x 64"


@pytest.mark.parametrize(
    "arrays,text",
    [
        ([np.ones((11, 11, 3, 96), np.float32)], "conv1 has no bias"),
        ([np.ones(3, np.float32), np.ones(96, np.float32)], "has 1 axes, not 4"),
        ([np.ones((11, 11, 3, 96), np.float32), np.ones((96, 1), np.float32)], "not 1"),
    ],
)
def test_a_caffe_file_of_other_arrays_is_one_line(tmp_path, arrays, text):
    path = tmp_path / "w.npy"
    path.write_bytes(npy(pickle.dumps(np.array({"conv1": arrays}), 4)))
    with pytest.raises(WeightsError, match=text) as caught:
        read_pretrained(path, CAFFE)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_without_groups_is_fitted_to_a_table_with_them(trained, tmp_path):
    grouped = Architecture("grouped", "", 32, 3, (
        Conv(8, 3), ReLU(), Conv(8, 3, groups=2), ReLU(), Pool(), Flatten(), Dense(None)))  # fmt: skip
    own = {
        x.layer: x
        for x in match_layers(read_pretrained(trained, grouped), ARCHITECTURES["tiny"], 3)
    }
    assert all(x.what.startswith(("loaded", "new, for")) for x in own.values())
    other = {
        x.layer: x.what for x in match_layers(read_pretrained(trained, grouped), grouped, 3)
    }
    assert other["conv2"].startswith("new, the file has")


def test_a_file_without_its_run_is_read_as_the_network_asked_for(trained, tmp_path):
    shutil.copy(trained / "model.weights.h5", tmp_path / "w.weights.h5")
    tiny = ARCHITECTURES["tiny"]
    rows = match_layers(read_pretrained(tmp_path / "w.weights.h5", tiny), tiny, 3)
    assert [x.what.split(",")[0] for x in rows][:-1] == ["loaded"] * (len(rows) - 1)
    short = Architecture("short", "", 32, 3, (Conv(8, 3), ReLU(), Flatten(), Dense(None)))
    left = [
        x
        for x in match_layers(read_pretrained(tmp_path / "w.weights.h5", short), short, 3)
        if "left out" in x.what
    ]
    assert "conv2d_1" in [x.layer for x in left]
    grouped = Architecture(
        "grouped", "", 32, 3, (Conv(9, 3, groups=3), Flatten(), Dense(None))
    )
    with pytest.raises(WeightsError, match="not in 3 equal groups as in grouped"):
        read_pretrained(tmp_path / "w.weights.h5", grouped)


def test_a_damaged_keras_file_is_one_line(trained, tmp_path):
    whole = (trained / "model.weights.h5").read_bytes()
    path, rng = tmp_path / "w.weights.h5", np.random.default_rng(0)
    refused = 0
    for turn in range(90):
        data = bytearray(whole)
        if turn % 3:
            for place in rng.integers(0, 4000, 30):
                data[place] = rng.integers(0, 256)
        else:
            del data[rng.integers(0, len(data)) :]
        path.write_bytes(data)
        try:
            read_pretrained(path, ARCHITECTURES["tiny"])
        except WeightsError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 60
