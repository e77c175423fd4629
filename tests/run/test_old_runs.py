"""Run directories as commit cad7c8d wrote them open, evaluate, predict and start others.

The texts in tests/fixtures are those of a real run of that commit, on the images that
`helpers.draw_toy` draws and one file that is not an image; only the path of its data is
another. Its weights are those of the `trained` fixture, which is the same network.
"""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import TINY, alexnet, fails, history

from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.recipe import FIELDS, Recipe
from alexnet_cli.run.provenance import Provenance
from alexnet_cli.run.run import FINISHED, Run

OLD = Path(__file__).parents[1] / "fixtures" / "run_of_cad7c8d"
NEW = {"reason": "", "weights_file": "model.weights.h5"}
"""Keys that run.json did not have, with what they are for a run of then."""
NEW_FIELDS = {
    "checkpoint_minutes": 5.0,
    "deterministic": False,
    "on_nan": "stop",
    "lrn_n": None,
    "lrn_k": None,
    "lrn_alpha": None,
    "lrn_beta": None,
    "first_layer": "table",
    "mix_after": 0,
    "fill_value": 0.0,
    "channel_shift": 0.0,
    "drop_small_classes": 0,
    "white_level": "auto",
    "batch_norm": "synchronized",
    "samplewise_center": False,
    "samplewise_std_normalization": False,
    "xla": False,
}
"""The same of its recipe."""
NEW_PREPROCESS = {
    "white_level": None,
    "samplewise_center": False,
    "samplewise_std_normalization": False,
}
"""The same of its preprocessing."""


@pytest.fixture
def old(trained, tmp_path):
    path = shutil.copytree(OLD, tmp_path / "old")
    shutil.copy(trained / "model.weights.h5", path)
    return path


def keys(data):
    """The nested keys of JSON objects; of a list those of its items."""
    if isinstance(data, dict):
        return {k: keys(v) for k, v in data.items()}
    return [keys(x) for x in data] if isinstance(data, list) else None


def test_it_opens_with_all_it_says(old):
    run = Run.open(old)
    assert run.classes == ("blue", "green", "red")
    assert run.architecture.layers == ARCHITECTURES["tiny"].layers
    assert (run.architecture.name, run.architecture.input_size) == ("tiny", 32)
    assert run.preprocess == Preprocess("crop", 36, 32, (0.0,) * 3, (255.0,) * 3)
    assert (run.status, run.data, run.created[:4]) == (FINISHED, "/data/photos", "2026")
    assert (run.temperature, run.threshold) == (1.0, 0.0)
    assert run.metrics["epoch"] == 6 and run.versions["keras"] == "3.15.1"
    assert len(run.history()) == 6 and len(run.split()) == 36
    assert [round(x, 2) for x, _ in run.confidences()] == [1.0] * 6
    assert all(x for _, x in run.confidences())


def test_its_recipe_is_read_by_section(old):
    recipe = Run.open(old).recipe
    assert recipe.network.arch == "tiny"
    assert recipe.pretrained.weights is None
    assert recipe.images.size == 36
    assert recipe.split.val_fraction == 0.2
    assert recipe.augmentation.crop_area == 0.0 and recipe.augmentation.hflip is False
    assert recipe.optimization.optimizer == "adam"
    assert recipe.lr_schedule.learning_rate == 0.003
    assert recipe.lr_schedule.schedule == "constant"
    assert recipe.stopping.epochs == 6 and recipe.stopping.watch == "val_accuracy"
    assert recipe.inference.tta == "none"
    assert recipe.machine.precision == "float32"
    data = json.loads((OLD / "run.json").read_text())
    assert recipe.flat() == {**data["recipe"], **NEW_FIELDS}
    assert Recipe(**data["recipe"]) == recipe
    assert {*data["recipe"], *NEW_FIELDS} == {*FIELDS}


def test_todays_run_json_has_the_same_keys_and_the_new_ones(trained):
    before = json.loads((OLD / "run.json").read_text())
    now = json.loads((trained / "run.json").read_text())
    assert {x: now.pop(x) for x in NEW} == NEW
    assert {x: now["recipe"].pop(x) for x in NEW_FIELDS} == NEW_FIELDS
    assert {x: now["preprocess"].pop(x) for x in NEW_PREPROCESS} == NEW_PREPROCESS
    assert now.pop("provenance").keys() == dataclasses.asdict(Provenance()).keys()
    assert now["versions"].pop("alexnet") and now["versions"].pop("commit", "none")
    for part in ("preprocess", "recipe", "architecture"):
        assert keys(now[part]) == keys(before[part]), part
    assert keys(now) == keys(before)
    assert list(now) == list(before)
    for part in ("format", "preprocess", "classes", "recipe", "status", "temperature"):
        assert now[part] == before[part]


def test_written_again_it_says_the_same(old):
    Run.open(old).write()
    before, now = (json.loads((x / "run.json").read_text()) for x in (OLD, old))
    before["recipe"] |= NEW_FIELDS
    before["preprocess"] |= NEW_PREPROCESS
    assert now.pop("provenance") == dataclasses.asdict(Provenance())
    assert now == {**before, **NEW}


def test_it_has_no_checkpoint_to_go_on_from(old):
    fails(
        3, f"{old} has no checkpoint that can be used; `alexnet train --weights {old}`",
        "train", "--resume", old, "--epochs", "9",
    )  # fmt: skip
    assert not (old / ".lock").exists() and Run.open(old).status == FINISHED


def test_todays_records_have_the_same_columns_and_rows(trained):
    for name in ("split.csv", "history.csv", "bad_images.csv", "validation.csv"):
        before, now = (
            (folder / name).read_text().splitlines() for folder in (OLD, trained)
        )
        assert now[0] == before[0], name
    # The same images in the same parts.
    assert (trained / "split.csv").read_bytes() == (OLD / "split.csv").read_bytes()


def test_equal_seeds_give_equal_histories(trained):
    if not Run.read(OLD).versions.items() <= Run.open(trained).versions.items():
        pytest.skip("other versions than those that the old run was trained with")
    for before, now in zip(history(OLD), history(trained), strict=True):
        before["images_per_second"] = now["images_per_second"] = 0
        # Processors with other instructions round otherwise.
        assert now == pytest.approx(before, rel=1e-2, abs=1e-3)


def test_it_evaluates(old, toy, toy_test):
    result = alexnet("evaluate", "--model", old, "--data", toy_test, "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["images"] == 12 and data["trained_on"] == 0 and data["top1"] > 0.5
    result = alexnet("evaluate", "--model", old, "--data", toy)
    assert "warning: the network was trained on 30 of these images" in result.stderr
    result = alexnet("evaluate", "--model", old)
    assert result.exit_code == 3
    assert "/data/photos/blue/07.png, in the run's split, no longer exists" in result.stderr


def test_it_predicts_as_the_run_of_its_weights(old, trained, toy):
    result = alexnet("predict", "--model", old, "--json", "--reject", "0.9", toy)
    assert result.exit_code == 0, result.output
    rows = [json.loads(x) for x in result.stdout.splitlines()]
    assert len(rows) == 36 and {len(x["classes"]) for x in rows} == {3}
    files = sorted(toy.glob("*/*"))
    ours, theirs = (
        np.stack([x.probabilities for x in Classifier(x)(files)]) for x in (old, trained)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_it_starts_another_training(old, toy, tmp_path):
    result = alexnet(
        "train", "--data", toy, "--out", tmp_path / "new", *TINY, "--weights", old, "--epochs", "1",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = Run.open(tmp_path / "new")
    assert run.recipe.pretrained.weights == str(old)
    assert history(tmp_path / "new")[0]["val_accuracy"] == 1
