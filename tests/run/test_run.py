"""A Run survives a round trip; a damaged one is named; an old one outlives a failed new one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RunError
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.directory import new_run, require_space, staged
from alexnet_cli.run.run import Run

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


@given(
    RECIPES,
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4),
)
def test_round_trip(tmp_path_factory, recipe, classes):
    path = tmp_path_factory.mktemp("r")
    run = new_run(path, recipe, tuple(classes), path)
    run.write()
    assert Run.read(path) == run


def test_opening_an_unfinished_run_is_refused(tmp_path):
    new_run(tmp_path, Recipe(arch="tiny"), ("a", "b"), tmp_path).write()
    with pytest.raises(RunError, match="has not finished"):
        Run.open(tmp_path)


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
        (lambda x: x.pop("format"), "damaged: no 'format'"),
        (lambda x: x.pop("classes"), "damaged: no 'classes'"),
        (lambda x: x.update(classes=[]), "classes are no list"),
        (lambda x: x["recipe"].update(lerning_rate=1), "damaged: .*lerning_rate"),
        (lambda x: x["preprocess"].pop("std"), "damaged: no 'std'"),
        (lambda x: x["preprocess"].update(mean=[1]), "damaged"),
        (lambda x: x["architecture"]["layers"][0].update(kind="Konv"), "no 'Konv'"),
        (lambda x: x.update(surprise=1), "damaged"),
    ],
)
def test_a_damaged_run_json_is_named(run_copy, change, message):
    with pytest.raises(RunError, match=message) as caught:
        Run.open(edited(run_copy, change))
    assert "run.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_no_json_at_all(run_copy, text):
    (run_copy / "run.json").write_text(text)
    with pytest.raises(RunError, match="is damaged"):
        Run.open(run_copy)


def test_missing_files_are_named(run_copy, tmp_path):
    with pytest.raises(RunError, match="no Run"):
        Run.open(tmp_path / "nowhere")
    (run_copy / "model.weights.h5").unlink()
    with pytest.raises(RunError, match=r"model\.weights\.h5 is missing"):
        Run.open(run_copy)
    (run_copy / "split.csv").write_text("file,class\nx,y\n")
    with pytest.raises(RunError, match=r"split\.csv is damaged"):
        Run.read(run_copy).split()


def test_staged_keeps_the_old_until_the_new_is_whole(tmp_path):
    out = tmp_path / "saved"
    with staged(out, overwrite=False) as place:
        assert place == out
        (place / "run.json").write_text("old")
    with (
        pytest.raises(RunError, match="--overwrite replaces it"),
        staged(out, overwrite=False),
    ):
        pass
    with pytest.raises(ZeroDivisionError), staged(out, overwrite=True) as place:
        (place / "run.json").write_text("new")
        assert (out / "run.json").read_text() == "old"
        raise ZeroDivisionError
    assert [x.name for x in tmp_path.iterdir()] == ["saved"]
    assert (out / "run.json").read_text() == "old"
    with staged(out, overwrite=True) as place:
        (place / "run.json").write_text("new")
    assert (out / "run.json").read_text() == "new"
    assert [x.name for x in tmp_path.iterdir()] == ["saved"]


def test_staged_leaves_nothing_of_a_failure(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        staged(tmp_path / "a" / "saved", overwrite=False) as x,
    ):
        (x / "half").write_text("x")
        raise ZeroDivisionError
    assert not (tmp_path / "a" / "saved").exists()


@pytest.mark.parametrize("overwrite", [True, False])
def test_staged_never_touches_what_is_no_run(tmp_path, overwrite):
    (tmp_path / "holiday.jpg").write_text("x")
    with pytest.raises(RunError, match="no Run and not empty"), staged(tmp_path, overwrite):
        pass
    with (
        pytest.raises(RunError, match="no Run"),
        staged(tmp_path / "holiday.jpg", overwrite),
    ):
        pass
    assert (tmp_path / "holiday.jpg").read_text() == "x"


def test_a_disk_too_small_is_told_before_training(tmp_path, monkeypatch):
    import shutil

    run = new_run(tmp_path / "deep" / "saved", Recipe(arch="alexnet"), ("a", "b"), tmp_path)
    require_space(run)
    usage = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match="needs .* MB; 100 MB are free"):
        require_space(run)
