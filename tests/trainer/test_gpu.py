"""On a GPU: what trains uses the one it was told to, and nothing else touches any."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import TINY, alexnet, python, train

from alexnet_cli.backend.devices import gpu_precision
from alexnet_cli.run.run import Run

pytestmark = pytest.mark.gpu
GPU = {"CUDA_VISIBLE_DEVICES": os.environ["ALEXNET_TEST_GPU"]}
SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "gpu.py"
LOOK = """
import json
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
details = map(tf.config.experimental.get_device_details, gpus)
print(json.dumps([x.get("compute_capability", (0, 0)) for x in details]))
"""
COMMAND = """
import json, sys
from alexnet_cli.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as error:
    code = error.code
seen, growing = 0, []
if tf := sys.modules.get("tensorflow"):
    gpus = tf.config.get_visible_devices("GPU")
    growing = [tf.config.experimental.get_memory_growth(x) for x in gpus]
    seen = len(tf.config.list_logical_devices("GPU"))
print(json.dumps([code, seen, growing]))
"""
"""A command, then its exit code, how many GPUs it saw, and whether each takes memory bit by bit."""
GEOMETRIES = {
    "copy": ("--random-crop",),
    "boxes": ("--crop-area", "0.5"),
    "warp": ("--rotation", "10", "--zoom", "0.1"),
}


@pytest.fixture(scope="module", autouse=True)
def capability():
    """That of the GPU, without which nothing here can be tested."""
    found = json.loads(python(LOOK, **GPU).stdout)
    if not found:
        pytest.skip("this machine has no GPU")
    return tuple(found[0])


def outcome(*words):
    """What COMMAND prints, in a process of its own."""
    done = python(COMMAND, *words, **GPU)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("xla", ["--xla", "--no-xla"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_losses_are_the_cpus(toy, tmp_path, geometry, xla):
    """Float32 may be TF32 there, which has ten bits."""
    words = (*TINY, *GEOMETRIES[geometry], "--dropout", "0", "--epochs", "2")
    found = outcome("train", toy, "--out", tmp_path / "gpu", *words, "--device", "gpu", xla)
    assert found == [0, 1, [True]]
    train(toy, tmp_path / "cpu", *words[len(TINY) :], "--device", "cpu")
    ours, theirs = (Run.open(tmp_path / x).history() for x in ("gpu", "cpu"))
    for one, two in zip(ours, theirs, strict=True):
        assert float(one["loss"]) == pytest.approx(float(two["loss"]), rel=0.05)


@pytest.mark.parametrize("precision", ["auto", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("xla", ["--xla", "--no-xla"])
def test_every_precision_learns(toy, tmp_path, capability, precision, xla):
    out = tmp_path / "run"
    words = (*TINY, "--precision", precision, "--device", "gpu", xla)
    assert outcome("train", toy, "--out", out, *words)[0] == 0
    run = Run.open(out)
    assert run.metrics["val_accuracy"] > 0.9
    if precision == "auto":
        assert run.recipe.machine.precision == gpu_precision([capability])


def test_what_does_not_train_sees_no_gpu(toy, trained, tmp_path):
    image = next((toy / "red").iterdir())
    for words in (
        ("predict", "--model", trained, image),
        ("evaluate", "--model", trained, "--data", toy),
        ("export", "--model", trained, "--out", tmp_path / "e", "--format", "savedmodel"),
        ("benchmark", "--model", trained),
        ("doctor", toy),
        ("env",),
        ("train", toy, "--out", tmp_path / "cpu", *TINY, "--device", "cpu"),
    ):
        assert outcome(*words) == [0, 0, []], words


def test_a_gpu_that_the_environment_hides_does_not_exist(toy, tmp_path):
    words = ("train", toy, "--out", tmp_path / "o", *TINY, "--device", "gpu")
    done = python(COMMAND, *words, CUDA_VISIBLE_DEVICES="-1")
    assert json.loads(done.stdout.splitlines()[-1])[0] == 3
    assert "--device gpu: gpu:0 does not exist; available: cpu:0" in done.stderr


def test_a_resumed_training_goes_on_there(toy, tmp_path):
    out = tmp_path / "run"
    words = ("--device", "gpu", "--precision", "mixed_float16")
    assert outcome("train", toy, "--out", out, *TINY, *words)[0] == 0
    assert outcome("train", "--resume", out, "--epochs", "7")[0] == 0
    assert len(Run.open(out).history()) == 7
    assert alexnet("evaluate", "--model", out, "--data", toy).exit_code == 0


def test_the_table_of_steps_is_printed():
    words = ("--arch", "tiny", "--batch", "8", "--steps", "3")
    done = subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True, text=True, check=False, env={**os.environ, **GPU},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| tiny |") == 6 and "its data sheet" in done.stdout
