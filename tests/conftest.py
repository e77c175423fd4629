"""Fixtures: toy class folders, a trained run of the tiny network, shared real data."""

import os
import shutil

import pytest
from helpers import SHARED, TINY, alexnet, draw_toy
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests that import TensorFlow themselves compute as the commands do.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Trainings of this process need not agree about a GPU: test_gpu.py gives it to others.
os.environ.setdefault("ALEXNET_TEST_GPU", os.environ.get("CUDA_VISIBLE_DEVICES", "0"))
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
    os.environ.pop(name, None)  # Messages are compared as they are without colors.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def cache_of_images(tmp_path_factory):
    """Where what is known of images is kept: not where the user's is."""
    from alexnet_cli.dataset import known_images

    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known_images, "cache_folder", lambda: folder)
        yield folder


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    return draw_toy(tmp_path_factory.mktemp("toy") / "photos")


@pytest.fixture(scope="session")
def toy_test(tmp_path_factory):
    return draw_toy(tmp_path_factory.mktemp("toy") / "Test_set", each=4, seed=1)


@pytest.fixture(scope="session")
def trained(toy, tmp_path_factory):
    """The directory of a run of the tiny network on the toy images; not to be written to."""
    out = tmp_path_factory.mktemp("run") / "saved"
    result = alexnet("train", "--data", toy, "--out", out, *TINY)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def run_copy(trained, tmp_path):
    """A copy of the trained run, to be changed or damaged."""
    # Without what other tests have recorded in it.
    ignore = shutil.ignore_patterns("evaluations.json")
    return shutil.copytree(trained, tmp_path / "saved", ignore=ignore)


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """The folder of all formats of the trained run; not to be written to."""
    out = tmp_path_factory.mktemp("exported") / "out"
    result = alexnet("export", "--model", trained, "--out", out)
    assert result.exit_code == 0, result.output
    assert "left out" not in result.stderr, result.stderr
    return out


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return SHARED
