"""One image has one prediction: alone, in a set, in any batch, given in any form."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import encoded
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.dataset.images import decode
from alexnet_cli.dataset.standardize import standardize
from alexnet_cli.errors import RecipeError, RunError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.prediction import UNKNOWN, Prediction
from alexnet_cli.run.run import Run


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture(scope="module")
def classifier(run):
    return Classifier(run)


@pytest.fixture(scope="module")
def files(toy):
    return sorted(toy.glob("*/*"))


def table(predictions):
    return np.stack([x.probabilities for x in predictions])


def test_batch_sizes_agree(classifier, files):
    one, three, seven = (table(classifier.predict(files, size)) for size in (1, 3, 7))
    np.testing.assert_allclose(one, three, atol=1e-6)
    np.testing.assert_allclose(one, seven, atol=1e-6)
    np.testing.assert_allclose(one.sum(axis=1), 1, atol=1e-6)
    alone = table(classifier.predict(files[5:6]))
    np.testing.assert_allclose(alone[0], seven[5], atol=1e-6)


def test_bad_files_keep_their_place(classifier, files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"x")
    mixed = [files[0], bad, files[1], tmp_path / "none.jpg", files[2]]
    found = list(classifier.predict(mixed, 2))
    assert [x.file for x in found] == mixed
    assert [bool(x.error) for x in found] == [False, True, False, True, False]
    assert [x.error for x in found if x.error] == [
        "is not an image in a known format",
        "does not exist",
    ]
    good = table(classifier.predict(files[:3]))
    np.testing.assert_allclose(table([found[0], found[2], found[4]]), good, atol=1e-6)
    wrong = found[1]
    assert (wrong.top(3), wrong.label, wrong.confidence, wrong.digest) == ([], "", 0.0, "")
    assert wrong.probabilities is None
    assert [x.error for x in classifier(bad)] == [wrong.error]


def test_paths_bytes_and_pixels_may_be_mixed(classifier, files):
    forms = [
        [files[0], str(files[0]), files[0].read_bytes(), decode(files[0])],
        (x for x in (files[0], str(files[0]), files[0].read_bytes(), decode(files[0]))),
    ]
    for images in forms:
        found = classifier(images)
        np.testing.assert_allclose(table(found), table(found[:1] * 4), atol=1e-6)
        assert [x.file for x in found] == [files[0], files[0], Path(), Path()]
        digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
        assert [x.digest for x in found] == [digest, digest, digest, ""]
        assert {x.label for x in found} == {"blue"}


@pytest.mark.parametrize("form", [Path, str, Path.read_bytes, decode])
def test_a_single_image_is_a_list_of_one(classifier, files, form):
    [alone] = classifier(form(files[0]))
    [listed] = classifier.predict([form(files[0])])
    np.testing.assert_array_equal(alone.probabilities, listed.probabilities)
    assert (alone.file, alone.digest) == (listed.file, listed.digest)
    [lazy] = classifier.predict(form(files[0]))
    np.testing.assert_array_equal(alone.probabilities, lazy.probabilities)


def test_an_array_of_four_dimensions_is_a_batch(classifier, run):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 50, 36, 3), np.uint8)
    found = classifier(pixels)
    assert len(found) == 3
    np.testing.assert_allclose(table(found), table(classifier(list(pixels))), atol=1e-6)
    stored = rng.integers(0, 256, (2, 36, 36, 3), np.uint8)
    np.testing.assert_allclose(
        table(classifier(stored)), classifier.probabilities(stored), atol=1e-6
    )
    assert classifier(pixels[:0]) == classifier([]) == []


@pytest.mark.parametrize(
    "pixels,message",
    [
        (np.zeros((4, 4, 3)), "not float64 [4, 4, 3]"),
        (np.zeros((4, 4, 3), np.int64), "not int64 [4, 4, 3]"),
        (np.zeros((4, 4), np.uint8), "not uint8 [4, 4]"),
        (np.zeros((4, 4, 4), np.uint8), "not uint8 [4, 4, 4]"),
        (np.zeros((3, 4, 4), np.uint8), "not uint8 [3, 4, 4]"),
        (np.zeros((0, 4, 3), np.uint8), "not uint8 [0, 4, 3]"),
        (np.zeros((1, 2, 4, 4, 3), np.uint8), "not uint8 [2, 4, 4, 3]"),
    ],
)
def test_other_arrays_are_an_error(classifier, files, pixels, message):
    for images in (pixels, [files[0], pixels]) if pixels.ndim < 4 else (pixels,):
        with pytest.raises(ValueError) as caught:
            classifier(images)
        assert str(caught.value) == f"pixels must be uint8 [H, W, 3], {message}"


def test_what_is_no_image_at_all_is_an_error(classifier):
    with pytest.raises(TypeError):
        classifier([3])
    with pytest.raises(TypeError):
        classifier(None)


def test_predictions_come_before_all_images_are_read(classifier, files):
    read = []

    def endless():
        while True:
            read.append(1)
            yield files[len(read) % len(files)]

    found = classifier.predict(endless(), 4)
    assert [next(found).file for _ in range(9)] == files[1:10]
    found.close()
    assert len(read) < 200


def test_a_single_pixel_and_a_large_file_can_be_predicted(classifier):
    for size in ((1, 1), (1, 900), (3000, 20)):
        [found] = classifier(encoded(Image.new("RGB", size, (200, 50, 40))))
        assert not found.error and found.probabilities.shape == (3,)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.4]), min_size=1, max_size=6))
def test_ranks_are_sorted_and_ties_come_in_class_order(numbers):
    row = np.array(numbers, np.float32)
    found = Prediction(Path(), tuple("abcdef"[: len(row)]), probabilities=row)
    expected = sorted(range(len(row)), key=lambda i: (-row[i], i))
    assert [i for i, _ in found.ranked(99)] == expected
    assert found.ranked(2) == found.ranked(99)[:2]
    assert found.top(99) == [("abcdef"[i], p) for i, p in found.ranked(99)]
    assert found.confidence == max(row) and found.label == "abcdef"[expected[0]]


@pytest.mark.parametrize("threshold,label", [(0.0, "b"), (0.5, "b"), (0.51, UNKNOWN)])
def test_below_the_threshold_the_label_is_unknown(run, threshold, label):
    row = np.array([0.25, 0.5, 0.25], np.float32)
    found = Prediction(Path(), ("a", "b", "c"), threshold, probabilities=row)
    assert (found.label, found.confidence) == (label, 0.5)
    assert found.top(1) == [("b", 0.5)]


def test_the_runs_threshold_is_that_of_its_predictions(run, files):
    strict = Classifier(replace(run, threshold=2.0))
    assert {x.label for x in strict(files[:3])} == {UNKNOWN}
    assert strict(files[0])[0].top(1)[0][0] == "blue"


def views_by_hand(run, pixels, corners):
    for corner in corners:
        view = standardize(pixels.astype(np.float32), run.preprocess, None, (*corner, 32))
        yield from (view, view[:, :, ::-1])


def test_ten_crops_are_the_corners_the_center_and_their_mirrors(run, files):
    pixels = np.stack([x.pixels for x in decode_files(files[:3], run.preprocess)])
    margin = run.preprocess.stored_size - run.preprocess.input_size
    assert margin == 4
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    ten = Classifier(run, "ten-crop")
    each = [ten.network(x) for x in views_by_hand(run, pixels, corners)]
    assert len(each) == len(ten.views(pixels)) == 10
    np.testing.assert_allclose(ten.probabilities(pixels), np.mean(each, axis=0), atol=1e-6)
    flip = Classifier(run, "flip").probabilities(pixels)
    np.testing.assert_allclose(flip, np.mean(each[:2], 0), atol=1e-6)
    np.testing.assert_allclose(Classifier(run).probabilities(pixels), each[0], atol=1e-6)


def test_ten_crops_need_a_margin(run):
    tight = replace(run, preprocess=replace(run.preprocess, stored_size=32))
    with pytest.raises(RunError) as caught:
        Classifier(tight, "ten-crop")
    assert str(caught.value) == (
        "--tta ten-crop needs images larger than the network's input; this run keeps 32 "
        "pixels, all of which the network sees"
    )


def test_an_unknown_tta_is_an_error_and_the_runs_own_is_the_default(run):
    with pytest.raises(RecipeError) as caught:
        Classifier(run, "tencrop")
    assert (
        str(caught.value)
        == "--tta: 'tencrop' is not one of none, flip, two-scale, ten-crop"
    )
    flipped = replace(run, recipe=run.recipe.changed(tta="flip"))
    assert (Classifier(flipped).tta, Classifier(flipped, "none").tta) == ("flip", "none")


def test_a_network_of_ones_own_is_used(run, files):
    def network(inputs):
        return np.tile(np.array([0.1, 0.2, 0.7], np.float32), (len(inputs), 1))

    found = Classifier(run, network=network)(files[:20])
    assert [x.label for x in found] == ["red"] * 20


def test_a_path_may_be_given_for_a_run(trained, files):
    for path in (trained, str(trained)):
        assert Classifier(path)(files[0])[0].label == "blue"
    with pytest.raises(RunError, match="is not a run directory"):
        Classifier(trained / "plots")


def test_predict_and_evaluate_need_no_tensorflow(trained, toy):
    code = """
import sys
from click.testing import CliRunner
from alexnet_cli.cli.main import main
for words in (["predict", "--model", sys.argv[1], sys.argv[2]],
              ["evaluate", "--model", sys.argv[1], "--data", sys.argv[2], "--tta", "ten-crop"]):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, trained, toy],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
