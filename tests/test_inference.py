"""One picture gives one answer: alone, in a set, in any batch, and as the Run says."""

import numpy as np
import pytest

from alexnet_cli.augment import standardised
from alexnet_cli.cache import load_all
from alexnet_cli.errors import RunError
from alexnet_cli.inference import Answer, Classifier, answers
from alexnet_cli.run import Run


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
    one, three, seven = (table(answers(classifier, files, size)) for size in (1, 3, 7))
    np.testing.assert_allclose(one, three, atol=1e-6)
    np.testing.assert_allclose(one, seven, atol=1e-6)
    np.testing.assert_allclose(one.sum(axis=1), 1, atol=1e-6)
    alone = table(answers(classifier, files[5:6]))
    np.testing.assert_allclose(alone[0], seven[5], atol=1e-6)


def test_bad_files_keep_their_place(run, files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"x")
    mixed = [files[0], bad, files[1], tmp_path / "none.jpg", files[2]]
    found = list(answers(Classifier(run), mixed, 2))
    assert [x.file for x in found] == mixed
    assert [bool(x.error) for x in found] == [False, True, False, True, False]
    good = table(answers(Classifier(run), files[:3]))
    np.testing.assert_allclose(table([found[0], found[2], found[4]]), good, atol=1e-6)
    assert found[1].top(3) == []


def test_top_is_sorted_and_ties_come_in_class_order(files):
    found = Answer(files[0], probabilities=np.array([0.2, 0.4, 0.4, 0.0], np.float32))
    assert [i for i, _ in found.top(3)] == [1, 2, 0]


def views_by_hand(run, pixels, corners):
    preprocess = run.preprocess
    rows = []
    for corner in corners:
        view = np.asarray(standardised(pixels, preprocess, None, corner))
        rows += [view, view[:, :, ::-1]]
    return rows


def test_ten_crops_are_the_corners_the_centre_and_their_mirrors(run, files):
    pixels = np.stack([x.pixels for x in load_all(files[:3], run.preprocess)])
    margin = run.preprocess.size - run.preprocess.crop
    assert margin == 4
    corners = [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]
    ten = Classifier(run, "ten-crop")
    each = [ten._probabilities(x) for x in views_by_hand(run, pixels, corners)]
    assert len(each) == 10
    np.testing.assert_allclose(ten(pixels), np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(
        Classifier(run, "flip")(pixels), np.mean(each[:2], 0), atol=1e-6
    )
    np.testing.assert_allclose(Classifier(run)(pixels), each[0], atol=1e-6)


def test_ten_crops_need_a_margin(run):
    from dataclasses import replace

    tight = replace(run, preprocess=replace(run.preprocess, size=32))
    with pytest.raises(RunError, match="ten-crop needs pictures larger"):
        Classifier(tight, "ten-crop")


def test_weights_that_do_not_fit(run, run_copy):
    from dataclasses import replace

    with pytest.raises(RunError, match="does not fit tiny with 7 classes"):
        Classifier(replace(run, classes=tuple("abcdefg")))
    (run_copy / "model.weights.h5").write_bytes(b"not HDF5 at all")
    with pytest.raises(RunError, match="does not fit") as caught:
        Classifier(Run.open(run_copy))
    assert "\n" not in str(caught.value)
