"""Files of Keras, old and new, give their networks' arrays, whatever their names."""

import os
import zipfile

import h5py
import keras
import numpy as np
import pytest

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import BatchNorm, Conv, Dense, Flatten, Pool, ReLU
from alexnet_cli.model.model import build_model, layers_of, put_weights
from alexnet_cli.model.pretrained.keras_format import read_keras
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import match_layers

TINY = ARCHITECTURES["tiny"]
SMALL = Architecture("small", "", 16, 3, (
    Conv(4, 3), BatchNorm(), ReLU(), Pool(), Conv(6, 3, groups=2), ReLU(), Conv(6, 1), Pool(),
    Flatten(), Dense(5), ReLU(), Dense(None)))  # fmt: skip
FORMATS = ["w.weights.h5", "full.h5", "full.keras"]


def refused(path, arch=TINY):
    """The message about the file at `path`, without its name."""
    with pytest.raises(WeightsError) as error:
        read_pretrained(path, arch)
    assert str(error.value).isprintable() and str(error.value).startswith(str(path))
    return str(error.value).removeprefix(str(path))


def drawn(network):
    """`network` with weights that tell every place from every other."""
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=x.shape) for x in network.weights])
    return network


def saved(network, folder, name):
    """Where `network` is saved in the format of `name`."""
    path = folder / name
    if name.endswith(".weights.h5"):
        network.save_weights(path)
    else:
        network.save(path)
    return path


def of_keras(form, sequential=False, split=False, prefix="my"):
    """SMALL as somebody else writes it, with Keras' own layers under their own names."""
    keras.utils.clear_session()
    lib = keras.layers
    first = lib.Conv2D(4, 3, padding="same", name=f"{prefix}_first")
    rest = [
        lib.Conv2D(6, 1, name=f"{prefix}_a"), lib.MaxPooling2D(3, 2, name="pool"),
        lib.Flatten(), lib.Dropout(0.5), lib.Dense(5, "relu", name=f"{prefix}_z"),
        lib.Dense(3, name=f"{prefix}_b"),
    ]  # fmt: skip
    begin = [first, lib.BatchNormalization(), lib.ReLU(), lib.MaxPooling2D(3, 2)]
    grouped = lib.Conv2D(6, 3, padding="same", groups=2, activation="relu")
    if sequential:
        return drawn(keras.Sequential([lib.Input((16, 16, 3)), *begin, grouped, *rest]))
    x = inputs = lib.Input((16, 16, 3))
    for layer in begin:
        x = layer(x)
    if split:
        halves = keras.ops.split(x, 2, axis=-1)
        convs = [lib.Conv2D(3, 3, padding="same", activation="relu") for _ in halves]
        x = lib.Concatenate()([f(y) for f, y in zip(convs, halves, strict=True)])
    else:
        x = grouped(x)
    for layer in rest:
        x = layer(x)
    return drawn(keras.Model(inputs, x))


def put(path, arch=SMALL, classes=3):
    """Our network with the weights in `path`, and how each layer was matched."""
    matches = match_layers(read_pretrained(path, arch), arch, classes, head=True)
    network = build_model(arch, classes, seed=9)
    put_weights(network, matches)
    return network, {x.layer: x.result for x in matches}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", ["functional", "sequential", "split"])
def test_networks_of_others_answer_as_in_keras(tmp_path, name, kind):
    theirs = of_keras(name, kind == "sequential", kind == "split")
    ours, results = put(saved(theirs, tmp_path, name))
    assert set(results.values()) == {"loaded"}, results
    images = np.random.default_rng(1).normal(size=(3, 16, 16, 3)).astype("f4")
    np.testing.assert_allclose(ours(images), theirs(images), atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_our_networks_come_back_exactly(tmp_path, name):
    network = drawn(build_model(SMALL, 3))
    copy, results = put(saved(network, tmp_path, name))
    assert set(results.values()) == {"loaded"}
    for ours, theirs in zip(copy.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", FORMATS)
def test_the_content_tells_the_format(tmp_path, name):
    path = saved(drawn(build_model(SMALL, 3)), tmp_path, name)
    other = path.rename(tmp_path / "weights.pth")
    assert put(other)[1]["conv1"] == "loaded"


@pytest.mark.parametrize("name", FORMATS)
def test_models_in_a_model_and_optimizers_are_in_order(tmp_path, name):
    base = of_keras(name, sequential=True)
    x = inputs = keras.layers.Input((16, 16, 3))
    for layer in (keras.layers.Rescaling(1 / 255), base):
        x = layer(x)
    model = keras.Model(inputs, x)
    model.compile("adam", "mse")
    model.train_on_batch(np.zeros((2, 16, 16, 3)), np.zeros((2, 3)))
    ours, results = put(saved(model, tmp_path, name))
    assert set(results.values()) == {"loaded"}, results
    assert ours.get_layer("dense2").kernel.shape == base.layers[-1].kernel.shape
    np.testing.assert_array_equal(ours.get_layer("dense2").kernel, base.layers[-1].kernel)


def test_layers_past_the_tenth_are_in_order(tmp_path):
    """In the file conv2d_10 comes before conv2d_2."""
    layers = (*(Conv(2, 1) for _ in range(12)), BatchNorm(), Flatten(), Dense(None))
    arch = Architecture("deep", "", 8, 2, layers)
    network = drawn(build_model(arch, 2))
    for name in FORMATS:
        weights = read_pretrained(saved(network, tmp_path, name), arch)
        for i in range(1, 13):
            kernel = network.get_layer(f"conv{i}").kernel
            np.testing.assert_array_equal(weights.layers[f"conv{i}"][0], kernel)


def keras2(path, layers, whole=True, fixed=False):
    """A file as Keras 2 writes it: `layers` are names and arrays, or None, in order.

    Source: tf_keras/src/saving/legacy/hdf5_format.py.
    """
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        root = file
        if whole:
            file.attrs["model_config"] = '{"class_name": "Functional", "config": {}}'
            root = file.create_group("model_weights")
            file["optimizer_weights/Adam/iter:0"] = np.int64(3)
        names = [x.encode() for x, _ in layers]
        root.attrs["layer_names"] = np.asarray(names) if fixed else names
        for name, arrays in layers:
            group = root.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{x}:0".encode() for x in arrays]
            for x, value in arrays.items():
                group[f"{name}/{x}:0"] = value
    return path


def convolution(rng, *shape):
    return {
        "kernel": rng.normal(size=shape).astype("f4"),
        "bias": rng.normal(size=shape[-1:]).astype("f4"),
    }


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("fixed", [True, False])
def test_keras_2_lists_its_layers_in_order(tmp_path, whole, fixed):
    rng = np.random.default_rng(0)
    norm = {
        x: rng.normal(size=4).astype("f4")
        for x in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    layers = [
        ("input_1", {}), ("conv2d_7", convolution(rng, 3, 3, 3, 4)), ("batch_normalization_4", norm),
        ("z_half", convolution(rng, 3, 3, 2, 3)), ("a_half", convolution(rng, 3, 3, 2, 3)),
        ("lambda", {}), ("conv2d_2", convolution(rng, 1, 1, 6, 6)), ("flatten", {}),
        ("fc", convolution(rng, 54, 5)), ("dropout", {}), ("classes", convolution(rng, 5, 3)),
        ("prelu", {"alpha": np.ones((1, 1, 3), "f4")}),
    ]  # fmt: skip
    weights = read_pretrained(keras2(tmp_path / "w.h5", layers, whole, fixed), SMALL)
    assert weights.unknown == ("prelu",)
    expected = {
        "conv1": [1],
        "batchnorm1": [2],
        "conv2": [3, 4],
        "conv3": [6],
        "dense1": [8],
        "dense2": [10],
    }
    for ours, places in expected.items():
        parts = [list(layers[i][1].values()) for i in places]
        for found, part in zip(weights.layers[ours], zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(found, np.concatenate(part, axis=-1))


def test_a_layer_that_is_not_ours_is_passed_over(tmp_path):
    rng = np.random.default_rng(0)
    layers = [
        ("colors", convolution(rng, 1, 1, 3, 3)), ("conv", convolution(rng, 3, 3, 3, 4)),
        ("fc", convolution(rng, 7, 9)), ("dense", convolution(rng, 54, 5)),
    ]  # fmt: skip
    weights = read_pretrained(keras2(tmp_path / "w.h5", layers), SMALL)
    assert weights.layers["conv1"][0] is not None and weights.unknown == ("colors", "fc")
    np.testing.assert_array_equal(weights.layers["dense1"][0], layers[3][1]["kernel"])


@pytest.mark.parametrize("name", ["tiny", "alexnet-half"])
def test_the_network_that_a_file_is_of_is_named(tmp_path, name):
    path = tmp_path / "w.weights.h5"
    build_model(ARCHITECTURES[name], 4).save_weights(path)
    assert read_keras(path, ARCHITECTURES["alexnet-bn"]).looks_like == name
    assert read_keras(saved(of_keras(""), tmp_path, "o.weights.h5"), SMALL).looks_like == ""


def test_layers_that_do_not_fit_are_given_as_they_are(tmp_path):
    path = saved(drawn(build_model(TINY, 3)), tmp_path, "w.weights.h5")
    grouped = Architecture("grouped", "", 32, 3, (
        Conv(8, 3), ReLU(), Conv(10, 3, groups=2), ReLU(), Pool(), Flatten(), Dense(None)))  # fmt: skip
    _, results = put(path, grouped)
    assert results["conv1"] == "new, the file has 5 x 5 x 3 x 8"
    assert results["conv2"] == "new, the file has 3 x 3 x 4 x 8"
    assert results["conv2d_2"] == "left out, no such layer here"


class OfAttributes(keras.Model):
    """A model of one's own class, whose layers are attributes, some in lists and models."""

    def __init__(self, how):
        super().__init__()
        lib = keras.layers
        kind = {"padding": "same", "activation": "relu"}
        self.l0, self.l3 = lib.Conv2D(8, 5, strides=2, **kind), lib.Conv2D(6, 3, **kind)
        self.pool, self.flat = lib.MaxPooling2D(3, 2), lib.Flatten()
        self.norm = lib.BatchNormalization()
        if how == "attributes":
            self.l10, self.l12 = lib.Dense(10, activation="relu"), lib.Dense(3)
        elif how == "list":
            self.rest = [lib.Dense(10, activation="relu"), lib.Dense(3)]
        else:
            self.head = keras.Sequential([lib.Dense(10, activation="relu"), lib.Dense(3)])
        self.how = how

    def get_config(self):
        return {"how": self.how}

    def call(self, x):
        x = self.pool(keras.ops.relu(self.norm(self.l0(x))))
        x = self.flat(self.l3(x))
        if self.how == "attributes":
            return self.l12(self.l10(x))
        return self.rest[1](self.rest[0](x)) if self.how == "list" else self.head(x)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.keras"])
@pytest.mark.parametrize("how", ["attributes", "list", "model"])
def test_models_of_ones_own_class_give_all_their_layers(tmp_path, name, how):
    theirs = OfAttributes(how)
    theirs(np.zeros((1, 16, 16, 3), np.float32))
    path = saved(drawn(theirs), tmp_path, name)
    found = read_pretrained(path, SMALL)
    arrays = [x for v in found.layers.values() for x in v]
    wanted = [theirs.l0, theirs.l3, theirs.norm]
    for layer in wanted:
        for weight in layer.get_weights():
            assert any(np.array_equal(x, weight) for x in arrays), layer.name
    assert len(found.layers["dense1"]) == 2 and found.layers["dense1"][0].shape[1] == 10


def test_what_a_keras_file_is_not(tmp_path):
    path = tmp_path / "w.weights.h5"
    assert refused(path) == ": No such file or directory"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert refused(path) == " is damaged: it is cut off"
    with h5py.File(path, "w") as file:
        file["other"] = 3.0
    assert refused(path) == " is not a Keras file: it has no layers"
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0/x"] = 3.0
    assert refused(path) == " is damaged: layers/conv2d/vars/0 is not an array"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv\n"]
    assert refused(path) == r" has no conv\n"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.ones(3)
    assert refused(path) == " has no names in layer_names"


def test_models_in_models_end(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("layers/model")
        group["layers"] = file["layers"]
    assert refused(tmp_path / "w.h5") == (
        " has models in models that are too deep, or too many layers"
    )


@pytest.mark.parametrize("what", ["pipe", "folder", "/dev/zero"])
def test_what_is_no_file_is_not_read(tmp_path, what):
    path = tmp_path / "w.h5"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(what)
    assert refused(path).endswith(
        ": " + ("Is a directory" if what == "folder" else "not a regular file")
    )
    with pytest.raises(WeightsError, match="a directory|not a regular file"):
        read_keras(path, TINY)


def test_another_files_text_never_becomes_weights(tmp_path):
    """What h5py gave as the kernel of the first layer."""
    (tmp_path / "secret").write_bytes(b"secret " * 400)
    path = saved(build_model(TINY, 3), tmp_path, "w.weights.h5")
    for make in ("external", "link", "soft"):
        with h5py.File(path, "r+") as file:
            del file["layers/conv2d/vars/0"]
            group = file["layers/conv2d/vars"]
            if make == "external":
                store = [(str(tmp_path / "secret"), 0, 2400)]
                group.create_dataset("0", (5, 5, 3, 8), "f4", external=store)
            elif make == "link":
                group["0"] = h5py.ExternalLink("secret", "/0")
            else:
                group["0"] = h5py.SoftLink("/layers/conv2d/vars/1")
        assert refused(path) in (
            " holds an array, layers/conv2d/vars/0, that is in another file",
            " has a link, 0, instead of the weights themselves",
        )


def test_an_archive_is_not_unpacked(tmp_path):
    path, whole = tmp_path / "w.keras", saved(build_model(TINY, 3), tmp_path, "a.keras")
    with (
        zipfile.ZipFile(whole) as archive,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        out.writestr("model.weights.h5", archive.read("model.weights.h5"))
    assert (
        refused(path)
        == " is a compressed archive, which torch and Keras do not write: unzip it and zip it with -0"
    )
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("model.weights.h5", b"hello")
    assert refused(path) == " is not a Keras file (.weights.h5, .h5 or .keras)"


def test_no_code_of_an_archive_is_run(tmp_path):
    path = saved(drawn(build_model(TINY, 3)), tmp_path, "w.keras")
    with zipfile.ZipFile(path) as archive:
        weights = archive.read("model.weights.h5")
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(
            "config.json", '{"class_name": "Lambda", "module": "os", "config": {}}'
        )
        out.writestr("model.weights.h5", weights)
    assert put(path, TINY)[1]["conv1"] == "loaded"


def test_a_layer_has_all_its_arrays_or_is_new(tmp_path):
    path = saved(drawn(build_model(TINY, 3)), tmp_path, "w.weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d/vars/1"]
    _, results = put(path, TINY)
    assert results["conv1"].startswith("new, ") and results["conv2"] == "loaded"


def test_the_groups_of_a_layer_are_joined(tmp_path):
    network = drawn(build_model(TINY, 3))
    weights = read_pretrained(
        saved(network, tmp_path, "w.weights.h5"), TINY, mean="1,2,3", std="4"
    )
    assert (weights.layout, weights.mean, weights.std, weights.arch) == (
        "Keras'",
        "1,2,3",
        "4",
        "",
    )
    assert weights.looks_like == "tiny" and weights.unknown == ()
    for name, arrays in weights.layers.items():
        parts = layers_of(network, name)
        for i, array in enumerate(arrays):
            joined = np.concatenate([np.asarray(x.weights[i]) for x in parts], axis=-1)
            np.testing.assert_array_equal(array, joined)
