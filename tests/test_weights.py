"""Other people's files give their networks' numbers, and never run code."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from conftest import SHARED, TINY, alexnet

from alexnet_cli.architecture import ARCHITECTURES, Architecture
from alexnet_cli.errors import WeightsError
from alexnet_cli.inference import load_network
from alexnet_cli.layers import Conv, Dense, Flatten, LocalNorm, Pool, ReLU
from alexnet_cli.model import build_model, put_weights
from alexnet_cli.run import Run
from alexnet_cli.weight_files import read_weights
from alexnet_cli.weight_layouts import source
from alexnet_cli.weights import Fit, fits, frozen

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

    found = source(path, arch)
    rows = fits(found, arch, 7)
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


def npy(body, shape="()"):
    header = (
        f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def test_real_imagenet_kernels_are_read_and_the_rest_is_told():
    path = SHARED / "weights" / "alexnet_owt_conv.npy"
    if not path.exists():
        pytest.skip("no shared weights here")
    rows = fits(source(path, ARCHITECTURES["alexnet-owt"]), ARCHITECTURES["alexnet-owt"], 5)
    assert [(x.layer, x.what) for x in rows] == [
        *((f"conv{i}", "loaded") for i in range(1, 6)),
        ("dense1", "new, the file has none"), ("dense2", "new, the file has none"),
        ("dense3", "new, for these classes"),
    ]  # fmt: skip
    theirs = np.load(path, allow_pickle=True).item()
    np.testing.assert_array_equal(rows[1].arrays[0], theirs["conv2"][0])
    half = fits(
        source(path, ARCHITECTURES["alexnet-half"]), ARCHITECTURES["alexnet-half"], 5
    )
    assert half[0].what == "new, the file has 11 x 11 x 3 x 64"


class Evil:
    """What a hostile pickle would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def stream(*values):
    return b"".join(x if isinstance(x, bytes) else pickle.dumps(x, 2) for x in values)


def torch_zip(body, storages=(), compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        for name, data in storages:
            archive.writestr(name, data)
    return out.getvalue()


def tensor(size, stride, offset=0, count=4, key="0", name="FloatStorage"):
    """A state dict of one tensor, as torch pickles it."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(("
        b"X\x07\x00\x00\x00storagectorch\n" + name.encode() + b"\n"
        + pickle.dumps(key, 2)[2:-1] + b"X\x03\x00\x00\x00cpu" + pickle.dumps(count, 2)[2:-1]
        + b"tQ" + pickle.dumps(offset, 2)[2:-1] + pickle.dumps(size, 2)[2:-1] + pickle.dumps(stride, 2)[2:-1]
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )  # fmt: skip


FOUR = [("archive/data/0", np.arange(4, dtype="<f4").tobytes())]
MAGIC = 0x1950A86A20F9469CFC6C


def hostile(place):
    run = place / "pwned"
    evil = {p: pickle.dumps({"w": Evil(run)}, p) for p in (0, 2, 4)}
    deep = np.empty((), object)
    deep[()] = {"conv1": np.array([Evil(run)], object)}
    return {
        "npy reduce": npy(evil[2]),
        "npy stack_global": npy(evil[4]),
        "npy text protocol": npy(evil[0]),
        "npy nested object array": npy(pickle.dumps(deep, 4)),
        "npy eval": npy(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x01x\x85R."),
        "npy inst": npy(b"(S'x'\nios\nmkdir\n."),
        "npy memo bomb": npy(b"\x80\x02}r\xff\xff\xff\x7f."),
        "npy false size": npy(b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x."),
        "npy bytearray of a terabyte": npy(b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"."),
        "npy attribute of an array": npy(b"\x80\x04\x8c\x05numpy\x8c\x0ddtype.newbyte\x93."),
        "npy header of another type": npy(b"", "(10**9,)"),
        "zip reduce": torch_zip(evil[2]),
        "zip stack_global": torch_zip(evil[4]),
        "zip bomb": torch_zip(tensor((4,), (1,)), [("archive/data/0", bytes(10**7))], zipfile.ZIP_DEFLATED),
        "zip path escape": torch_zip(tensor((4,), (1,), key="../../../etc/passwd"), FOUR),
        "zip beyond the storage": torch_zip(tensor((5,), (1,)), FOUR),
        "zip huge stride": torch_zip(tensor((2, 2), (2**40, 1)), FOUR),
        "zip negative stride": torch_zip(tensor((4,), (-1,), 3), FOUR),
        "zip negative offset": torch_zip(tensor((2,), (1,), -2), FOUR),
        "zip false count": torch_zip(tensor((4,), (1,), count=10**12), FOUR),
        "zip unknown storage": torch_zip(tensor((4,), (1,), name="nn.Module"), FOUR),
        "zip without a pickle": torch_zip(b"", FOUR)[:0] + _plain_zip(),
        "legacy reduce": stream(MAGIC, 1001, {}, evil[2]),
        "legacy reduce in front": stream(evil[2]),
        "legacy false count": stream(MAGIC, 1001, {}, tensor((4,), (1,), count=2**50), ["0"], bytes(24)),
        "safetensors header": struct.pack("<Q", 2**60) + b'{"a": 1}',
        "safetensors beyond": _safe({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99]}}),
        "safetensors shape": _safe({"w": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}}),
        "nothing": b"", "text": b"hello", "one byte": b"\x80",
    }  # fmt: skip


def _plain_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.txt", "x")
    return out.getvalue()


def _safe(header):
    import json

    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


@pytest.mark.parametrize("name", hostile(SHARED))
def test_hostile_files_are_one_line_and_run_nothing(tmp_path, name):
    path = tmp_path / "weights"
    path.write_bytes(hostile(tmp_path)[name])
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_what_the_hostile_tensors_are_made_of_is_read(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(tensor((2, 2), (1, 2)), [*FOUR, ("archive/version", "3")]))
    np.testing.assert_array_equal(read_weights(path)["w"], [[0, 2], [1, 3]])
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    np.testing.assert_array_equal(torch.load(path)["w"].numpy(), [[0, 2], [1, 3]])


def test_files_cut_anywhere_are_damaged(tmp_path):
    table = {"conv1": [np.ones((2, 2, 3, 64), np.float32), np.ones(64, np.float32)]}
    whole = {
        "npy": npy(pickle.dumps(np.array(table), 4)),
        "zip": torch_zip(tensor((4,), (1,)), FOUR),
    }
    for data in whole.values():
        (tmp_path / "w").write_bytes(data)
        assert read_weights(tmp_path / "w")
        for end in range(0, len(data) - 1, max(1, len(data) // 60)):
            (tmp_path / "w").write_bytes(data[:end])
            with pytest.raises(WeightsError):
                read_weights(tmp_path / "w")


def test_freeze_counts_layers_with_kernels():
    half = ARCHITECTURES["alexnet-half"]
    assert frozen(half, "2") == ["conv1", "batchnorm1", "conv2", "batchnorm2"]
    assert (
        frozen(half, "conv")[-1] == "conv5" and frozen(half, "all-but-head")[-1] == "dense2"
    )
    assert frozen(half, None) == []
    for wrong in ("0", "8", "-1", "dense", "1.5"):
        with pytest.raises(WeightsError, match="not conv, all-but-head, or 1 to 7"):
            frozen(half, wrong)


def kernels(path):
    network = load_network(Run.open(path))
    return {x.path: np.asarray(x) for x in network.weights}


def test_a_run_is_taken_over_frozen_and_then_all_learns(toy, trained, tmp_path):
    before = kernels(trained)
    options = (
        *TINY[:-10],
        "--size",
        "36",
        "--weights",
        trained,
        "--freeze",
        "conv",
        "--epochs",
        "2",
    )
    result = alexnet("train", "--data", toy, "--out", tmp_path / "f", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("loaded") == 4 and "new, for these classes" in result.stderr
    after = kernels(tmp_path / "f")
    for name, value in before.items():
        same = np.array_equal(value, after[name])
        assert same == ("conv" in name or "batchnorm" in name), name
    result = alexnet("train", "--data", toy, "--out", tmp_path / "u", *options, "--epochs", "4",
                     "--unfreeze-after", "2", "--watch", "val_loss")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = (tmp_path / "u" / "history.csv").read_text().splitlines()
    assert len(rows) == 5
    rates = [
        float(x.split(",")[rows[0].split(",").index("learning_rate")]) for x in rows[1:]
    ]
    assert rates[2] == pytest.approx(rates[1] / 10)
    if Run.open(tmp_path / "u").metrics["epoch"] > 2:
        after = kernels(tmp_path / "u")
        assert not any(
            np.array_equal(v, after[k]) for k, v in before.items() if "kernel" in k
        )


def test_weights_that_fit_nothing_and_wrong_options(toy, tmp_path, trained):
    path = tmp_path / "w.npy"
    table = {"conv1": [np.ones((11, 11, 3, 64), np.float32), np.ones(64, np.float32)]}
    path.write_bytes(npy(pickle.dumps(np.array(table), 4)))
    for words, message in (
        (
            ("--weights", path, "--arch", "alexnet-half"),
            "nothing in the file fits alexnet-half",
        ),
        (
            ("--weights", path, "--arch", "alexnet-owt", "--mean", "0"),
            "were trained with imagenet",
        ),
        (("--weights", tmp_path / "none.pth"), "No such file"),
        (("--weights", trained, "--freeze", "99"), "not conv, all-but-head"),
        (("--freeze", "conv"), "--freeze has no effect here: it needs --weights"),
    ):
        result = alexnet("train", "--data", toy, "--out", tmp_path / "o", *words)
        assert result.exit_code in (2, 3), result.output
        assert message in result.stderr.splitlines()[-1], result.stderr


def test_fit_rows_name_arrays_that_nothing_takes(tmp_path):
    table = {"conv1": [np.ones((11, 11, 3, 64), np.float32), np.ones(64, np.float32)],
             "extra": [np.ones(3, np.float32)]}  # fmt: skip
    path = tmp_path / "w.npy"
    path.write_bytes(npy(pickle.dumps(np.array(table), 4)))
    owt = ARCHITECTURES["alexnet-owt"]
    assert fits(source(path, owt), owt, 5)[-1] == Fit(
        "extra/0", "", "left out, no such layer here"
    )
