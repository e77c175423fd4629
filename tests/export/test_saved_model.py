"""The SavedModel predicts as `Classifier` does, in a process without this package."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import (
    alexnet,
    draw_toy,
    encoded,
    new_tiny_run,
    photo,
    png_of_16_bits,
    python,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.errors import AlexNetError
from alexnet_cli.evaluation.calibration import at_temperature
from alexnet_cli.export import saved_model
from alexnet_cli.export.saved_model import save_model
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import load_network
from alexnet_cli.model.model import build_model
from alexnet_cli.preprocess import Preprocess
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
RESIZE = ("squash", "crop", "pad")


def served(run, files, folder):
    pixels = np.stack([x.pixels for x in decode_files(files, run.preprocess)])
    np.save(folder / "pixels.npy", pixels)
    done = python(SERVE, run.path, folder / "pixels.npy", *files)
    assert done.returncode == 0, done.stderr[-2000:]
    return pixels, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=RESIZE)
def run(request, toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("served") / "saved"
    mean = "pixel" if request.param == "crop" else "imagenet"
    result = alexnet(
        "train", "--data", toy, "--out", out, "--arch", "tiny", "--size", "40", "--epochs", "2",
        "--optimizer", "adam", "--learning-rate", "0.002", "--resize", request.param, "--mean", mean,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return Run.open(out)


@pytest.mark.slow
def test_both_signatures_agree_with_predict(run, tmp_path):
    data = draw_toy(tmp_path / "d", each=4, seed=3)
    files = sorted(data.glob("*/*"))
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (9, 13, 3), np.uint8)).resize((211, 97), 3)
    for name in ("a.png", "b.bmp", "c.jpg"):
        image.save(tmp_path / name)
        files.append(tmp_path / name)
    image.quantize(64).save(tmp_path / "d.gif")
    image.convert("L").save(tmp_path / "e.jpg")
    clear = image.convert("RGBA")
    clear.putalpha(100)
    clear.save(tmp_path / "f.png")
    files += [tmp_path / x for x in ("d.gif", "e.jpg", "f.png")]
    pixels, out = served(run, files, tmp_path)
    classifier = Classifier(run)
    np.testing.assert_allclose(out["pixels"], classifier.probabilities(pixels), atol=1e-5)
    ours = np.stack([x.probabilities for x in classifier(files)])
    np.testing.assert_allclose(out["encoded"], ours, atol=0.01)
    assert all(x == list(run.classes) for x in out["classes"])


@pytest.mark.slow
def test_real_photographs_agree(run, shared, tmp_path):
    files = sorted((shared / "flower_photos").glob("*/*"))[::100]
    pixels, out = served(run, files, tmp_path)
    classifier = Classifier(run)
    np.testing.assert_allclose(out["pixels"], classifier.probabilities(pixels), atol=1e-5)
    ours = np.stack([x.probabilities for x in classifier(files)])
    np.testing.assert_allclose(out["encoded"], ours, atol=0.01)


@pytest.mark.parametrize(
    "tta, temperature, samplewise",
    [
        ("flip", 3.0, True),
        ("two-scale", 0.5, False),
        pytest.param("ten-crop", 0.5, False, marks=pytest.mark.slow),
    ],
)
def test_views_and_temperature_are_in_the_graph(
    run_copy, toy, tta, temperature, samplewise
):
    run = Run.open(run_copy)
    own = {"samplewise_center": samplewise, "samplewise_std_normalization": samplewise}
    run = replace(run, preprocess=replace(run.preprocess, **own))
    run = replace(run, recipe=run.recipe.changed(tta=tta), temperature=temperature)
    save_model(run, load_network(run))
    found = tf.saved_model.load(str(run_copy)).signatures
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    # The LiteRT copy has the temperature 1 of the run that was copied.
    views = at_temperature(np.array(Classifier(run).views(pixels)), temperature)
    out = found["pixels"](pixels=tf.constant(pixels))
    np.testing.assert_allclose(out["probabilities"], views.mean(axis=0), atol=1e-4)
    assert out["classes"].numpy().tolist() == [[b"blue", b"green", b"red"]] * 5
    files = sorted(toy.glob("*/*.png"))[:2]
    data = tf.constant([x.read_bytes() for x in files])
    stored = tf.constant(np.stack([images.load(x, run.preprocess) for x in files]))
    one, other = found["serving_default"](images=data), found["pixels"](pixels=stored)
    np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-2)


def test_signatures_say_what_they_take_and_give(trained):
    found = tf.saved_model.load(str(trained)).signatures
    assert set(found) == {"serving_default", "pixels"}
    for name, argument, shape, dtype in (
        ("serving_default", "images", [None], tf.string),
        ("pixels", "pixels", [None, 36, 36, 3], tf.uint8),
    ):
        [given] = found[name].structured_input_signature[1].values()
        assert (given.name, given.shape.as_list(), given.dtype) == (argument, shape, dtype)
        outputs = found[name].structured_outputs
        assert {k: v.dtype for k, v in outputs.items()} == {
            "probabilities": tf.float32,
            "classes": tf.string,
        }


@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from(RESIZE), st.integers(0, 9))
@settings(max_examples=25)
def test_squares_are_those_of_pillow(width, height, resize, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    preprocess = Preprocess(resize, 24, 20, None, (1.0,) * 3)
    ours = images.square(Image.fromarray(pixels), resize, 24)
    graph = np.asarray(saved_model._square(tf.constant(pixels), preprocess))
    assert graph.shape == (24, 24, 3) and graph.dtype == np.uint8
    assert abs(graph.astype(int) - ours).max() <= 1


@pytest.mark.parametrize(
    "form,mode,most",
    [
        ("JPEG", "RGB", 0), ("JPEG", "L", 0), ("PNG", "RGB", 0), ("PNG", "L", 0), ("PNG", "LA", 1),
        ("PNG", "RGBA", 1), ("PNG", "P", 0), ("GIF", "P", 0), ("BMP", "RGB", 0),
    ],
)  # fmt: skip
def test_encoded_images_decode_as_pillow_decodes_them(form, mode, most):
    image = photo((61, 47))
    if mode in ("LA", "RGBA"):
        image = image.convert("RGBA")
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = encoded(image.convert(mode), form)
    graph = np.asarray(saved_model._decoded(tf.constant(data)))
    ours = images.decode(data)
    assert graph.shape == ours.shape and graph.dtype == np.uint8
    assert abs(graph.astype(int) - ours).max() <= most


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("level", [1, 4095, 65535, 10**6])
def test_the_white_level_is_in_the_graph(channels, level):
    """For PNG of 16 bits, the only ones that TensorFlow reads; 8 bits are as they were."""
    rng = np.random.default_rng(0)
    deep = png_of_16_bits(rng.integers(0, 8000, (20, 24, channels)))
    graph = np.asarray(saved_model._decoded(tf.constant(deep), level))
    ours = np.asarray(images.open_image(deep, white_level=level).image)
    assert graph.dtype == np.uint8 and abs(graph.astype(int) - ours).max() <= 2
    flat = encoded(photo((61, 47)))
    graph = np.asarray(saved_model._decoded(tf.constant(flat), level))
    np.testing.assert_array_equal(graph, images.decode(flat))


@pytest.mark.parametrize("data", [b"", b"x", b"\x89PNG\r\n", b"\xff\xd8\xff"])
def test_what_is_not_an_image_is_an_error_of_tensorflow(trained, data):
    found = tf.saved_model.load(str(trained)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError):
        found(images=tf.constant([data]))


def test_a_folder_need_not_be_utf8(tmp_path):
    run = new_tiny_run(tmp_path / os.fsdecode(b"run\xff"))
    network = build_model(run.architecture, 3)
    save_model(run, network)
    assert sorted(x.name for x in run.path.iterdir()) == [
        "assets", "fingerprint.pb", "saved_model.pb", "variables",
    ]  # fmt: skip
    loaded = tf.saved_model.load(str(run.path.rename(tmp_path / "run")))
    side = run.preprocess.stored_size
    pixels = tf.constant(
        np.arange(side * side * 3).reshape(1, side, side, 3) % 256, tf.uint8
    )
    found = loaded.signatures["pixels"](pixels=pixels)
    expected = saved_model._ServedModel(run, network).pixels(pixels)
    assert [x.decode() for x in found["classes"].numpy()[0]] == list(run.classes)
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


def test_a_folder_that_cannot_be_written_is_one_error(run_copy):
    run = Run.open(run_copy)
    network = load_network(run)
    (run_copy / "file").write_text("x")
    with pytest.raises(AlexNetError) as caught:
        save_model(replace(run, path=run_copy / "file"), network)
    assert str(caught.value).startswith("the SavedModel could not be written: ")
    assert "\n" not in str(caught.value)
