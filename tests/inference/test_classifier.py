"""One image gives one answer: alone, in a set, in any batch, and as the Run says."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli.dataset.decoding import decode_files
from alexnet_cli.dataset.standardize import standardize
from alexnet_cli.errors import RunError
from alexnet_cli.inference.classifier import Classifier, Prediction, predict_files
from alexnet_cli.inference.network import keras_network
from alexnet_cli.run.run import Run


@pytest.fixture(scope="module")
def run(trained):
    return Run.open(trained)


@pytest.fixture(scope="module")
def files(toy):
    return sorted(toy.glob("*/*"))


def table(found):
    return np.stack([x.probabilities for x in found])


def test_batch_sizes_agree(run, files):
    classifier = Classifier(run)
    one, three, seven = (
        table(predict_files(classifier, files, size)) for size in (1, 3, 7)
    )
    np.testing.assert_allclose(one, three, atol=1e-6)
    np.testing.assert_allclose(one, seven, atol=1e-6)
    np.testing.assert_allclose(one.sum(axis=1), 1, atol=1e-6)
    alone = table(predict_files(classifier, files[5:6]))
    np.testing.assert_allclose(alone[0], seven[5], atol=1e-6)


def test_bad_files_keep_their_place(run, files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"x")
    mixed = [files[0], bad, files[1], tmp_path / "none.jpg", files[2]]
    found = list(predict_files(Classifier(run), mixed, 2))
    assert [x.file for x in found] == mixed
    assert [bool(x.error) for x in found] == [False, True, False, True, False]
    good = table(predict_files(Classifier(run), files[:3]))
    np.testing.assert_allclose(table([found[0], found[2], found[4]]), good, atol=1e-6)
    assert found[1].top(3) == []


def test_top_is_sorted_and_ties_come_in_class_order(files):
    found = Prediction(files[0], probabilities=np.array([0.2, 0.4, 0.4, 0.0], np.float32))
    assert [i for i, _ in found.top(3)] == [1, 2, 0]


def views_by_hand(run, pixels, corners):
    preprocess = run.preprocess
    rows = []
    for corner in corners:
        view = standardize(pixels.astype(np.float32), preprocess, None, corner)
        rows += [view, view[:, :, ::-1]]
    return rows


def test_ten_crops_are_the_corners_the_center_and_their_mirrors(run, files):
    pixels = np.stack([x.pixels for x in decode_files(files[:3], run.preprocess)])
    margin = run.preprocess.stored_size - run.preprocess.input_size
    assert margin == 4
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    ten = Classifier(run, "ten-crop")
    each = [ten.network(x) for x in views_by_hand(run, pixels, corners)]
    assert len(each) == 10
    np.testing.assert_allclose(ten(pixels), np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        Classifier(run, "flip")(pixels), np.mean(each[:2], 0), atol=1e-6
    )
    np.testing.assert_allclose(Classifier(run)(pixels), each[0], atol=1e-6)


def test_ten_crops_need_a_margin(run):
    tight = replace(run, preprocess=replace(run.preprocess, stored_size=32))
    with pytest.raises(RunError, match="ten-crop needs images larger"):
        Classifier(tight, "ten-crop")


def test_weights_that_do_not_fit(run, run_copy):
    other = replace(Run.open(run_copy), classes=tuple("abcdefg"))
    with pytest.raises(RunError, match="model.tflite knows 3 classes, the Run 7"):
        Classifier(other)
    other.litert.unlink()
    with pytest.raises(RunError, match="does not fit tiny with 7 classes"):
        Classifier(other)
    (run_copy / "model.weights.h5").write_bytes(b"not HDF5 at all")
    with pytest.raises(RunError, match="does not fit") as caught:
        Classifier(Run.open(run_copy))
    assert "\n" not in str(caught.value)


def test_the_lite_copy_answers_as_tensorflow(run, files):
    lite = table(predict_files(Classifier(run), files))
    full = table(predict_files(Classifier(run, network=keras_network(run)), files))
    assert run.litert.is_file()
    np.testing.assert_allclose(lite, full, atol=1e-5)


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


def test_a_damaged_lite_copy_is_one_line(run_copy, files):
    (run_copy / "model.tflite").write_bytes(b"TFL3 but not really" * 10)
    result = alexnet("predict", "--model", run_copy, files[0])
    assert result.exit_code == 3
    assert "model.tflite is damaged" in result.stderr and result.stderr.count("\n") == 1


def test_a_lite_copy_that_disagrees_is_removed_and_that_is_said(toy, tmp_path, monkeypatch):
    from helpers import TINY

    from alexnet_cli.export import verify

    def wrong(run):
        def network(inputs):
            row = np.full(len(run.classes), 0.2, np.float32)
            row[0] = 1 - row[1:].sum()
            return np.tile(row, (len(inputs), 1))

        return network

    monkeypatch.setattr(verify, "fastest_network", wrong)
    out = tmp_path / "saved"
    result = alexnet("train", "--data", toy, "--out", out, *TINY, "--epochs", "3")
    assert result.exit_code == 0
    assert "no model.tflite: its answers differed" in result.stderr
    assert not (out / "model.tflite").exists()
    assert alexnet("predict", "--model", out, toy / "red" / "00.jpg").exit_code == 0


def test_odd_batches_do_not_multiply_the_weights(run, files):
    classifier = Classifier(run)
    for size in (16, 5, 7, 3):
        list(predict_files(classifier, files, size))
    assert set(classifier.network.interpreters) == {1, 16}
