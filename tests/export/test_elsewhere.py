"""The SavedModel answers in programs that know nothing of this package or of Keras.

TensorFlow's C library stands for TensorFlow Serving, Java, Go and Rust, which call it.
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import python

from alexnet_cli.dataset import images
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.run.run import Run

pytestmark = pytest.mark.slow
TENSORFLOW = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
SAVED_MODEL_CLI = "from tensorflow.python.tools.saved_model_cli import main; main()"
GRAPH = """
import json, sys
import numpy as np, tensorflow as tf
sys.modules["alexnet_cli"] = sys.modules["keras"] = None
files = [open(x, "rb").read() for x in sys.argv[2:]]
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    found = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    signature = found.signature_def["serving_default"]
    feed = {signature.inputs["images"].name: np.array(files, object)}
    print(json.dumps(session.run(signature.outputs["probabilities"].name, feed).tolist()))
"""


@pytest.fixture(scope="module")
def files(toy):
    return sorted(toy.glob("*/0[0-4]*"))


@pytest.fixture(scope="module")
def expected(trained, files):
    return np.stack([x.probabilities for x in Classifier(trained)(files)])


def names(folder, signature):
    """The names of its input, of its probabilities and of its classes."""
    shown = python(
        SAVED_MODEL_CLI, "show", "--dir", folder, "--tag_set", "serve",
        "--signature_def", signature, TF_CPP_MIN_LOG_LEVEL="3",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    found = dict(
        re.findall(
            r"\['(\w+)'\] tensor_info:\s+dtype: .+\s+shape: .+\s+name: (\S+)", shown.stdout
        )
    )
    return [
        v
        for k, v in sorted(
            found.items(), key=lambda x: x[0] in ("probabilities", "classes")
        )
    ]


def c_api(folder, signature, *files):
    source, *outputs = names(folder, signature)
    # Both outputs are of one operation; classes come first.
    target = sorted(outputs)[1]
    program = Path(__file__).with_name("c_api.py")
    done = subprocess.run(
        [sys.executable, str(program), TENSORFLOW, str(folder), source, target, "3", *map(str, files)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return np.array(json.loads(done.stdout)).reshape(-1, 3)


def test_the_c_library_reads_images(trained, files, expected):
    np.testing.assert_allclose(
        c_api(trained, "serving_default", *files), expected, atol=0.01
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_c_library_takes_any_number_of_pixels(trained, files, tmp_path, count):
    run = Run.open(trained)
    stored = [images.load(x, run.preprocess) for x in files[:count]]
    np.save(tmp_path / "p.npy", np.array(stored, np.uint8).reshape(-1, 36, 36, 3))
    found = c_api(trained, "pixels", tmp_path / "p.npy")
    assert found.shape == (count, 3)
    for row, pixels in zip(found, stored, strict=True):
        own = Classifier(run).probabilities(pixels[None])[0]
        np.testing.assert_allclose(row, own, atol=1e-5)


def test_the_c_library_takes_no_images(trained):
    assert c_api(trained, "serving_default").shape == (0, 3)


def test_a_session_of_tensorflow_1(trained, files, expected):
    done = python(GRAPH, trained, *files)
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=0.01)


@pytest.mark.parametrize("count", [0, 3])
def test_saved_model_cli(trained, files, tmp_path, count):
    run = Run.open(trained)
    stored = [images.load(x, run.preprocess) for x in files[:count]]
    pixels = np.array(stored, np.uint8).reshape(-1, 36, 36, 3)
    np.save(tmp_path / "p.npy", pixels)
    done = python(
        SAVED_MODEL_CLI, "run", "--dir", trained, "--tag_set", "serve", "--signature_def", "pixels",
        "--inputs", f"pixels={tmp_path / 'p.npy'}", "--outdir", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(tmp_path / "probabilities.npy")
    assert found.shape == (count, 3)
    if count:
        own = Classifier(run).probabilities(pixels)
        np.testing.assert_allclose(found, own, atol=1e-5)
        assert np.load(tmp_path / "classes.npy", allow_pickle=True)[0].tolist() == [
            b"blue", b"green", b"red",
        ]  # fmt: skip
