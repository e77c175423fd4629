"""Other people's files give their networks' numbers."""

import pickle

import keras
import numpy as np
import pytest
from helpers import SHARED, npy
from hypothesis import given
from hypothesis import strategies as st
from weight_files import numpy_table

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import (
    Conv,
    Dense,
    Flatten,
    LocalNorm,
    Pool,
    ReLU,
)
from alexnet_cli.model.model import build_model, put_weights
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import match_layers
from alexnet_cli.model.pretrained.torch_caffe_layouts import channels_last

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
    """Our activations before the last layer, and what was read."""
    weights = read_pretrained(path, arch)
    matches = match_layers(weights, arch, 7)
    assert [x.result.split(",")[0] for x in matches] == ["loaded"] * 7 + ["new"], matches
    network = build_model(arch, 7)
    put_weights(network, matches)
    model = keras.Model(network.input, network.get_layer("relu7").output)
    return np.asarray(model(pixels)), weights


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
    found, weights = ours(TORCH, path, pixels)
    expected = hidden(torch, model, pixels)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())
    assert (weights.mean, weights.std) == ("imagenet", "imagenet")
    assert (weights.layout, weights.arch) == ("torchvision's", "alexnet-owt")


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
    found, weights = ours(CAFFE, path, pixels)
    expected = hidden(torch, model, pixels, bgr=True)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())
    assert (weights.mean, weights.std) == ("124,117,104", "1")
    assert (weights.layout, weights.arch) == ("Caffe's", "alexnet-bvlc")


def pair(*shape, seed=0):
    """A kernel and its bias."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("f4"), rng.normal(size=shape[-1]).astype("f4")


def torch_names(**layers):
    """A state dict of kernels [out, ...] by torch's names, from ours."""
    names = {
        "conv1": "features.0",
        "conv2": "features.3",
        "dense1": "classifier.1",
        "dense3": "classifier.6",
    }
    return {
        f"{names[k]}.{kind}": x
        for k, v in layers.items()
        for kind, x in zip(("weight", "bias"), v, strict=True)
    }


def table(path, arrays):
    path.write_bytes(numpy_table(arrays))
    return path


def refused(path, arch=CAFFE):
    """The message about the file at `path`, without its name."""
    with pytest.raises(WeightsError) as error:
        read_pretrained(path, arch)
    assert str(error.value).isprintable() and str(error.value).startswith(str(path))
    return str(error.value).removeprefix(str(path))


def test_real_imagenet_kernels_are_read_and_what_is_missing_is_named():
    path = SHARED / "weights" / "alexnet_owt_conv.npy"
    if not path.exists():
        pytest.skip("no shared weights here")
    owt, half = ARCHITECTURES["alexnet-owt"], ARCHITECTURES["alexnet-half"]
    weights = read_pretrained(path, owt)
    assert weights.layout == "torchvision's, by Caffe's names"
    assert (weights.arch, weights.mean, weights.std) == (
        "alexnet-owt",
        "imagenet",
        "imagenet",
    )
    matches = match_layers(weights, owt, 5)
    assert [(x.layer, x.result) for x in matches] == [
        *((f"conv{i}", "loaded") for i in range(1, 6)),
        ("dense1", "new, the file has none"), ("dense2", "new, the file has none"),
        ("dense3", "new, for these classes"),
    ]  # fmt: skip
    pytest.importorskip("numpy._core", reason="NumPy 1 cannot load what NumPy 2 pickled")
    theirs = np.load(path, allow_pickle=True).item()
    np.testing.assert_array_equal(matches[1].arrays[0], theirs["conv2"][0])
    first = match_layers(read_pretrained(path, half), half, 5)[0]
    assert first.result == "new, the file has 11 x 11 x 3 x 64"


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5))
def test_rows_of_the_first_dense_layer_follow_their_pixels(channels, units, y, x):
    """torch flattens [C, H, W], Keras [H, W, C]: a row belongs to one pixel's channel."""
    rng = np.random.default_rng(channels)
    kernel = rng.normal(size=(units, channels * 36)).astype("f4")
    maps = np.zeros((channels, 6, 6), "f4")
    maps[:, y, x] = rng.normal(size=channels)
    expected = kernel @ maps.reshape(-1)
    result = channels_last(kernel) @ maps.transpose(1, 2, 0).reshape(-1)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_torchs_axes_are_transposed_and_arrays_without_a_layer_are_named(tmp_path, prefix):
    conv, dense, head = pair(6, 3, 11, 11), pair(20, 72), pair(7, 12, seed=1)
    conv, dense, head = ((k, k[:, *(0,) * (k.ndim - 1)]) for k, _ in (conv, dense, head))
    arrays = {
        **torch_names(conv1=conv, dense1=dense, dense3=head),
        "extra.running_mean": np.ones(3),
    }
    # Half of a pair is no layer.
    arrays["features.3.weight"] = conv[0]
    weights = read_pretrained(
        table(tmp_path / "w", {prefix + k: v for k, v in arrays.items()}), TORCH
    )
    assert weights.layers.keys() == {"conv1", "dense1", "dense3"}
    np.testing.assert_array_equal(weights.layers["conv1"][0], conv[0].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(weights.layers["dense3"][0], head[0].T)
    np.testing.assert_array_equal(weights.layers["dense1"][0], channels_last(dense[0]).T)
    assert weights.unknown == ("extra.running_mean", "features.3.weight")
    assert weights.changes == {
        "conv1": ("axes transposed",), "dense3": ("axes transposed",),
        "dense1": ("axes transposed", "rows from channels-first to channels-last"),
    }  # fmt: skip


def test_a_dense_layer_that_no_six_by_six_maps_feed_keeps_its_rows(tmp_path):
    kernel = pair(20, 70)[0]
    arrays = torch_names(
        conv1=(pair(6, 3, 11, 11)[0], np.ones(6)), dense1=(kernel, np.ones(20))
    )
    weights = read_pretrained(table(tmp_path / "w", arrays), TORCH)
    np.testing.assert_array_equal(weights.layers["dense1"][0], kernel.T)
    assert weights.changes["dense1"] == ("axes transposed",)
    assert {x.dtype for y in weights.layers.values() for x in y} == {np.dtype("f4")}


def test_caffes_first_kernel_sees_red_first(tmp_path):
    conv = pair(11, 11, 3, 96)
    weights = read_pretrained(
        table(tmp_path / "w", {"conv1": list(conv), "fc8": list(pair(12, 7))}), CAFFE
    )
    np.testing.assert_array_equal(weights.layers["conv1"][0][:, :, 0], conv[0][:, :, 2])
    np.testing.assert_array_equal(weights.layers["dense3"][0], pair(12, 7)[0])
    assert weights.changes == {"conv1": ("channels from BGR to RGB",)}
    owt = read_pretrained(
        table(tmp_path / "w", {"conv1": list(pair(11, 11, 3, 64))}), CAFFE
    )
    np.testing.assert_array_equal(owt.layers["conv1"][0], pair(11, 11, 3, 64)[0])


@pytest.mark.parametrize("arrays, message", [
    ({"conv1": [np.ones((11, 11, 3, 96))]}, ": conv1 has a kernel but no bias: save both as arrays (a list of numbers is none)"),
    ({"conv1": [np.ones(3), np.ones(96)]}, ": conv1/0 has 1 axes, not 4"),
    ({"conv1": [np.ones((11, 11, 3, 96)), np.ones((96, 1))]}, ": conv1/1 has 2 axes, not 1"),
    ({"conv1": list(pair(11, 11, 3, 96)), "fc6": [np.ones(3), np.ones(96)]}, ": fc6/0 has 1 axes, not 2"),
    (torch_names(conv1=(np.ones(3), np.ones(3))), ": features.0.weight has 1 axes, not 4"),
    ({"a\n": np.ones(1), "b": np.ones(1), "c": np.ones(1), "d": np.ones(1)},
     r" has arrays named a\n, b, c; the known layouts are torchvision's (features.0.weight) and Caffe's (conv1)"),
])  # fmt: skip
def test_a_file_of_other_arrays_is_one_line(tmp_path, arrays, message):
    assert refused(table(tmp_path / "w.npy", arrays)) == message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_keras_files_of_numbers_that_are_not_finite_are_refused(tmp_path, value):
    network = build_model(ARCHITECTURES["tiny"], 3)
    layer = next(x for x in network.layers if x.weights)
    kernel, *others = layer.get_weights()
    kernel[0, 0, 0, 0] = value
    layer.set_weights([kernel, *others])
    network.save_weights(tmp_path / "w.weights.h5")
    message = refused(tmp_path / "w.weights.h5", ARCHITECTURES["tiny"])
    assert message.startswith(
        ": conv1 has numbers that are not finite (NaN, or beyond float32)"
    )


def test_finite_numbers_are_told_by_their_extremes(tmp_path):
    """Sums of finite numbers may be infinite; extremes are not."""
    conv = np.full((6, 3, 11, 11), 3e38, "f4"), np.full(6, -3e38, "f4")
    arrays = torch_names(conv1=conv, dense3=(pair(7, 12)[0], np.zeros(7, "f4")))
    weights = read_pretrained(table(tmp_path / "w", arrays), TORCH)
    np.testing.assert_array_equal(weights.layers["conv1"][1], conv[1])
