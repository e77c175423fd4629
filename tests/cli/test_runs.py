"""runs: one table of everything below a folder, whatever is in it."""

import json
import shutil

import pytest
from helpers import alexnet, fails

from alexnet_cli import RecipeError, RunError, evaluate, runs
from alexnet_cli.api.runs import SORT_KEYS


def change(run, **fields):
    file = run / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


@pytest.fixture
def folder(trained, tmp_path):
    """Four runs: good, better, one that did not end, and a damaged one."""
    for name in ("good", "deep/better", "unfinished", "damaged"):
        shutil.copytree(trained, tmp_path / "all" / name)
    metrics = json.loads((trained / "run.json").read_text())["metrics"]
    change(tmp_path / "all/good", metrics={**metrics, "val_accuracy": 0.5})
    change(tmp_path / "all/deep/better", metrics={**metrics, "val_accuracy": 0.75})
    change(tmp_path / "all/unfinished", metrics={}, status="interrupted")
    (tmp_path / "all/damaged/run.json").write_text("{}")
    return tmp_path / "all"


def test_the_best_is_first_and_the_damaged_a_note(folder):
    result = alexnet("runs", folder, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    names = [x.split()[0] for x in result.stdout.splitlines()]
    assert names == ["run", "deep/better", "good", "unfinished"]
    assert "resumable" in result.stdout.splitlines()[3]
    first, second = result.stderr.splitlines()
    assert first == "1 run(s) cannot be read:" and str(folder / "damaged") in second


def test_json(folder):
    found = json.loads(alexnet("runs", folder, "--json", "--sort", "run").stdout)["runs"]
    names = [x["path"].removeprefix(f"{folder}/") for x in found]
    assert names == ["deep/better", "good", "unfinished", "damaged"]
    assert [x["validation"] for x in found] == [0.75, 0.5, None, None]
    assert found[2]["resumable"] and "damaged" in found[3]["error"]


@pytest.mark.parametrize("key", SORT_KEYS)
def test_every_column_can_be_sorted_by(folder, key):
    found = runs(folder, sort=key)
    assert len(found) == 4 and found[-1].path.name == "damaged"
    assert alexnet("runs", folder, "--sort", key).exit_code == 0


def test_another_column_or_folder_is_an_error(tmp_path, folder):
    fails(2, "--sort", "runs", tmp_path, "--sort", "color")
    fails(3, "No such file", "runs", tmp_path / "none")
    fails(3, "Not a directory", "runs", folder / "good" / "run.json")
    with pytest.raises(RecipeError, match="color"):
        runs(folder, sort="color")
    with pytest.raises(RunError, match="No such file"):
        runs(tmp_path / "none")


def test_a_folder_without_runs_says_so(tmp_path):
    result = alexnet("runs", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no run directories below {tmp_path}\n"
    assert json.loads(alexnet("runs", tmp_path, "--json").stdout) == {"runs": []}


def test_a_run_that_was_evaluated_has_its_accuracy(run_copy, toy, toy_test):
    assert [x.test for x in runs(run_copy)] == [None]
    # Neither validation images nor those that were trained on are a test.
    alexnet("evaluate", "--model", run_copy)
    alexnet("evaluate", "--model", run_copy, "--data", toy)
    alexnet(
        "evaluate",
        "--model",
        run_copy / "model.tflite",
        "--tta",
        "flip",
        "--data",
        toy_test,
    )
    assert [x.test for x in runs(run_copy)] == [None]
    top1 = evaluate(run_copy, toy_test).scores.top1
    (found,) = runs(run_copy)
    assert found.test.top1 == top1 and found.test.images == 12
    assert found.test.location == str(toy_test.resolve())


def test_a_run_that_cannot_be_written_to_is_evaluated_all_the_same(
    run_copy, toy_test, monkeypatch
):
    from alexnet_cli.run import evaluations

    def refuse(file, text):
        raise OSError(30, "Read-only file system", str(file))

    monkeypatch.setattr(evaluations, "write_text", refuse)
    result = alexnet("evaluate", "--model", run_copy, "--data", toy_test)
    assert result.exit_code == 0 and "top-1 accuracy" in result.stdout
    assert "Read-only file system" in result.stderr
