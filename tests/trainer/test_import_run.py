"""Other people's whole networks become Runs that give the same answers."""

import json

import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli.api import weights_file
from alexnet_cli.dataset.folders import images
from alexnet_cli.dataset.standardize import standardize
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.import_run import imagenet_classes

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
        0: "tench",
        150: "sea lion",
        207: "golden retriever",
        340: "zebra",
        355: "llama",
        999: "toilet tissue",
    }
    assert {i: names[i] for i in known} == known


def test_wordnet_ids_rise():
    from importlib import resources

    text = (resources.files("alexnet_cli") / "imagenet_classes.txt").read_text("utf-8")
    ids = [x.split(" ")[0] for x in text.splitlines()]
    assert ids == sorted(set(ids)) and all(len(x) == 9 and x[0] == "n" for x in ids)


def he(rng, shape, fan_in):
    return (rng.standard_normal(shape, np.float32) * (2 / fan_in) ** 0.5).astype(np.float32)


def draw_image(path):
    from PIL import Image

    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8))
    small.resize((320, 280), Image.Resampling.BICUBIC).save(path)
    return path


def answered(run_path, image):
    """Probabilities of `predict`, and the inputs that its network saw, [1, S, S, 3]."""
    result = alexnet("predict", image, "--model", run_path, "--json", "--top", "1000")
    assert result.exit_code == 0, result.output
    told = {x["label"]: x["probability"] for x in json.loads(result.stdout)["classes"]}
    run = Run.open(run_path)
    inputs = standardize(images.load(image, run.preprocess)[None], run.preprocess, None)
    return np.array([told[x] for x in imagenet_classes()]), inputs


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
    found, inputs = answered(tmp_path / "run", draw_image(tmp_path / "a.png"))
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
    found, inputs = answered(tmp_path / "run", draw_image(tmp_path / "a.png"))
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


def test_part_of_a_network_and_other_files_are_one_line(tmp_path, trained):
    np.save(tmp_path / "part.npy", {"conv1": [np.zeros((11, 11, 3, 64)), np.zeros(64)]})
    (tmp_path / "no.pth").write_text("not weights")
    for file, message in (
        (tmp_path / "part.npy", "does not fill conv2, conv3, conv4, conv5, dense1"),
        (tmp_path / "no.pth", "no file of weights; known are .pth"),
        (trained, "is in Keras' layout; import reads torchvision's"),
    ):
        result = alexnet("import", file, "--out", tmp_path / "run")
        assert result.exit_code == 3, result.output
        assert message in result.stderr.splitlines()[-1]
        assert not (tmp_path / "run").exists()


def test_imagenet_is_fetched_once_and_kept(tmp_path, monkeypatch):
    import hashlib

    from local_server import Server

    from alexnet_cli.dataset import download

    content = b"weights" * 1000
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Server(content) as server:
        url = f"http://127.0.0.1:{server.server_port}/other-name.pth"
        digest = hashlib.sha256(content).hexdigest()[:8]
        source = download.Download("alexnet-owt.pth", url, digest)
        monkeypatch.setattr(download, "IMAGENET", source)
        first = weights_file("imagenet")
        assert first == tmp_path / "alexnet" / "alexnet-owt.pth"
        assert first.read_bytes() == content
        assert weights_file("imagenet") == first and len(server.asked) == 1
    assert weights_file("own.pth").name == "own.pth"


def test_without_a_connection_imagenet_says_so(tmp_path, monkeypatch, toy):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "")
    from alexnet_cli.dataset import download

    source = download.Download("a.pth", "http://127.0.0.1:9/a.pth", "00")
    monkeypatch.setattr(download, "IMAGENET", source)
    for words in (
        ("import", "imagenet"),
        ("train", "--data", toy, "--weights", "imagenet"),
    ):
        result = alexnet(*words, "--out", tmp_path / "run")
        assert result.exit_code == 3
        assert "no connection" in result.stderr and "try again when online" in result.stderr
