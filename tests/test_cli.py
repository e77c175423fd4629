"""Commands: results on stdout, one line for what is wrong, documented exit codes."""

import csv
import io
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import HARD_NAMES, TINY, alexnet, draw_toy, python
from PIL import Image

from alexnet_cli.cli import COMMANDS
from alexnet_cli.run import Run


def fails(code, text, *args, **kwargs):
    """The command ends with `code` and one line on stderr that holds `text`."""
    result = alexnet(*args, **kwargs)
    assert result.exit_code == code, result.output + repr(result.exception)
    assert text in result.stderr.splitlines()[-1], result.stderr
    assert "Traceback" not in result.output
    return result


def tree(folder):
    return {
        str(x.relative_to(folder)): x.read_bytes() if x.is_file() else None
        for x in folder.rglob("*")
    }


# ---- evaluate


def test_evaluate_matches_classes_by_name(trained, toy_test, tmp_path):
    whole = json.loads(
        alexnet("evaluate", "--model", trained, "--data", toy_test, "--json").stdout
    )
    assert whole["images"] == 12 and whole["top5"] is None
    some = tmp_path / "some"
    for name in ("red", "green"):
        shutil.copytree(toy_test / name, some / name)
    result = alexnet("evaluate", "--model", trained, "--data", some, "--json")
    assert "no folder for blue" in result.stderr
    part = json.loads(result.stdout)
    for name in ("red", "green"):
        assert part["classes"][name]["recall"] == whole["classes"][name]["recall"]
    assert part["classes"]["blue"]["support"] == 0


def test_evaluate_refuses_unknown_classes(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "crimson")
    result = fails(3, "crimson", "evaluate", "--model", trained, "--data", data)
    assert "it knows blue, green, red" in result.stderr
    assert "--ignore-unknown leaves them out" in result.stderr
    result = alexnet("evaluate", "--model", trained, "--data", data, "--ignore-unknown")
    assert result.exit_code == 0 and "8 pictures" in result.stdout
    fails(3, "one, as", "evaluate", "--model", trained, "--data", parts_of(tmp_path / "p"))


def parts_of(folder):
    draw_toy(folder / "train", each=3)
    draw_toy(folder / "test", each=2)
    return folder


def test_evaluate_text_csv_and_plot(trained, toy_test, tmp_path):
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test,
        "--csv", tmp_path / "each.csv", "--plot", tmp_path / "confusion.png",
    )  # fmt: skip
    assert result.exit_code == 0
    for text in ("top-1 accuracy", "macro F1", "precision", "confusion matrix"):
        assert text in result.stdout
    with (tmp_path / "each.csv").open(newline="") as x:
        rows = list(csv.DictReader(x))
    assert len(rows) == 12
    right = sum(x["class"] == x["predicted"] for x in rows)
    assert f"top-1 accuracy {right / 12:.4f}" in result.stdout
    for row in rows:
        shares = [float(row[x]) for x in ("blue", "green", "red")]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert float(row["probability"]) == max(shares)
    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.format == "PNG"


def test_evaluate_without_data_says_what_it_judges_on(trained, toy, tmp_path):
    result = alexnet("evaluate", "--model", trained)
    assert "these pictures chose the best epoch" in result.stderr
    assert result.stdout.startswith("6 pictures")
    out = tmp_path / "r"
    options = ("--test-fraction", "0.25", "--epochs", "1")
    assert alexnet("train", "--data", toy, "--out", out, *TINY, *options).exit_code == 0
    result = alexnet("evaluate", "--model", out)
    assert "chose" not in result.stderr
    assert result.stdout.startswith("9 pictures")


def test_evaluate_warns_of_pictures_that_were_trained_on(trained, toy):
    result = alexnet("evaluate", "--model", trained, "--data", toy)
    assert "warning: the network was trained on 30 of these pictures" in result.stderr


def test_evaluate_without_the_pictures_it_was_trained_on(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "saved")
    file = run / "run.json"
    file.write_text(file.read_text().replace(json.loads(file.read_text())["data"], "/gone"))
    fails(3, "is gone; use --data", "evaluate", "--model", run)


def test_evaluate_passes_an_accuracy_that_is_reached(trained, toy_test):
    args = ("evaluate", "--model", trained, "--data", toy_test, "--tta", "flip", "--json")
    reached = json.loads(alexnet(*args).stdout)["top1"]
    assert reached > 0.5
    assert alexnet(*args, "--assert-accuracy", reached).exit_code == 0


def test_evaluate_fails_an_accuracy_that_is_not_reached(trained, toy_test, tmp_path):
    data = tmp_path / "swapped"
    shutil.copytree(toy_test / "red", data / "green")
    shutil.copytree(toy_test / "green", data / "red")
    result = fails(
        1,
        "is below 0.9",
        "evaluate",
        "--model",
        trained,
        "--data",
        data,
        "--assert-accuracy",
        "0.9",
    )
    assert "most confused" in result.stdout


def test_evaluate_counts_what_it_cannot_read(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    result = fails(
        1, "1 picture(s) cannot be read", "evaluate", "--model", trained, "--data", data
    )
    assert "bad.jpg is not a picture" in result.stderr
    assert result.stdout.startswith("12 pictures")


def test_ten_crops(trained, toy_test):
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test, "--tta", "ten-crop"
    )
    assert result.exit_code == 0


# ---- predict


def test_predict_files_folders_globs_and_stdin(trained, toy_test):
    one = toy_test / "red" / "00.jpg"
    answer = alexnet("predict", one, "--model", trained)
    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"{one}: red ")
    assert len(answer.stdout.splitlines()) == 1
    assert answer.stdout.count("%") == 3
    assert alexnet("predict", one, "--model", trained, "--top", "1").stdout.count("%") == 1
    for source, count in (
        (toy_test, 12),
        (toy_test / "red" / "*.png", 2),
        (f"{toy_test}/**/*.jpg", 6),
    ):
        lines = alexnet("predict", source, "--model", trained).stdout.splitlines()
        assert len(lines) == count, source
    listed = "\n".join(str(x) for x in sorted((toy_test / "blue").iterdir()))
    lines = alexnet("predict", "-", "--model", trained, input=listed).stdout.splitlines()
    assert [x.split(": ")[0] for x in lines] == listed.split("\n")


def test_predict_json_and_csv(trained, toy_test, tmp_path):
    bad = tmp_path / "com,ma.jpg"
    bad.write_bytes(b"x")
    args = ("predict", toy_test / "green" / "00.jpg", bad, "--model", trained)
    result = fails(1, "1 picture(s) cannot be read", *args, "--json")
    good, wrong = map(json.loads, result.stdout.splitlines())
    assert [x["label"] for x in good["classes"]][0] == "green"
    assert sum(x["probability"] for x in good["classes"]) == pytest.approx(1, abs=1e-4)
    assert wrong == {
        "file": str(bad),
        "error": "is not a picture in a known format",
        "classes": [],
    }
    rows = list(csv.DictReader(io.StringIO(alexnet(*args, "--csv", "--top", "2").stdout)))
    assert rows[0]["label_1"] == "green" and "label_3" not in rows[0]
    assert (rows[1]["file"], rows[1]["error"]) == (str(bad), wrong["error"])


def test_predict_draws(trained, toy_test, tmp_path):
    out = tmp_path / "drawn"
    assert alexnet("predict", toy_test, "--model", trained, "--draw", out).exit_code == 0
    assert len(list(out.iterdir())) == 12
    for file in out.iterdir():
        with Image.open(file) as picture:
            bar = np.asarray(picture.convert("L"))[-5:]
            assert np.median(bar) < 40
    one = toy_test / "red" / "00.jpg"
    fails(3, "would overwrite", "predict", one, "--model", trained, "--draw", one.parent)


@pytest.mark.parametrize(
    "source,text", [("nothing*.jpg", "matches no file"), ("empty", "holds no pictures")]
)
def test_predict_nothing(trained, tmp_path, monkeypatch, source, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    fails(3, text, "predict", source, "--model", trained)


def test_predict_a_file_that_is_not_there(trained):
    result = fails(
        1, "1 picture(s) cannot be read", "predict", "none.jpg", "--model", trained
    )
    assert result.stdout == "none.jpg: error: is not there\n"


def test_names_of_any_bytes(trained, toy_test, tmp_path):
    names = [b"bad\xff.jpg", b"new\nline.jpg", b"-dash.jpg", "\U0001f337.jpg".encode()]
    for name in names:
        shutil.copy(toy_test / "red" / "00.jpg", tmp_path / os.fsdecode(name))
    lines = alexnet("predict", tmp_path, "--model", trained, "--json").stdout.splitlines()
    found = {os.path.basename(os.fsencode(json.loads(x)["file"])) for x in lines}
    assert found == set(names)
    result = python(
        "import sys; from alexnet_cli.cli import main; main(sys.argv[1:])",
        "predict", tmp_path, "--model", trained, "--csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = csv.DictReader(io.StringIO(result.stdout, newline=""))
    assert {os.path.basename(os.fsencode(x["file"])) for x in rows} == set(names)
    assert len(alexnet("predict", tmp_path, "--model", trained).stdout.splitlines()) == 4


# ---- bad input


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
    assert alexnet("train").exit_code == 2


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
        lazy = "import alexnet_cli.train_verb, alexnet_cli.commands, alexnet_cli.gather, alexnet_cli.run"
        code = f"import sys; from alexnet_cli.cli import main; {lazy}\n{somebody}\nmain(sys.argv[1:])"
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
    fails(3, "4 picture(s) of", *args, "--against", other)
    fails(2, "--allow-overlap has no effect", *args, "--allow-overlap")
    assert not (tmp_path / "o").exists()
    assert alexnet(*args, "--against", other, "--allow-overlap").exit_code == 0


# ---- the rest


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
