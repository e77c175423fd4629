"""evaluate() gives the numbers of `alexnet evaluate`, from a run or its directory."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli import DatasetError, Evaluation, RecipeError, Run, RunError, evaluate


def test_the_numbers_are_the_commands(trained, toy_test):
    result = evaluate(trained, toy_test)
    told = alexnet("evaluate", "--model", trained, "--data", toy_test, "--json")
    printed = json.loads(told.stdout)
    scores = result.scores
    assert isinstance(result, Evaluation) and result.run == Run.open(trained)
    assert (scores.images, scores.top1) == (printed["images"], printed["top1"])
    assert scores.loss == pytest.approx(printed["loss"])
    assert scores.confusion.sum() == 12 == len(result.predictions)
    right = [x.label == x.file.parent.name for x in result.predictions]
    assert scores.top1 == np.mean(right)
    assert result.comparison is None and not result.unreadable and result.trained_on == 0


@pytest.mark.parametrize("kind", [str, Path, Run.open])
def test_a_run_is_named_or_opened(trained, toy_test, kind):
    assert (
        evaluate(kind(trained), str(toy_test)).scores.top1
        == evaluate(trained, toy_test).scores.top1
    )


def test_without_data_its_own_held_out_images(trained):
    result = evaluate(trained)
    held_out = {x["file"] for x in Run.open(trained).split() if x["split"] == "val"}
    assert {x.file.name for x in result.predictions} == {Path(x).name for x in held_out}
    assert result.images.notes == ("these images chose the best epoch",)


@pytest.mark.parametrize("kind", [str, Path, Run.open])
def test_a_run_equals_itself(trained, toy, kind):
    comparison = evaluate(trained, toy, compare=kind(trained)).comparison
    assert comparison.top1 == evaluate(trained, toy).scores.top1
    assert comparison.trained_on == 30 and comparison.test.p == 1


def test_unknown_classes(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "crimson")
    with pytest.raises(DatasetError, match="crimson; it knows blue, green, red"):
        evaluate(trained, data)
    assert evaluate(trained, data, ignore_unknown=True).scores.images == 8


def test_an_image_that_cannot_be_read_is_a_prediction_with_an_error(
    trained, toy_test, tmp_path
):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    result = evaluate(trained, data)
    (bad,) = result.unreadable
    assert (
        bad.file == data / "red" / "bad.jpg"
        and bad.error == "is not an image in a known format"
    )
    assert result.scores.images == 12 and len(result.predictions) == 13


@pytest.mark.parametrize("run, data, error, text", [
    ("none", None, RunError, "none is not a run directory (it has no run.json)"),
    ("saved", "none", DatasetError, "none does not exist"),
])  # fmt: skip
def test_what_does_not_exist(run_copy, monkeypatch, run, data, error, text):
    monkeypatch.chdir(run_copy.parent)
    with pytest.raises(error) as caught:
        evaluate(run, data)
    assert text in str(caught.value)


def test_an_unknown_kind_of_views(trained, toy_test):
    with pytest.raises(
        RecipeError, match="^--tta: 'flips' is not one of none, flip, two-scale, ten-crop$"
    ):
        evaluate(trained, toy_test, tta="flips")


@pytest.mark.parametrize("tta", [None, "flip", "two-scale"])
def test_an_evaluation_knows_its_views(trained, toy_test, tta):
    own = Run.open(trained).recipe.inference.tta
    assert evaluate(trained, toy_test, tta=tta).tta == (tta or own)
