"""An AlexNet is found wherever a checkpoint holds it; what lies beside it is never touched."""

import argparse
import collections
import datetime
import enum
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from weight_files import Evil

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained

torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
nn = torch.nn
OWT = ARCHITECTURES["alexnet-owt"]
pytestmark = pytest.mark.filterwarnings("ignore")


class Small(nn.Module):
    """torchvision's AlexNet, a tenth as wide."""

    def __init__(self, *, groups=1, first=6, norm=False):
        super().__init__()
        features, channels = [], 3
        sizes = ((first, 11), (8, 5), (10, 3), (8, 3), (4, 3))
        for i, (filters, kernel) in enumerate(sizes):
            split = groups if i in (1, 3, 4) else 1
            features += [nn.Conv2d(channels, filters, kernel, groups=split)]
            features += [nn.BatchNorm2d(filters)] if norm else []
            features += [nn.ReLU(), nn.MaxPool2d(3, 2)] if i < 2 else [nn.ReLU()]
            channels = filters
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(144, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 12),
            nn.ReLU(), nn.Linear(12, 3),
        )  # fmt: skip


class Color(enum.Enum):
    RED = 1


class Mine:
    """An object of a user's class, in a circle."""

    def __init__(self):
        self.me, self.log = self, {1: 2, (3,): [4]}


MODEL = Small()
STATE = MODEL.state_dict()
PREFIXED = {f"model.{k}": v for k, v in STATE.items()}
Pair = collections.namedtuple("Pair", "weights epoch")


def beside():
    """What else checkpoints hold."""
    optimizer = torch.optim.Adam(MODEL.parameters())
    sum(x.sum() for x in MODEL.parameters()).backward()
    optimizer.step()
    return {
        "epoch": 3, "arch": "alexnet", "best": torch.tensor(0.5), "optimizer": optimizer.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 3).state_dict(), "args": argparse.Namespace(a=Path("x")),
        "torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate(), "float": np.float64(3),
        "when": datetime.datetime.now(), "color": Color.RED, "mine": Mine(), "set": {1}, "frozen": frozenset([1]),
        "default": collections.defaultdict(list), "device": torch.device("cpu"), "dtype": torch.float32, "size": torch.Size([1]),
        "complex": 3j, "function": len, "array": np.ones(3), "sparse": torch.eye(3).to_sparse(), "meta": torch.ones(3, device="meta"),
        "float8": torch.ones(2).to(torch.float8_e4m3fn), "storage": torch.ones(3).untyped_storage(),
    }  # fmt: skip


def replaced(old, new):
    return {k.replace(old, new): v for k, v in STATE.items()}


def with_extra(parameter):
    parameter.note = "hello"
    return {**STATE, "features.0.bias": parameter}


FORMS = {
    **{x: {x: STATE} for x in ("state_dict", "model", "net", "model_state_dict", "ema", "module", "weights")},
    "itself": STATE, "a dict": dict(STATE), "tuple": (STATE, 3), "deep": {"a": [{"b": (3, STATE)}]}, "namedtuple": Pair(STATE, 3),
    "Lightning": {"state_dict": PREFIXED, "hyper_parameters": {"lr": 1}, "callbacks": {}},
    "compile": {f"_orig_mod.{k}": v for k, v in STATE.items()},
    "DDP and compile": {f"module._orig_mod.{k}": v for k, v in STATE.items()},
    "DataParallel": {f"module.{k}": v for k, v in STATE.items()},
    "DataParallel inside": {"state_dict": replaced("features.", "features.module.")},
    "each layer wrapped": replaced(".weight", ".module.weight"),
    "infix": replaced("features.", "features.stack."), "backbone": {f"net.backbone.{k}": v for k, v in STATE.items()},
    "module": MODEL, "parallel module": nn.DataParallel(MODEL),
    "parameters": dict(MODEL.named_parameters()), "SWA": torch.optim.swa_utils.AveragedModel(MODEL).state_dict(),
    "bfloat16": {k: v.bfloat16() for k, v in STATE.items()}, "half": {k: v.half() for k, v in STATE.items()},
    "double": {k: v.double() for k, v in STATE.items()}, "channels last": {k: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in STATE.items()},
    "transposed": {k: v.T.contiguous().T if v.ndim == 2 else v for k, v in STATE.items()},
    "NumPy's": {k: v.numpy() for k, v in STATE.items()}, "a state of a parameter": with_extra(nn.Parameter(STATE["features.0.bias"])),
    "buffer": {**STATE, "features.0.bias": nn.Buffer(STATE["features.0.bias"])},
}  # fmt: skip
SAVES = ({}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 5})


def require_state(weights, state=STATE):
    """Check that `weights` are those of the network in `state`."""
    assert len(weights.layers) == 8
    for n, i in enumerate((0, 3, 6, 8, 10), 1):
        found = weights.layers[f"conv{n}"][0].transpose(3, 2, 0, 1)
        np.testing.assert_allclose(found, state[f"features.{i}.weight"], atol=2e-3)
    for n, i in ((2, 4), (3, 6)):
        np.testing.assert_allclose(
            weights.layers[f"dense{n}"][0].T, state[f"classifier.{i}.weight"], atol=2e-3
        )


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_networks_arrays(tmp_path, name):
    for options in SAVES:
        torch.save(FORMS[name], tmp_path / "w", **options)
        weights = read_pretrained(tmp_path / "w", OWT)
        require_state(weights)
        assert weights.layout == "torchvision's"
        assert weights.unknown == (("n_averaged",) if name == "SWA" else ())


@pytest.mark.parametrize("options", SAVES)
def test_what_lies_beside_the_weights_is_not_read(tmp_path, options):
    content = {**beside(), "state_dict": STATE, "evil": Evil(tmp_path / "pwned")}
    torch.save(content, tmp_path / "w", **options)
    weights = read_pretrained(tmp_path / "w", OWT)
    require_state(weights)
    assert weights.unknown == () and not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_of_tensors_and_of_arrays(tmp_path, protocol):
    for state in (STATE, FORMS["NumPy's"], {"a": MODEL}):
        (tmp_path / "w").write_bytes(pickle.dumps(state, protocol))
        require_state(read_pretrained(tmp_path / "w", OWT))


def test_the_moving_average_is_taken_of_several_networks(tmp_path):
    average = {k: v + 1 for k, v in STATE.items()}
    torch.save({"model": STATE, "model_ema": average}, tmp_path / "w")
    weights = read_pretrained(tmp_path / "w", OWT)
    require_state(weights, average)
    assert weights.layout == "torchvision's (model_ema; the file also holds model)"
    # An average of some layers only is not the network.
    del average["features.3.bias"]
    torch.save({"model_ema": average, "model": STATE}, tmp_path / "w")
    require_state(read_pretrained(tmp_path / "w", OWT))
    torch.save({"student": STATE, "teacher": average}, tmp_path / "w")
    require_state(read_pretrained(tmp_path / "w", OWT))


@pytest.mark.parametrize("change, message", [
    (lambda x: x.to_sparse(), "a sparse tensor: save it with .to_dense()"),
    (lambda x: x.to_sparse_csr(), "a sparse tensor: save it with .to_dense()"),
    (lambda x: torch.quantize_per_tensor(x, 1.0, 0, torch.qint8), "a quantized tensor: save it with .dequantize()"),
    (lambda x: x.to("meta"), "a tensor without numbers (on torch's meta device): save a loaded model"),
    (lambda x: x.to(torch.float8_e5m2), "numbers of type float8_e5m2: save model.float().state_dict()"),
    (lambda x: x.to(torch.complex64), "numbers of type ComplexFloat: an AlexNet has real ones"),
    (lambda x: x[:1].expand(20, 144), "a tensor of shape (20, 144) that repeats its numbers: save it with .contiguous()"),
])  # fmt: skip
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path, change, message):
    path, name = tmp_path / "w", "classifier.1.weight"
    for options in SAVES[:2]:
        torch.save({**STATE, name: change(STATE[name])}, path, **options)
        with pytest.raises(WeightsError) as error:
            read_pretrained(path, OWT)
        assert str(error.value) == f"{path} holds {message} ({name})"


def test_torchscript_and_files_without_checksums(tmp_path):
    torch.jit.script(nn.Sequential(nn.ReLU())).save(tmp_path / "w")
    with pytest.raises(WeightsError, match="is a TorchScript archive"):
        read_pretrained(tmp_path / "w", OWT)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(STATE, tmp_path / "w")
    finally:
        torch.serialization.set_crc32_options(True)
    require_state(read_pretrained(tmp_path / "w", OWT))


def test_layers_are_in_order_whatever_their_numbers(tmp_path):
    """Without dropout, and with other modules between, Sequentials count otherwise."""
    numbers = {0: 1, 3: 4, 6: 9, 8: 13, 10: 17}
    state = {}
    for name, value in STATE.items():
        part, number, kind = name.split(".")
        number = numbers[int(number)] if part == "features" else int(number) - 1
        state[f"{part}.{number}.{kind}"] = value
    torch.save(state, tmp_path / "w")
    # The first convolution tells a network by its number.
    state = {k.replace("features.1.", "features.0."): v for k, v in state.items()}
    torch.save(state, tmp_path / "v")
    for name in "wv":
        weights = read_pretrained(tmp_path / name, OWT)
        require_state(weights)


@pytest.mark.parametrize("names, message", [
    (["conv1.weight", "layer1.0.conv1.weight", "fc.weight"], "holds a ResNet (layer1.0.conv1.weight ...), not an AlexNet"),
    (["features.0.weight", "features.0.bias", "features.3.squeeze.weight"], "holds a SqueezeNet (features.3.squeeze.weight ...), not an AlexNet"),
    (["features.conv0.weight", "features.denseblock1.denselayer1.conv1.weight"], "holds a DenseNet (features.denseblock1.denselayer1.conv1.weight ...), not an AlexNet"),
    ([f"features.{i}.{x}" for i in range(0, 16, 2) for x in ("weight", "bias")], "holds a network of 8 convolutions (... features.14.weight), as a VGG has, not an AlexNet"),
    (["fc.weight"], "has arrays named fc.weight; the known layouts are torchvision's (features.0.weight) and Caffe's (conv1)"),
    (["features.3.weight", "features.3.bias"], "has arrays named features.3.weight, features.3.bias; the known"),
    (["features.0.weight", "features.3.bias"], ": features.0 has a kernel but no bias: save both as arrays"),
])  # fmt: skip
def test_other_networks_are_named(tmp_path, names, message):
    shapes = {"weight": (2, 3, 3, 3), "bias": (2,)}
    torch.save({k: torch.ones(shapes[k.split(".")[-1]]) for k in names}, tmp_path / "w")
    with pytest.raises(WeightsError) as error:
        read_pretrained(tmp_path / "w", OWT)
    text = str(error.value).removeprefix(str(tmp_path / "w")).strip()
    assert text.startswith(message)


def convs(*shapes):
    """A state dict of convolutions [out, in, k, k] by torchvision's names."""
    return {
        f"features.{i}.{kind}": torch.zeros(shape if kind == "weight" else shape[:1])
        for i, shape in zip((0, 3, 6, 8, 10), shapes, strict=True)
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("shapes, arch", [
    (((64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (256, 256, 3, 3)), "alexnet-owt"),
    (((96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3), (256, 192, 3, 3)), "alexnet"),
    (((96, 3, 11, 11), (256, 96, 5, 5), (384, 256, 3, 3), (384, 384, 3, 3), (256, 384, 3, 3)), "alexnet-bn"),
    (((64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3), (255, 256, 3, 3)), ""),
])  # fmt: skip
def test_the_architecture_is_told_by_its_shapes(tmp_path, shapes, arch):
    torch.save(convs(*shapes), tmp_path / "w")
    for given in ("alexnet-half", "alexnet-owt"):
        assert read_pretrained(tmp_path / "w", ARCHITECTURES[given]).arch == arch
    if arch == "alexnet":
        assert (
            read_pretrained(tmp_path / "w", ARCHITECTURES["alexnet-bvlc"]).arch
            == "alexnet-bvlc"
        )
