"""Clients of TensorFlow Serving's REST form need not change."""

import json

import numpy as np
import pytest

from alexnet_cli.inference.classifier import Classifier

TF = "/v1/models/toy:predict"


@pytest.fixture(scope="module")
def own(trained, pictures):
    """The classifier's probabilities float32 [N, K] of the pictures."""
    return np.array([x.probabilities for x in Classifier(trained)(pictures)])


def test_rows_in_all_their_forms(server, pictures, own, b64):
    images = [b64(x) for x in pictures[:3]]
    named = [{"images": x} for x in images]
    for instances in (images, named):
        for more in ({}, {"signature_name": "serving_default"}, {"signature_name": ""}):
            body = json.dumps({"instances": instances, **more})
            status, found = server.json("POST", TF, body)
            assert status == 200
            assert list(found) == ["predictions"]
            assert_same(found["predictions"], own[:3])


def test_columns_in_both_forms(server, pictures, own, b64):
    images = [b64(x) for x in pictures[:3]]
    for inputs in (images, {"images": images}):
        status, found = server.json("POST", TF, json.dumps({"inputs": inputs}))
        assert status == 200
        outputs = found["outputs"]
        assert set(outputs) == {"probabilities", "classes"}
        rows = [{k: outputs[k][i] for k in outputs} for i in range(3)]
        assert_same(rows, own[:3])


def test_pixels(server, trained):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 36, 36, 3)).astype(np.uint8)
    own = Classifier(trained).probabilities(pixels)
    for form in (
        {"instances": pixels.tolist()},
        {"instances": [{"pixels": x.tolist()} for x in pixels]},
    ):
        body = json.dumps({"signature_name": "pixels", **form})
        assert_same(server.json("POST", TF, body)[1]["predictions"], own)
    body = json.dumps({"signature_name": "pixels", "inputs": {"pixels": pixels.tolist()}})
    assert len(server.json("POST", TF, body)[1]["outputs"]["probabilities"]) == 2


def test_levels_that_are_none_are_refused(server):
    for level in (-1, 256, 0.5, True, None, 10**30):
        pixels = np.full((1, 36, 36, 3), 7).tolist()
        pixels[0][3][4][1] = level
        body = json.dumps({"signature_name": "pixels", "instances": pixels})
        status, found = server.json("POST", TF, body)
        # NumPy reads true as 1 among whole numbers.
        assert status == (200 if level is True else 400), (level, found)


def test_status_and_metadata(server):
    for path in ("/v1/models/toy", "/v1/models/toy/versions/1"):
        status, found = server.json("GET", path)
        assert status == 200
        version = found["model_version_status"][0]
        assert (version["state"], version["version"]) == ("AVAILABLE", "1")
    status, found = server.json("GET", "/v1/models/toy/metadata")
    assert found["model_spec"]["name"] == "toy"
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["images"]["dtype"] == "DT_STRING"
    sizes = [
        x["size"] for x in signatures["pixels"]["inputs"]["pixels"]["tensor_shape"]["dim"]
    ]
    assert sizes == ["-1", "36", "36", "3"]


@pytest.mark.slow
def test_metadata_agrees_with_the_saved_model(server, trained):
    """TensorFlow Serving reads what it answers from there."""
    import tensorflow as tf

    if not (trained / "saved_model.pb").exists():
        pytest.skip("the run has no SavedModel")
    loaded = tf.saved_model.load(str(trained))
    found = server.json("GET", "/v1/models/toy/metadata")[1]
    said = found["metadata"]["signature_def"]["signature_def"]
    assert set(said) == set(loaded.signatures)
    for name, signature in loaded.signatures.items():
        specs = signature.structured_input_signature[1]
        for kind, own in (("inputs", specs), ("outputs", signature.structured_outputs)):
            shapes = {k: [-1 if n is None else n for n in x.shape] for k, x in own.items()}
            told = {
                k: [int(n["size"]) for n in x["tensor_shape"]["dim"]]
                for k, x in said[name][kind].items()
            }
            assert told == shapes
            types = {
                k: f"DT_{x.dtype.name.upper()}".replace("FLOAT32", "FLOAT")
                for k, x in own.items()
            }
            assert {k: x["dtype"] for k, x in said[name][kind].items()} == types


def assert_same(rows, own):
    """`rows` of an answer have the probabilities `own`, to float32's rounding."""
    found = np.array([x["probabilities"] for x in rows], np.float32)
    np.testing.assert_allclose(found, own, rtol=1e-4, atol=1e-6)
    assert all(x["classes"] == ["blue", "green", "red"] for x in rows)
