"""A new run replaces an old one only when it is whole, and nothing else ever."""

import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from alexnet_cli.errors import RecipeError, RunError
from alexnet_cli.model.architecture import trace
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.directory import new_run, require_space, staged
from alexnet_cli.run.run import TRAINING


def names(folder):
    return sorted(os.listdir(folder))


def test_staged_keeps_the_old_until_the_new_is_whole(tmp_path):
    out = tmp_path / "saved"
    with staged(out, overwrite=False) as folder:
        assert folder == out
        (folder / "run.json").write_text("old")
        (folder / "only-old").write_text("x")
    with pytest.raises(RunError) as caught, staged(out, overwrite=False):
        pass
    assert str(caught.value) == (
        f"{out} already exists; --overwrite replaces it, or choose another --out"
    )
    with pytest.raises(ZeroDivisionError), staged(out, overwrite=True) as folder:
        (folder / "run.json").write_text("new")
        assert (out / "run.json").read_text() == "old"
        raise ZeroDivisionError
    assert names(tmp_path) == ["saved"]
    assert (out / "run.json").read_text() == "old"
    with staged(out, overwrite=True) as folder:
        (folder / "run.json").write_text("new")
    assert (out / "run.json").read_text() == "new"
    assert names(out) == ["run.json"] and names(tmp_path) == ["saved"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_staged_leaves_nothing_of_a_failure(tmp_path, error):
    out = tmp_path / "a" / "saved"
    with pytest.raises(error), staged(out, overwrite=False) as folder:
        (folder / "half").write_text("x")
        raise error
    assert not out.exists()


@pytest.mark.parametrize("overwrite", [True, False])
def test_staged_never_touches_what_is_not_a_run(tmp_path, overwrite):
    (tmp_path / "holiday.jpg").write_text("x")
    for out in (tmp_path, tmp_path / "holiday.jpg"):
        with pytest.raises(RunError) as caught, staged(out, overwrite):
            pass
        assert str(caught.value) == (
            f"{out} already exists and is not a run directory; choose another --out"
        )
    assert (tmp_path / "holiday.jpg").read_text() == "x"


def test_an_empty_folder_becomes_the_run(tmp_path):
    (tmp_path / "saved").mkdir()
    with staged(tmp_path / "saved", overwrite=False) as folder:
        (folder / "run.json").write_text("new")
    assert names(tmp_path / "saved") == ["run.json"]


def test_what_killed_trainings_left_is_cleared_away(tmp_path):
    for name in ("saved", ".saved.new", ".saved.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(name)
    with staged(tmp_path / "saved", overwrite=True) as folder:
        assert names(folder) == []
        (folder / "run.json").write_text("new")
    assert names(tmp_path) == ["saved"]
    assert (tmp_path / "saved" / "run.json").read_text() == "new"


def test_a_link_still_leads_to_the_run_that_replaced_another(tmp_path):
    (tmp_path / "disk" / "run1").mkdir(parents=True)
    (tmp_path / "disk" / "run1" / "run.json").write_text("old")
    (tmp_path / "saved").symlink_to(tmp_path / "disk" / "run1")
    with staged(tmp_path / "saved", overwrite=True) as folder:
        (folder / "run.json").write_text("new")
    assert (tmp_path / "saved").is_symlink()
    assert (tmp_path / "saved" / "run.json").read_text() == "new"
    assert names(tmp_path / "disk") == ["run1"] and names(tmp_path) == ["disk", "saved"]


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "saved" / "plots").mkdir(parents=True)
    (tmp_path / "saved" / "run.json").write_text("old")
    for current, out in (("saved", "."), ("saved/plots", "..")):
        monkeypatch.chdir(tmp_path / current)
        with pytest.raises(RunError) as caught, staged(Path(out), overwrite=True):
            pass
        assert str(caught.value) == (
            f"{out} is the current folder or holds it and cannot be replaced; "
            f"change to another folder"
        )
    assert names(tmp_path / "saved") == ["plots", "run.json"]


def test_a_relative_path_stays_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with staged(Path("saved"), overwrite=False) as folder:
        assert folder == Path("saved")
        (folder / "run.json").write_text("x")
    assert names(tmp_path) == ["saved"]


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
        f"{run.path} needs {16 * weights / 1e6 + 20:.0f} MB of disk space; 100 MB are "
        f"free: make room, or choose another --out"
    )
    assert measured == [tmp_path]
    require_space(new_run(tmp_path / "saved", Recipe(arch="tiny"), ("a", "b")))


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
