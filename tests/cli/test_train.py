"""train refuses what cannot work before it starts, and never touches what it should not."""

import dataclasses
import os
import shutil
import stat
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers import HARD_NAMES, TINY, alexnet, draw_toy, fails, history, python, tree
from PIL import Image

from alexnet_cli.api import train as api
from alexnet_cli.api.resume import ResumeOptions
from alexnet_cli.cli import train
from alexnet_cli.evaluation.scores import score
from alexnet_cli.run.run import FAILED, INTERRUPTED, Run
from alexnet_cli.trainer.finalize import Trained


@pytest.fixture
def small(tmp_path):
    return draw_toy(tmp_path / "toy", each=4)


@pytest.mark.parametrize("code, text, args", [
    (3, "none does not exist", ["--data", "none"]),
    (3, "file is not a folder, and not of another kind that is read: ", ["--data", "file"]),
    (3, "empty has no class folders with images", ["--data", "empty"]),
    (3, "toy has only one class, 'red'; a classifier needs at least two", ["--classes", "red"]),
    (3, "toy has no class folder 'redd'; did you mean 'red'?", ["--classes", "blue,redd"]),
    (3, "--classes: 'red' is listed twice", ["--classes", "red,blue,red"]),
    (3, "holiday already exists and is not a run directory; choose another --out", ["--out", "holiday"]),
    (3, "none.pth: No such file or directory", ["--weights", "none.pth"]),
    (3, "empty is not a run directory", ["--weights", "empty"]),
    (3, "'imagenet2' is neither a file nor a run directory; did you mean imagenet?", ["--weights", "imagenet2"]),
    (3, "'' is neither a file nor a run directory", ["--weights", ""]),
    (2, "'--out': the path is empty", ["--out", ""]),
    (2, "'--against': the path is empty", ["--against", ""]),
    (2, "--config : no such recipe or file", ["--config", ""]),
    (2, "--config nope.toml: no such recipe or file; choose from best,", ["--config", "nope.toml"]),
    (2, "--random-crop needs", ["--random-crop", "--size", "32"]),
    (2, "--momentum has no effect", ["--optimizer", "adam", "--momentum", "0.5"]),
    (2, "--run-name '../x' must be a plain name", ["--run-name", "../x"]),
    (2, "--allow-overlap has no effect without --against", ["--allow-overlap"]),
])  # fmt: skip
def test_train_refuses_before_anything_is_written(small, monkeypatch, code, text, args):
    monkeypatch.chdir(small.parent)
    Path("file").write_text("x")
    Path("empty").mkdir()
    Path("holiday").mkdir()
    Path("holiday", "a.txt").write_text("x")
    before = tree(Path())
    words = [] if "--config" in args else ["--arch", "tiny"]
    words += [] if "--data" in args else ["--data", "toy"]
    result = fails(code, text, "train", *words, *args)
    assert result.stderr.splitlines()[-1].startswith("alexnet: ")
    assert tree(Path()) == before


@pytest.mark.parametrize("device, text", [
    ("tpu", "alexnet: --device tpu is not auto, cpu, gpu or a list such as gpu:0,1"),
    ("cpu:0,0", "alexnet: --device cpu:0,0: one is listed twice; leave it out"),
])  # fmt: skip
def test_a_device_that_is_none_is_wrong_usage(toy, tmp_path, device, text):
    out = tmp_path / "saved"
    fails(2, text, "train", "--data", toy, "--out", out, *TINY, "--device", device)
    assert not out.exists()


@pytest.mark.parametrize("device", ["gpu:7", "cpu:5"])
def test_a_device_that_does_not_exist(toy, tmp_path, device):
    out = tmp_path / "saved"
    args = ("train", "--data", toy, "--out", out, *TINY, "--device", device)
    result = fails(3, f"alexnet: --device {device}", *args)
    assert "; available: cpu:0" in result.stderr
    assert not out.exists()


def test_a_run_is_not_overwritten_by_mistake(toy, run_copy):
    before = tree(run_copy)
    args = ("train", "--data", toy, "--out", run_copy, *TINY, "--epochs", "1")
    fails(3, f"{run_copy} already exists; --overwrite replaces it", *args)
    assert tree(run_copy) == before
    diverging = ("--std", "1e-30", "--precision", "float32")
    fails(3, "NaN or infinite", *args, "--overwrite", *diverging)
    assert tree(run_copy) == before
    result = alexnet(*args, "--overwrite")
    assert result.exit_code == 0
    (row,) = history(run_copy)
    accuracy = f"validation accuracy {row['val_accuracy']:.4f} (6 images)"
    assert result.stdout == f"{run_copy}: kept epoch 1, {accuracy}\n"
    assert [x.name for x in run_copy.parent.iterdir()] == ["saved"]


@pytest.mark.slow
def test_a_class_without_permission_is_one_line():
    # Root may read everything, so that it becomes somebody else, who needs a folder of his own.
    somebody = "import os; os.setgid(65534); os.setuid(65534)" if os.getuid() == 0 else ""
    with tempfile.TemporaryDirectory() as folder:
        data = draw_toy(Path(folder) / "d", each=3)
        Path(folder).chmod(0o755)
        (data / "red").chmod(0)
        # What is imported lazily may lie where only root can read.
        modules = "cli.train, cli.console, api.train, dataset.prepare, trainer.trainer"
        lazy = ", ".join(f"alexnet_cli.{x}" for x in modules.split(", "))
        code = f"import sys, {lazy}\nfrom alexnet_cli.cli.main import main\n{somebody}\nmain(sys.argv[1:])"
        words = ("--data", data, "--out", Path(folder) / "o", "--classes", "red,blue")
        done = python(code, "train", *words, *TINY)
        (data / "red").chmod(stat.S_IRWXU)
    assert done.returncode == 3, done.stderr
    assert "class 'red': cannot be read: Permission denied; leave it out of" in done.stderr


@pytest.mark.slow
def test_the_data_folder_stays_as_it_is(trained, small, tmp_path):
    (small / "red" / "bad.jpg").write_bytes(b"x")
    before = tree(small)
    for path in (small, *small.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    out = tmp_path / "o"
    done = alexnet("train", "--data", small, "--out", out, *TINY, "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert (out / "bad_images.csv").read_text().splitlines()[1].startswith("red/bad.jpg,")
    for words, code in (
        (("evaluate", "--model", trained, "--data", small), 1),
        (("predict", small, "--model", trained, "--draw", tmp_path / "drawn"), 1),
        (("doctor", small, "--against", small, "--report", tmp_path / "doctor.html"), 1),
    ):
        assert alexnet(*words).exit_code == code
    assert tree(small) == before
    for path in (small, *small.iterdir()):
        path.chmod(0o755)


@pytest.mark.slow
def test_split_csv_keeps_names_of_any_bytes(small, tmp_path):
    for i, name in enumerate(HARD_NAMES):
        pixels = np.random.default_rng(i).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(small / "red" / os.fsdecode(name), "PNG")
    out = tmp_path / "o"
    done = alexnet("train", "--data", small, "--out", out, *TINY, "--epochs", "1")
    assert done.exit_code == 0, done.output
    found = {os.fsencode(x["file"]) for x in Run.read(out).split()}
    assert {b"red/" + x for x in HARD_NAMES} <= found
    assert alexnet("evaluate", "--model", out).exit_code == 0


@pytest.mark.parametrize(
    "train_anyway", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_strict_and_against(small, tmp_path, train_anyway):
    (small / "red" / "bad.jpg").write_bytes(b"x")
    args = ("train", "--data", small, "--out", tmp_path / "o", *TINY, "--epochs", "1")
    fails(3, "--strict: 1 file(s) cannot be used", *args, "--strict")
    other = tmp_path / "Test_set"
    shutil.copytree(small / "blue", other / "blue")
    result = fails(3, "4 image(s) of", *args, "--against", other)
    assert "--allow-overlap trains anyway" in result.stderr
    assert not (tmp_path / "o").exists()
    if train_anyway:
        assert alexnet(*args, "--against", other, "--allow-overlap").exit_code == 0


@pytest.fixture
def calls(monkeypatch, trained):
    """The arguments of `train_recipe`, which gives a finished run, changed as in "run"."""
    seen = {"run": {}, "reason": "", "signal": 0, "evaluated": True}

    def train_recipe(options, recipe, listener):
        seen.update(options=options, recipe=recipe)
        run = dataclasses.replace(Run.open(trained), path=options.out, **seen["run"])
        scores = score(np.eye(3), np.arange(3), run.classes)
        scores = scores if seen["evaluated"] else None
        return Trained(run, scores, seen["reason"], seen["signal"])

    monkeypatch.setattr(api, "train_recipe", train_recipe)
    return seen


def test_every_option_reaches_the_training(calls, trained):
    result = alexnet(
        "train", "--data", "d", "--out", trained, "--classes", "red,blue", "--overwrite", "--run-name", "n",
        "--strict", "--against", "t", "--allow-overlap", "--config", "paper", "--epochs", "3",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    options = calls["options"]
    assert options == api.TrainOptions(
        Path("d"), trained, ("red", "blue"), True, "n", True, Path("t"), True, options.started,
        command=options.command, config="paper",
    )  # fmt: skip
    recipe = calls["recipe"]
    assert (recipe["epochs"], recipe["arch"], recipe["mean"]) == (3, "alexnet", "pixel")


def test_the_time_of_max_minutes_begins_with_the_command(calls, trained, monkeypatch):
    from alexnet_cli.cli import main

    monkeypatch.setattr(main.time, "monotonic", lambda: 1234.5)
    alexnet("train", "--data", "d", "--out", trained)
    assert calls["options"].started == 1234.5


@pytest.mark.parametrize("out, model", [("saved", ""), ("my run", " --model 'my run'")])
def test_a_training_that_is_done_says_how_to_use_it(
    trained, tmp_path, monkeypatch, capsys, out, model
):
    monkeypatch.chdir(tmp_path)
    run = dataclasses.replace(Run.open(trained), path=Path(out))
    train._print_result(Trained(run, None))
    line = f"use it: `alexnet evaluate{model}`, `alexnet predict{model} IMAGE`"
    assert capsys.readouterr().err.splitlines()[-1] == line


@pytest.mark.parametrize(
    "number, status, code", [(15, "training", 143), (2, "training", 130), (0, FAILED, 3), (0, "training", 0)]
)  # fmt: skip
def test_a_worker_that_is_not_the_chief_ends_as_the_chief_does(
    calls, trained, monkeypatch, number, status, code
):
    ended = Trained(
        dataclasses.replace(Run.open(trained), status=status), None, "x", number
    )
    monkeypatch.setattr(
        api, "train_recipe", lambda *_: dataclasses.replace(ended, chief=False)
    )
    result = alexnet("train", "--data", "d", "--out", trained)
    assert result.exit_code == code
    assert not result.stdout
    assert result.stderr.count("the chief of the workers has what is kept") == bool(code)


@pytest.mark.parametrize("number, code", [(2, 130), (15, 143), (1, 129)])
def test_a_signal_keeps_the_best_epoch_and_says_so(calls, trained, number, code):
    calls.update(
        run={"status": INTERRUPTED, "metrics": {"epoch": 4.0}},
        reason="interrupted",
        signal=number,
    )
    result = alexnet("train", "--data", "d", "--out", trained)
    assert result.exit_code == code
    assert (
        result.stdout == f"{trained}: kept epoch 4, validation accuracy 1.0000 (3 images)\n"
    )
    assert result.stderr.splitlines()[1:] == [
        "stopped: interrupted",
        f"alexnet: interrupted; epoch 4 is kept in {trained}; `alexnet train --resume {trained}` goes on",
    ]  # fmt: skip


def test_a_second_signal_leaves_no_time_for_scores(calls, trained):
    calls.update(run={"status": INTERRUPTED}, signal=15, evaluated=False)
    result = alexnet("train", "--data", "d", "--out", trained)
    assert result.exit_code == 143
    assert result.stdout.endswith(", not evaluated\n")


def test_a_training_that_failed_is_an_error_that_says_how_to_go_on(calls, trained):
    calls.update(run={"status": FAILED}, reason="the loss is NaN")
    result = alexnet("train", "--data", "d", "--out", trained)
    epoch = int(Run.open(trained).metrics["epoch"])
    assert result.exit_code == 3
    assert result.stdout.startswith(f"{trained}: kept epoch {epoch}, validation accuracy")
    assert result.stderr.splitlines()[-1] == (
        f"alexnet: the loss is NaN; epoch {epoch} is kept in {trained}; "
        f"`alexnet train --resume {trained}` goes on"
    )


@pytest.mark.parametrize("words, text", [
    (("--resume", "{run}", "--out", "x"), "--out cannot be given with --resume (see"),
    (("--resume", "{run}", "--overwrite"), "--overwrite cannot be given with --resume (see"),
    (("--resume", "{run}", "--batch-size", "4"), "--resume: --batch-size would change what is past; only --epochs, "),
    (("--resume", "{run}", "--epochs", "many"), "--epochs"),
    (("--data", "d", "--allow-changed-data"), "--allow-changed-data has no effect without --resume (see"),
    (("--data", "d", "--dry-run", "--cluster", "auto"), "--dry-run is of one worker; leave out --cluster (see"),
    (("--data", "d", "--dry-run", "--cluster", "ray"), "--dry-run is of one worker; leave out --cluster (see"),
    (("--data", "d", "--workers", "2", "--cluster", "slurm"), "--workers has no effect without --cluster ray (see"),
    ((), "DATA is missing: the folder of class folders (see"),
])  # fmt: skip
def test_what_cannot_be_given_with_resume_is_wrong_usage(trained, words, text):
    before = tree(trained)
    fails(2, text, "train", *(x.format(run=trained) for x in words))
    assert tree(trained) == before


def test_resume_of_no_run_is_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        text = f"{path} is not a run directory (it has no run.json)"
        fails(3, text, "train", "--resume", path)
    assert not list(tmp_path.iterdir())


def test_resume_gets_the_options_that_were_given(monkeypatch, trained):
    seen = []

    def resume_run(options, listener):
        seen.append(options)
        return Trained(Run.open(trained), None)

    monkeypatch.setattr("alexnet_cli.api.resume.resume_run", resume_run)
    result = alexnet(
        "train", "--resume", trained, "--data", "d", "--allow-changed-data", "--run-name", "n",
        "--epochs", "9", "--patience", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (options,) = seen
    assert options == ResumeOptions(
        trained, {"epochs": 9, "patience": 2}, Path("d"), True, "n", options.started,
        options.command,
    )  # fmt: skip
    assert options.command.split()[0] == "alexnet"


def test_print_config_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = alexnet(
        "train", "--data", "none", "--arch", "tiny", "--epochs", "3", "--print-config"
    )
    assert result.exit_code == 0 and result.stderr == ""
    keys = tomllib.loads(result.stdout)
    assert (keys["arch"], keys["epochs"]) == ("tiny", 3)
    assert not list(tmp_path.iterdir())


def stopped_before_training(small, *args):
    """What train prints until --strict ends it; a bad file is put into `small` for that."""
    (small / "blue" / "bad.jpg").write_bytes(b"x")
    out = small.parent / "saved"
    words = ("--data", small, "--out", out, *TINY, "--strict", *args)
    result = fails(3, "--strict: 1 file(s) cannot be used", "train", *words)
    assert not out.exists()
    return result.stderr


def test_class_names_that_are_easily_confused_are_a_warning(small):
    (small / "green").rename(small / "Red ")
    lines = stopped_before_training(small).splitlines()
    assert (
        "warning: the classes 'Red ', 'red' differ only in letter case, Unicode form or "
        "spaces; are they one class?"
    ) in lines


def test_small_classes_are_named_when_they_are_left_out(small):
    for file in sorted((small / "red").iterdir())[1:]:
        file.unlink()
    text = stopped_before_training(small, "--drop-small-classes", "2")
    assert (
        "1 class(es) with fewer than 2 different images are left out, with 1 image(s) "
        "(bad_images.csv):\n  red 1\n"
    ) in text


def test_links_to_nothing_are_never_trained_without_a_word(small):
    """12 of 14 images of a class may be links to a disk that is not there."""
    for i in range(12):
        (small / "red" / f"x{i}.jpg").symlink_to(f"/mnt/gone/{i}.jpg")
    text = "--strict: 12 file(s) cannot be used"
    args = ("train", "--data", small, "--out", small.parent / "o", *TINY, "--strict")
    result = fails(3, text, *args)
    assert (
        "  red/x0.jpg is a link to nothing: /mnt/gone/0.jpg" in result.stderr.splitlines()
    )


@pytest.mark.parametrize("args, text", [
    (("--test", "toy"), "--test needs --train, or --data"),
    (("--data", "toy", "--train", "toy"), "--train cannot be given here: --data toy is the training part"),
    (("--train", "toy", "--out", "toy/saved"), "--out toy/saved is inside --data toy"),
])  # fmt: skip
def test_folders_of_parts_that_cannot_be(small, monkeypatch, args, text):
    monkeypatch.chdir(small.parent)
    fails(2, text, "train", "--arch", "tiny", *args)


def test_parts_cannot_be_given_with_resume():
    fails(2, "--val cannot be given with --resume", "train", "--resume", "x", "--val", "y")


@pytest.mark.slow
def test_named_parts_are_found_again_by_evaluate_and_resume(tmp_path):
    draw_toy(tmp_path / "a" / "train it", each=6)
    draw_toy(tmp_path / "b" / "later", each=2, seed=1)
    draw_toy(tmp_path / "b" / "val", each=2, seed=2)
    out = tmp_path / "saved"
    result = alexnet(
        "train", "--train", tmp_path / "a" / "train it", "--val", tmp_path / "b" / "val",
        "--test", tmp_path / "b" / "later", "--out", out, *TINY, "--epochs", "1",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = Run.open(out)
    assert run.data == str(tmp_path)
    assert run.parts == {"train": "a/train it", "val": "b/val", "test": "b/later"}
    rows = run.split()
    assert {x["file"].split("/")[0] for x in rows if x["split"] == "train"} == {"a"}
    assert all(Path(run.data, x["file"]).is_file() for x in rows)
    result = alexnet("evaluate", "--model", out)
    assert result.exit_code == 0 and result.stdout.startswith("6 images\n")
    (tmp_path / "a" / "train it" / "red" / "00.jpg").unlink()
    draw_toy(tmp_path / "more", each=1, seed=9)
    shutil.copy(tmp_path / "more" / "red" / "00.jpg", tmp_path / "a/train it/red/new.jpg")
    result = alexnet("train", "--resume", out, "--epochs", "2", "--allow-changed-data")
    assert result.exit_code == 0, result.output
    names = {x["file"] for x in Run.open(out).split()}
    assert "a/train it/red/new.jpg" in names and "a/train it/red/00.jpg" not in names
    assert "b/later/red/00.jpg" in names


@pytest.mark.slow
def test_a_run_without_small_classes_is_whole_and_goes_on_as_if_never_stopped(tmp_path):
    data = draw_toy(tmp_path / "toy", each=6)
    for file in sorted((data / "blue").iterdir())[1:]:
        file.unlink()
    words = ("train", "--data", data, *TINY, "--drop-small-classes", "3")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert alexnet(*words, "--out", whole, "--epochs", "2").exit_code == 0
    assert alexnet(*words, "--out", cut, "--epochs", "1").exit_code == 0
    run = Run.open(cut)
    assert run.classes == ("green", "red") and run.recipe["drop_small_classes"] == 3
    assert {x["class"] for x in run.split()} == {"green", "red"}
    bad = (cut / "bad_images.csv").read_text()
    assert 'blue/00.jpg,"is of a class with 1 different image(s), fewer than' in bad
    assert alexnet("train", "--resume", cut, "--epochs", "2").exit_code == 0
    rows = [history(whole), history(cut)]
    for row in (*rows[0], *rows[1]):
        del row["images_per_second"]
    assert rows[0] == rows[1] and len(rows[0]) == 2
    assert alexnet("evaluate", "--model", cut).exit_code == 0
