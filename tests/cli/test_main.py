"""Commands: results on stdout, one line for what is wrong, documented exit codes."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

import numpy as np
from helpers import HARD_NAMES, TINY, alexnet, draw_toy, fails, python
from PIL import Image

from alexnet_cli.cli.main import COMMANDS
from alexnet_cli.run.run import Run


def tree(folder):
    return {
        str(x.relative_to(folder)): x.read_bytes() if x.is_file() else None
        for x in folder.rglob("*")
    }


def test_train_refuses_before_tensorflow_starts(tmp_path):
    """Each of these ends in well under the time of the import, with nothing written."""
    toy = draw_toy(tmp_path / "toy", each=3)
    out = tmp_path / "saved"
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "a.txt").write_text("x")
    cases = [
        (3, "is not there", "--data", tmp_path / "none"),
        (3, "is a file", "--data", file),
        (3, "no class folders", "--data", tmp_path / "empty"),
        (3, "one class, 'red'", "--data", toy, "--classes", "red"),
        (3, "did you mean 'red'?", "--data", toy, "--classes", "blue,redd"),
        (3, "no Run and not empty", "--data", toy, "--out", tmp_path / "holiday"),
        (2, "no such recipe", "--data", toy, "--config", "nope.toml"),
        (2, "--random-crop needs", "--data", toy, "--random-crop", "--size", "32"),
        (2, "--momentum has no effect", "--data", toy, "--optimizer", "adam", "--momentum", "0.5"),
        (2, "plain name", "--data", toy, "--run-name", "../x"),
    ]  # fmt: skip
    for code, text, *args in cases:
        rest = () if "--out" in args else ("--out", out)
        options = [] if "--config" in args else ["--arch", "tiny"]
        fails(code, text, "train", *options, *args, *rest)
        assert not out.exists()


def test_usage_errors_name_what_was_meant(toy):
    result = alexnet("train", "--data", toy, "--epoch", "3")
    assert result.exit_code == 2 and "--epochs" in result.stderr
    result = alexnet("train", "--data", toy, "--epochs", "5.5")
    assert result.exit_code == 2 and "5.5" in result.stderr
    result = alexnet("train", "--data", toy, "--learning-rate", "nan")
    assert result.exit_code == 2
    for words in (("train",), ("train", "--data", toy, "--arch", "?"), ("trian",)):
        result = alexnet(*words)
        assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith("alexnet: ") and "; see " in result.stderr


def test_a_device_that_is_not_there(toy, tmp_path):
    out = tmp_path / "saved"
    for device in ("gpu:7", "cpu:5", "tpu", "cpu:0,0"):
        result = fails(
            3, "--device", "train", "--data", toy, "--out", out, *TINY, "--device", device
        )
        if device != "tpu":
            assert "there is" in result.stderr and "cpu:0" in result.stderr
        assert not out.exists()


def test_a_run_is_not_overwritten_unless_told(toy, run_copy):
    before = tree(run_copy)
    args = ("train", "--data", toy, "--out", run_copy, *TINY, "--epochs", "1")
    fails(3, "--overwrite replaces it", *args)
    assert tree(run_copy) == before
    fails(3, "no number", *args, "--overwrite", "--std", "1e-30", "--precision", "float32")
    assert tree(run_copy) == before
    assert alexnet(*args, "--overwrite").exit_code == 0
    assert len((run_copy / "history.csv").read_text().splitlines()) == 2
    assert [x.name for x in run_copy.parent.iterdir()] == ["saved"]


def test_predict_and_evaluate_without_a_run(toy, tmp_path):
    for command in (("predict", toy), ("evaluate", "--data", toy)):
        fails(3, "is no Run", *command, "--model", tmp_path / "none")


def test_no_permission():
    # Root may read everything, so that it becomes somebody else, who needs a folder of his own.
    somebody = "import os; os.setgid(65534); os.setuid(65534)" if os.getuid() == 0 else ""
    with tempfile.TemporaryDirectory() as place:
        data = draw_toy(Path(place) / "d", each=3)
        Path(place).chmod(0o755)
        (data / "red").chmod(0)
        # What is imported lazily may lie where only root can read.
        lazy = "import alexnet_cli.cli.train, alexnet_cli.api, alexnet_cli.dataset.prepare, alexnet_cli.run.run"
        code = f"import sys; from alexnet_cli.cli.main import main; {lazy}\n{somebody}\nmain(sys.argv[1:])"
        done = python(code, "train", "--data", data, "--out", Path(place) / "o", *TINY)
        (data / "red").chmod(stat.S_IRWXU)
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1].endswith("red: Permission denied")


def test_the_data_folder_stays_as_it_is(trained, tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    (data / "red" / "bad.jpg").write_bytes(b"x")
    before = tree(data)
    for path in (data, *data.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    out = tmp_path / "o"
    assert (
        alexnet("train", "--data", data, "--out", out, *TINY, "--epochs", "1").exit_code
        == 0
    )
    assert (out / "bad_images.csv").read_text().splitlines()[1].startswith("red/bad.jpg,")
    alexnet("evaluate", "--model", trained, "--data", data)
    alexnet("predict", data, "--model", trained, "--draw", tmp_path / "drawn")
    alexnet("doctor", data, "--against", data, "--report", tmp_path / "doctor.html")
    assert tree(data) == before
    for path in (data, *data.iterdir()):
        path.chmod(0o755)


def test_split_csv_keeps_names_of_any_bytes(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    for i, name in enumerate(HARD_NAMES):
        pixels = np.random.default_rng(i).integers(0, 255, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(data / "red" / os.fsdecode(name), "PNG")
    out = tmp_path / "o"
    result = alexnet("train", "--data", data, "--out", out, *TINY, "--epochs", "1")
    assert result.exit_code == 0, result.output
    found = {os.fsencode(x["file"]) for x in Run.read(out).split()}
    assert {b"red/" + x for x in HARD_NAMES} <= found
    assert alexnet("evaluate", "--model", out).exit_code == 0


def test_strict_and_against(tmp_path):
    data = draw_toy(tmp_path / "d", each=4)
    (data / "red" / "bad.jpg").write_bytes(b"x")
    args = ("train", "--data", data, "--out", tmp_path / "o", *TINY, "--epochs", "1")
    fails(3, "--strict: 1 file(s) cannot be used", *args, "--strict")
    other = tmp_path / "Test_set"
    shutil.copytree(data / "blue", other / "blue")
    fails(3, "4 image(s) of", *args, "--against", other)
    fails(2, "--allow-overlap has no effect", *args, "--allow-overlap")
    assert not (tmp_path / "o").exists()
    assert alexnet(*args, "--against", other, "--allow-overlap").exit_code == 0


def test_models():
    listed = alexnet("models").stdout
    assert "60,965,224" in listed and "200,127,237" in listed
    one = alexnet("models", "alexnet-bn", "--classes", "24").stdout
    assert "54 x 54 x 96" in one
    assert one.splitlines()[-1] == "total 46,846,744, trainable 46,846,040"
    assert "BatchNorm" in alexnet("models", "alexnet-owt", "--norm", "batch").stdout
    assert alexnet("models", "alexnett").exit_code == 2


def test_sample_is_repeatable_and_refuses_to_mix(tmp_path):
    args = ("--photos", "3", "--tests", "2")
    assert alexnet("sample", tmp_path / "a", *args).exit_code == 0
    alexnet("sample", tmp_path / "b", *args)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert len(list((tmp_path / "a" / "photos").glob("*/*.jpg"))) == 15
    fails(3, "is there already", "sample", tmp_path / "a")


def test_version():
    assert alexnet("--version").stdout.startswith("alexnet, version ")
    assert set(COMMANDS) == {
        "train",
        "evaluate",
        "predict",
        "import",
        "models",
        "fetch",
        "sample",
        "doctor",
    }
