"""A run that is about to be trained says what its recipe says, and fits on its disk."""

import shutil
from importlib import metadata

import pytest

from alexnet_cli.errors import RecipeError, RunError
from alexnet_cli.model.architecture import trace
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.directory import new_run, require_space
from alexnet_cli.run.run import TRAINING


def test_a_disk_too_small_is_reported_before_training(tmp_path, monkeypatch):
    run = new_run(tmp_path / "deep" / "saved", Recipe(arch="alexnet"), ("a", "b"), tmp_path)
    require_space(run)
    usage = shutil.disk_usage(tmp_path)
    measured = []

    def small_disk(path):
        measured.append(path)
        return usage._replace(free=10**8)

    monkeypatch.setattr(shutil, "disk_usage", small_disk)
    with pytest.raises(RunError) as caught:
        require_space(run)
    weights = sum(x.parameters for x in trace(run.architecture, 2))
    assert str(caught.value) == (
        f"{run.path} needs {4 * 10 * weights / 1e6 + 20:.0f} MB of disk space; 100 MB are "
        f"free: make room, or choose another --out"
    )
    assert measured == [tmp_path]
    with pytest.raises(RunError, match=f"needs {16 * weights / 1e6 + 20:.0f} MB"):
        require_space(run, training=False)
    require_space(new_run(tmp_path / "saved", Recipe(arch="tiny"), ("a", "b")))


@pytest.mark.parametrize("fields, numbers", [
    ({"optimizer": "sgd"}, 4 + 3 * 2), ({"optimizer": "adamw"}, 4 + 3 * 3), ({"optimizer": "muon"}, 4 + 3 * 3),
    ({"optimizer": "adam", "ema": 0.9}, 4 + 3 * 5),
])  # fmt: skip
def test_the_space_counts_what_checkpoints_hold(tmp_path, monkeypatch, fields, numbers):
    run = new_run(tmp_path / "saved", Recipe(arch="alexnet", **fields), ("a", "b"))
    weights = sum(x.parameters for x in trace(run.architecture, 2))
    usage = shutil.disk_usage(tmp_path)
    for free in (0, 1):
        needed = 4 * numbers * weights + 20_000_000
        monkeypatch.setattr(
            shutil, "disk_usage", lambda path, n=needed + free - 1: usage._replace(free=n)
        )
        if free:
            require_space(run)
        else:
            with pytest.raises(RunError, match="MB of disk space"):
                require_space(run)


def test_a_new_run_is_what_the_recipe_says(tmp_path):
    run = new_run(tmp_path / "r", Recipe(arch="tiny", size=40), ("a", "b"), tmp_path / ".")
    assert (run.status, run.data, run.classes) == (TRAINING, str(tmp_path), ("a", "b"))
    assert (run.preprocess.stored_size, run.preprocess.input_size) == (40, 32)
    assert run.architecture == run.recipe.network.architecture()
    assert run.versions["keras"] == metadata.version("keras")
    assert run.created.endswith("+00:00")
    assert not run.path.exists()
    assert new_run(tmp_path, Recipe(arch="tiny"), ("a", "b")).data == ""
    with pytest.raises(RecipeError, match="--size 20 is smaller than the 32 pixels"):
        new_run(tmp_path, Recipe(arch="tiny", size=20), ("a", "b"))
