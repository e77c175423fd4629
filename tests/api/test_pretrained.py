"""Other people's weights become a run whose directory is whole, or an error and nothing."""

import hashlib

import numpy as np
import pytest
from helpers import photo
from local_server import Server

from alexnet_cli import (
    Classifier,
    Listener,
    Recipe,
    RecipeError,
    Run,
    RunError,
    WeightsError,
    import_weights,
)
from alexnet_cli.api.pretrained import weights_file
from alexnet_cli.dataset import download
from alexnet_cli.errors import DownloadError
from alexnet_cli.model.alexnet import ARCHITECTURES

BVLC = {
    "conv1": (11, 11, 3, 96), "conv2": (5, 5, 48, 256), "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384), "conv5": (3, 3, 192, 256), "fc6": (9216, 4096), "fc7": (4096, 4096),
    "fc8": (4096, 4),
}  # fmt: skip
"""Shapes of the kernels in bvlc_alexnet.npy, but for four classes."""


class Recorder(Listener):
    def __init__(self):
        self.calls = []

    def counting(self, what):
        self.calls.append(what)
        return super().counting(what)

    def weights_matched(self, weights, matches):
        self.calls.append((weights.arch, [x.layer for x in matches if x.arrays]))


@pytest.fixture
def server(tmp_path, monkeypatch):
    content = b"weights" * 1000
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Server(content) as server:
        url = f"http://127.0.0.1:{server.server_port}/other-name.pth"
        digest = hashlib.sha256(content).hexdigest()
        source = download.Download("a.pth", url, digest, len(content))
        monkeypatch.setattr(download, "IMAGENET", source)
        yield server


def test_imagenet_is_downloaded_once(server):
    recorder = Recorder()
    first, second = weights_file("imagenet", recorder), weights_file("imagenet", recorder)
    assert first == second and first.read_bytes() == server.content
    assert len(server.asked) == 1 and recorder.calls == ["fetching", "fetching"]


@pytest.mark.parametrize("arch", sorted(set(ARCHITECTURES) - {"alexnet-owt"}))
def test_what_fits_no_convolution_is_not_downloaded(server, arch):
    with pytest.raises(WeightsError) as error:
        weights_file("imagenet", Recorder(), Recipe(arch=arch))
    end = f"do not fit {arch}; use --config finetune or --arch alexnet-owt"
    assert str(error.value).endswith(end) and not server.asked


def test_another_mean_is_an_error_before_a_download(server):
    with pytest.raises(
        RecipeError, match="--mean 1: the weights were trained with imagenet"
    ):
        weights_file("imagenet", Recorder(), Recipe(arch="alexnet-owt", mean="1"))
    assert not server.asked


@pytest.mark.parametrize(
    "fields", [{}, {"norm": "batch"}, {"dropout": 0.1}, {"mean": "imagenet"}]
)
def test_variants_whose_convolutions_fit_are_downloaded(server, fields):
    recipe = Recipe(arch="alexnet-owt", **fields)
    assert weights_file("imagenet", Recorder(), recipe).read_bytes() == server.content


def test_an_import_that_cannot_succeed_downloads_nothing(server, tmp_path):
    with pytest.raises(WeightsError, match="the network has 1000 outputs, not 2"):
        import_weights("imagenet", tmp_path / "run", classes=["a", "b"])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(RunError, match="already exists and is not a run directory"):
        import_weights("imagenet", tmp_path / "full")
    assert not server.asked


def test_changed_weights_in_the_cache_are_refused(server):
    file = weights_file("imagenet", Recorder())
    file.write_bytes(server.content[:-1] + b"!")
    with pytest.raises(
        DownloadError, match=r"a\.pth: SHA-256 is .*; delete it to fetch it"
    ):
        weights_file("imagenet", Recorder())


def test_any_other_name_is_a_file(server):
    assert weights_file("own.pth", Recorder()).name == "own.pth"
    assert not server.asked


def test_part_of_a_network_leaves_nothing(tmp_path):
    conv = [np.zeros((11, 11, 3, 64)), np.zeros(64)]
    np.save(tmp_path / "part.npy", {"conv1": conv}, allow_pickle=True)
    with pytest.raises(WeightsError, match="conv2, conv3, conv4, conv5, dense1"):
        import_weights(tmp_path / "part.npy", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(WeightsError, match=r"^none\.pth: No such file or directory$"):
        import_weights("none.pth", tmp_path / "run")


@pytest.mark.slow
def test_a_whole_network_becomes_a_run(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for name, shape in BVLC.items():
        # Inputs reach 255, so the first kernels are smaller.
        scale = (2 / np.prod(shape[:-1])) ** 0.5 / (70 if name == "conv1" else 1)
        kernel = rng.standard_normal(shape, np.float32) * np.float32(scale)
        arrays[name] = [kernel, np.zeros(shape[-1], np.float32)]
    file, out = tmp_path / "bvlc_alexnet.npy", tmp_path / "run"
    np.save(file, arrays, allow_pickle=True)
    with pytest.raises(WeightsError, match="^the last layer has 4 outputs, not 1000; "):
        import_weights(file, out)
    assert not out.exists()
    recorder, names = Recorder(), ("ant", "bee", "cat", "dog")
    run = import_weights(file, out, classes=names, listener=recorder)
    layers = ["conv1", "conv2", "conv3", "conv4", "conv5", "dense1", "dense2", "dense3"]
    assert recorder.calls == [("alexnet-bvlc", layers)]
    assert run == Run.open(out) and run.classes == names and run.litert.is_file()
    image = np.asarray(photo((300, 260)).convert("RGB"))
    (prediction,) = Classifier(run)([image])
    assert prediction.label in names and prediction.confidence < 1
