"""The SavedModel predict_files in a process that does not know this package, and agrees."""

import json

import numpy as np
import pytest
from helpers import alexnet, draw_toy, python
from PIL import Image

from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.inference.classifier import Classifier, predict_files
from alexnet_cli.run.run import Run

SERVE = """
import json, sys
import numpy as np, tensorflow as tf
sys.modules["alexnet_cli"] = None
served = tf.saved_model.load(sys.argv[1])
data = tf.constant([open(x, "rb").read() for x in sys.argv[3:]])
encoded = served.signatures["serving_default"](images=data)
pixels = served.signatures["pixels"](pixels=tf.constant(np.load(sys.argv[2])))
out = {"classes": [[y.decode() for y in x] for x in encoded["classes"].numpy()]}
for name, found in (("encoded", encoded), ("pixels", pixels)):
    out[name] = found["probabilities"].numpy().tolist()
print(json.dumps(out))
"""


def served(run, files, folder):
    pixels = np.stack([x.pixels for x in decode_files(files, run.preprocess)])
    np.save(folder / "pixels.npy", pixels)
    done = python(SERVE, run.path, folder / "pixels.npy", *files)
    assert done.returncode == 0, done.stderr[-2000:]
    return pixels, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=["squash", "crop", "pad"])
def run(request, toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("served") / "saved"
    options = (
        "--arch",
        "tiny",
        "--size",
        "40",
        "--epochs",
        "2",
        "--optimizer",
        "adam",
        "--learning-rate",
        "0.002",
    )
    mean = "pixel" if request.param == "crop" else "imagenet"
    result = alexnet(
        "train",
        "--data",
        toy,
        "--out",
        out,
        *options,
        "--resize",
        request.param,
        "--mean",
        mean,
    )
    assert result.exit_code == 0, result.output
    return Run.open(out)


def test_both_signatures_agree(run, tmp_path):
    data = draw_toy(tmp_path / "d", each=4, seed=3)
    files = sorted(data.glob("*/*"))
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (9, 13, 3), np.uint8)).resize((211, 97), 3)
    for name in ("a.png", "b.bmp", "c.jpg"):
        photo.save(tmp_path / name)
        files.append(tmp_path / name)
    photo.quantize(64).save(tmp_path / "d.gif")
    photo.convert("L").save(tmp_path / "e.jpg")
    clear = photo.convert("RGBA")
    clear.putalpha(100)
    clear.save(tmp_path / "f.png")
    files += [tmp_path / x for x in ("d.gif", "e.jpg", "f.png")]
    pixels, out = served(run, files, tmp_path)
    classifier = Classifier(run)
    np.testing.assert_allclose(out["pixels"], classifier(pixels), atol=1e-5)
    ours = np.stack([x.probabilities for x in predict_files(classifier, files)])
    np.testing.assert_allclose(out["encoded"], ours, atol=0.01)
    assert all(x == list(run.classes) for x in out["classes"])


@pytest.mark.slow
def test_real_photographs_agree(run, shared, tmp_path):
    files = sorted((shared / "flower_photos").glob("*/*"))[::100]
    pixels, out = served(run, files, tmp_path)
    classifier = Classifier(run)
    np.testing.assert_allclose(out["pixels"], classifier(pixels), atol=1e-5)
    ours = np.stack([x.probabilities for x in predict_files(classifier, files)])
    np.testing.assert_allclose(out["encoded"], ours, atol=0.01)
