"""A run survives a round trip, and one that cannot be used is refused in one line."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RunError, RunReplaced
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.directory import new_run
from alexnet_cli.run.run import FAILED, INTERRUPTED, TRAINING, Run

RECIPES = st.builds(
    Recipe,
    arch=st.sampled_from(("alexnet", "alexnet-bn", "tiny")),
    norm=st.sampled_from(("table", "batch", "none")),
    size=st.sampled_from((None, 256)),
    mean=st.sampled_from((None, "pixel", "1,2,3.5")),
    epochs=st.integers(1, 99),
    learning_rate=st.floats(1e-6, 1),
    hflip=st.booleans(),
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
)


@given(
    RECIPES,
    st.lists(NAMES, min_size=1, max_size=4, unique=True),
    st.floats(0.2, 5),
)
def test_round_trip(tmp_path_factory, recipe, classes, temperature):
    path = tmp_path_factory.mktemp("r")
    run = new_run(path, recipe, tuple(classes), path)
    run = replace(run, temperature=temperature, threshold=0.25, metrics={"epoch": 2})
    run.write()
    assert Run.read(path) == run


def test_class_names_keep_bytes_that_are_not_utf8(tmp_path):
    run = new_run(tmp_path, Recipe(arch="tiny"), ("a", os.fsdecode(b"b\xff")), tmp_path)
    run.write()
    assert Run.read(tmp_path).classes == run.classes


@pytest.mark.parametrize("status", [TRAINING, INTERRUPTED, FAILED])
def test_an_unfinished_run_opens_once_it_has_weights(run_copy, status):
    run = Run.open(str(run_copy))
    assert run.path == run_copy and run.exported
    weights = "checkpoints/epoch-00002.weights.h5"
    replace(run, status=status, reason="why", weights_file=weights).write()
    with pytest.raises(RunError) as caught:
        Run.open(run_copy)
    assert str(caught.value) == (
        f"{run_copy}: no epoch of its training is finished; "
        f"`alexnet train --resume {run_copy}` goes on with it"
    )
    assert Run.read(run_copy).status == status
    (run_copy / "checkpoints").mkdir(exist_ok=True)
    run.weights.rename(run_copy / weights)
    found = Run.open(run_copy)
    assert (found.status, found.reason, found.exported) == (status, "why", False)
    assert found.weights == run_copy / weights


def test_a_run_that_was_replaced_is_noticed(run_copy):
    run = Run.open(run_copy)
    run.require_unchanged()
    assert run.is_unchanged()
    run.write()  # The same text, but another file.
    assert not run.is_unchanged()
    with pytest.raises(RunReplaced) as caught:
        run.require_unchanged()
    assert str(caught.value) == f"{run_copy} was replaced while being read; read it again"
    Run.open(run_copy).require_unchanged()
    (run_copy / "run.json").unlink()
    assert not run.is_unchanged()
    new = new_run(run_copy, Recipe(arch="tiny"), ("a", "b"))
    assert new.is_unchanged(), "it was not read"


def edited(path, change):
    file = path / "run.json"
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda x: x.update(format=2), "has format 2; this version reads up to 1: upgrade"),
        (lambda x: x.update(format="1"), "damaged: no format"),
        (lambda x: x.pop("format"), "damaged: no format"),
        (lambda x: x.pop("classes"), "damaged: .*missing required field `classes`"),
        (lambda x: x.update(classes=[]), "damaged: .*length >= 1 - at `classes`"),
        (lambda x: x.update(classes=["a", 1]), r"got `int` - at `classes\[1\]`"),
        (lambda x: x.update(classes=["a", "a"]), "two classes have the same name"),
        (lambda x: x["recipe"].update(learning_rate="a"), "at `recipe.learning_rate`"),
        (lambda x: x["preprocess"].pop("std"), "damaged: .*missing required field `std`"),
        (lambda x: x["preprocess"].pop("crop"), "damaged: .*missing .*`crop`"),
        (lambda x: x["preprocess"].update(std=None), "got `null` - at `preprocess.std`"),
        (lambda x: x["preprocess"].update(std=[1, 0, 1]), r"at `preprocess.std\[1\]`"),
        (lambda x: x["preprocess"].update(mean=[1]), "damaged: .*`preprocess.mean`"),
        (lambda x: x["preprocess"].update(mean=[1, 2, "x"]), "damaged: .*preprocess.mean"),
        (lambda x: x["preprocess"].update(stored_size=9), "damaged: .*stored_size"),
        (lambda x: x["preprocess"].update(crop=31), "cropped to 31, for an input of 32"),
        (lambda x: x["architecture"]["layers"][0].update(kind="Konv"), "'Konv'"),
        (lambda x: x["architecture"].update(layers=[3]), r"got `int` - at .*layers\[0\]"),
        (lambda x: x.update(temperature="hot"), "got `str` - at `temperature`"),
    ],
)
def test_a_damaged_run_json_is_named(run_copy, change, message):
    with pytest.raises(RunError, match=message) as caught:
        Run.open(edited(run_copy, change))
    assert "run.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "3", b"\xff\xfe{}"])
def test_no_json_at_all(run_copy, text):
    (run_copy / "run.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match="run.json is damaged: ") as caught:
        Run.open(run_copy)
    assert "\n" not in str(caught.value)


def test_what_is_not_a_run_directory_is_named(tmp_path):
    with pytest.raises(RunError) as caught:
        Run.open(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"{tmp_path}/nowhere is not a run directory (it has no run.json); "
        f"`alexnet train --out {tmp_path}/nowhere` makes one"
    )
    (tmp_path / "run.json").mkdir()
    with pytest.raises(RunError, match=r"run\.json: Is a directory"):
        Run.open(tmp_path)


def test_files_that_do_not_exist_are_named(run_copy):
    edited(run_copy, lambda x: x["preprocess"].update(mean=None))
    with pytest.raises(RunError, match=r"mean_image\.npy does not exist; train again"):
        Run.open(run_copy)
    (run_copy / "model.weights.h5").unlink()
    with pytest.raises(RunError, match=r"model\.weights\.h5 does not exist; train again"):
        Run.open(run_copy)
    (run_copy / "split.csv").unlink()
    with pytest.raises(RunError, match=r"split\.csv: No such file"):
        Run.read(run_copy).split()


def test_records_are_read_as_they_were_written(run_copy):
    run = Run.open(run_copy)
    name = os.fsdecode(b'com,ma "\xff"\r\n.jpg')
    run.write_records([(name, "red", "val", "0" * 64, "g")], [(name, "is empty")])
    assert run.split() == [
        {"file": name, "class": "red", "split": "val", "sha256": "0" * 64, "group": "g"}
    ]
    assert (run_copy / "bad_images.csv").read_bytes().startswith(b"file,reason\n")
    run.write_records([], [])
    assert run.split() == []


@pytest.mark.parametrize("file", ["split.csv", "history.csv", "validation.csv"])
def test_damaged_records_are_named(run_copy, file):
    run = Run.open(run_copy)
    read = {"split.csv": run.split, "history.csv": run.history}.get(file, run.confidences)
    assert read()
    (run_copy / file).write_text("file,class\nx,y\n")
    with pytest.raises(RunError, match=f"{file} is damaged: a row lacks a column"):
        read()


def test_damaged_numbers_are_named(run_copy):
    run = Run.open(run_copy)
    columns = "epoch,loss,val_loss,accuracy,val_accuracy"
    (run_copy / "history.csv").write_text(f"{columns}\n1,high,1,1,1\n")
    with pytest.raises(RunError, match=r"history\.csv is damaged: could not convert"):
        run.history()
    (run_copy / "validation.csv").write_text("class,predicted,probability\na,a,x\n")
    with pytest.raises(RunError, match=r"validation\.csv is damaged: could not convert"):
        run.confidences()


def test_history_and_confidences_are_numbers(trained, run_copy):
    run = Run.open(trained)
    assert [x["epoch"] for x in run.history()] == [1, 2, 3, 4, 5, 6]
    assert run.history()[int(run.metrics["epoch"]) - 1] == pytest.approx(
        run.metrics, rel=1e-5
    )
    confidences = run.confidences()
    assert len(confidences) == 6 and all(1 / 3 <= x <= 1 for x, _ in confidences)
    right = sum(x for _, x in confidences) / 6
    assert right == pytest.approx(run.metrics["val_accuracy"])
    (run_copy / "history.csv").unlink()
    assert Run.open(run_copy).history() == []


def test_run_json_holds_no_path_of_its_own(trained):
    data = json.loads((trained / "run.json").read_text())
    assert "path" not in data and Path(data["data"]).is_absolute()
