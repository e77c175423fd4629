"""predict: one line per image, wherever images come from and whatever they are called."""

import csv
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import HARD_NAMES, alexnet, fails, python
from PIL import Image

from alexnet_cli.cli import predict, progress
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.run.files import write_csv

COMMAND = "import sys; from alexnet_cli.cli.main import main; main(sys.argv[1:])"


def predicted(*args, **kwargs):
    result = alexnet("predict", *args, **kwargs)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_a_line_has_the_file_and_the_best_classes(trained, toy_test):
    one = toy_test / "red" / "00.jpg"
    (prediction,) = Classifier(trained)([one])
    (first, p), (second, q), (third, r) = prediction.top(3)
    assert first == "red"
    (line,) = predicted(one, "--model", trained)
    assert line == f"{one}: red {p:.1%}, {second} {q:.1%}, {third} {r:.1%}"
    (line,) = predicted(one, "--model", trained, "--top", "1")
    assert line == f"{one}: red {p:.1%}"
    assert predicted(one, "--model", trained, "--top", "99") == predicted(
        one, "--model", trained
    )


def test_files_folders_globs_and_stdin(trained, toy_test):
    for source, count in (
        (toy_test, 12),
        (toy_test / "red" / "*.png", 2),
        (f"{toy_test}/**/*.jpg", 6),
    ):
        assert len(predicted(source, "--model", trained)) == count, source
    listed = [str(x) for x in sorted((toy_test / "blue").iterdir())]
    lines = predicted("-", "--model", trained, input="\n".join(listed))
    assert [x.split(": ")[0] for x in lines] == listed


def test_text_json_and_csv_say_the_same(trained, toy_test):
    args = (toy_test, "--model", trained, "--top", "2")
    text = predicted(*args)
    objects = [json.loads(x) for x in predicted(*args, "--json")]
    rows = list(csv.DictReader(io.StringIO("\n".join(predicted(*args, "--csv")))))
    assert len(text) == len(objects) == len(rows) == 12
    for line, x, row in zip(text, objects, rows, strict=True):
        classes = [(c["label"], c["probability"]) for c in x["classes"]]
        shown = ", ".join(f"{n} {p:.1%}" for n, p in classes)
        assert line == f"{x['file']}: {shown}"
        assert x["answer"] == classes[0][0] == row["answer"] and row["file"] == x["file"]
        assert [
            (row[f"label_{i}"], float(row[f"probability_{i}"])) for i in (1, 2)
        ] == classes
        assert row["error"] == "" and "label_3" not in row


def test_an_image_that_cannot_be_read_does_not_stop_the_others(trained, toy_test, tmp_path):
    bad = tmp_path / "com,ma.jpg"
    bad.write_bytes(b"x")
    args = ("predict", bad, toy_test / "green" / "00.jpg", "--model", trained)
    result = fails(1, "alexnet: 1 image(s) cannot be read", *args, "--json")
    wrong, good = map(json.loads, result.stdout.splitlines())
    assert [x["label"] for x in good["classes"]][0] == "green"
    assert sum(x["probability"] for x in good["classes"]) == pytest.approx(1, abs=1e-4)
    reason = "is not an image in a known format"
    assert wrong == {"file": str(bad), "error": reason, "classes": []}
    rows = list(csv.DictReader(io.StringIO(alexnet(*args, "--csv").stdout)))
    assert (rows[0]["file"], rows[0]["error"], rows[0]["answer"]) == (str(bad), reason, "")
    assert alexnet(*args).stdout.splitlines()[0] == f"{bad}: error: {reason}"


def test_a_file_that_does_not_exist(trained):
    result = fails(
        1, "1 image(s) cannot be read", "predict", "none.jpg", "--model", trained
    )
    assert result.stdout == "none.jpg: error: does not exist\n"


def test_images_are_drawn_with_their_class(trained, toy_test, tmp_path):
    out = tmp_path / "new" / "drawn"
    predicted(toy_test, "--model", trained, "--draw", out)
    # Files of one name in several folders are told apart by a number.
    names = [x.name for x in sorted(toy_test.glob("*/*"))]
    assert sorted(x.name for x in out.iterdir()) == [
        f"{i:05}-{name}" for i, name in enumerate(names)
    ]
    for file in out.iterdir():
        with Image.open(file) as image:
            bar = np.asarray(image.convert("L"))[-5:]
            assert np.median(bar) < 40


def test_a_drawn_image_keeps_a_name_of_its_own(trained, toy_test, tmp_path):
    with Image.open(toy_test / "red" / "00.jpg") as image:
        image.save(tmp_path / "a.webp")
    predicted(tmp_path / "a.webp", "--model", trained, "--draw", tmp_path / "drawn")
    assert [x.name for x in (tmp_path / "drawn").iterdir()] == ["a.webp.jpg"]


def test_drawing_never_overwrites_the_image_itself(trained, toy_test):
    one = toy_test / "red" / "00.jpg"
    before = one.read_bytes()
    text = f"alexnet: --draw {one.parent} would overwrite {one}, or add to its folder"
    fails(3, text, "predict", one, "--model", trained, "--draw", one.parent)
    assert one.read_bytes() == before


@pytest.mark.slow
def test_drawing_decodes_what_predicting_decodes(run_copy, toy_test, tmp_path):
    """An image past the usual limit, which the recipe of this run raises."""
    file = run_copy / "run.json"
    limit = json.loads(file.read_text())["preprocess"]["max_pixels"]
    text = file.read_text().replace(f'"max_pixels": {limit}', f'"max_pixels": {2 * limit}')
    file.write_text(text)
    large = tmp_path / "large.png"
    side = round((1.1 * limit) ** 0.5)
    Image.new("L", (side, side), 200).save(large)
    predicted(large, "--model", run_copy, "--draw", tmp_path / "drawn")
    assert (tmp_path / "drawn" / "large.png").exists()


@pytest.mark.parametrize("source, text", [
    ("no*.jpg", "no*.jpg matches no file"), ("empty", "empty has no images"),
])  # fmt: skip
def test_nothing_to_predict_is_an_error(trained, tmp_path, monkeypatch, source, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    fails(3, f"alexnet: {text}", "predict", source, "--model", trained)


def test_a_folder_without_a_run_is_an_error(toy, tmp_path):
    text = f"{tmp_path / 'none'} is not a run directory (it has no run.json)"
    fails(3, text, "predict", toy, "--model", tmp_path / "none")


def with_validation(run, *rows):
    """`run` with these confidences and whether they are right as its validation.csv."""
    cells = [("x.jpg", "red", "red" if right else "blue", p) for p, right in rows]
    write_csv(run / "validation.csv", ("file", "class", "predicted", "probability"), cells)
    return run


def test_reject_predicts_unknown_below_its_threshold(run_copy, toy_test):
    one = toy_test / "red" / "00.jpg"
    (prediction,) = Classifier(run_copy)([one])
    p = prediction.confidence
    run = with_validation(run_copy, (1.0, True), (p + 1e-3, True), (p - 1e-3, False))
    (line,) = predicted(one, "--model", run, "--reject", "1", "--top", "1")
    assert line == f"{one}: unknown (red {p:.1%})"
    (line,) = predicted(one, "--model", run, "--reject", "0.6", "--top", "1")
    assert line == f"{one}: red {p:.1%}"
    (text,) = predicted(one, "--model", run, "--reject", "1", "--json")
    answer = json.loads(text)
    assert answer["answer"] == "unknown" and answer["classes"][0]["label"] == "red"


def test_reject_needs_validation_predictions_that_are_precise(run_copy, toy_test):
    args = ("predict", toy_test, "--model", run_copy, "--reject")
    with_validation(run_copy, (0.9, False), (0.8, True))
    text = f"--reject 0.95: at no threshold are the 2 validation predictions of {run_copy} that precise"
    fails(3, text, *args, "0.95")
    (run_copy / "validation.csv").unlink()
    text = f"--reject: {run_copy} has no validation predictions to choose by; only runs made by"
    fails(3, text, *args, "0.5")


def test_names_of_any_bytes_in_text_and_json(trained, toy_test, tmp_path):
    for name in HARD_NAMES:
        shutil.copy(toy_test / "red" / "00.jpg", tmp_path / os.fsdecode(name))
    lines = predicted(tmp_path, "--model", trained, "--json")
    assert {os.fsencode(os.path.basename(json.loads(x)["file"])) for x in lines} == set(
        HARD_NAMES
    )
    assert len(predicted(tmp_path, "--model", trained)) == len(HARD_NAMES)


def test_names_of_any_bytes_in_csv(trained, toy_test, tmp_path):
    for name in HARD_NAMES:
        shutil.copy(toy_test / "red" / "00.jpg", tmp_path / os.fsdecode(name))
    # Bytes that are no UTF-8 need a real standard output.
    done = python(COMMAND, "predict", tmp_path, "--model", trained, "--csv")
    assert done.returncode == 0, done.stderr
    # `python` reads text, in which every end of line is one character.
    rows = csv.DictReader(io.StringIO(done.stdout, newline=""))
    names = {os.fsencode(os.path.basename(x["file"])) for x in rows}
    assert {x.replace(b"\r", b"\n") for x in HARD_NAMES} == names


def test_predict_never_starts_tensorflow(trained, toy_test):
    code = f"{COMMAND[: -len('main(sys.argv[1:])')]}main(sys.argv[1:], standalone_mode=False); print('tensorflow' in sys.modules)"
    done = python(code, "predict", toy_test, "--model", trained)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


def test_a_name_that_is_a_formula_is_text_in_csv(trained, toy_test, tmp_path, monkeypatch):
    """A spreadsheet would run it; programs get it as it is."""
    monkeypatch.chdir(tmp_path)
    Path("=1+1.png").write_bytes(next(toy_test.rglob("*.png")).read_bytes())
    args = ("predict", "=1+1.png", "--model", trained)
    for words, name in ((["--csv"], "'=1+1.png"), (["--csv", "--raw-csv"], "=1+1.png")):
        (row,) = csv.DictReader(io.StringIO(alexnet(*args, *words).stdout))
        assert row["file"] == name and 0 <= float(row["probability_1"]) <= 1
    fails(2, "--raw-csv has no effect without --csv", *args, "--raw-csv")
    fails(2, "--raw-csv has no effect without --csv", *args, "--json", "--raw-csv")


def test_a_name_for_the_terminal_is_escaped(trained, toy_test, tmp_path):
    file = tmp_path / "a\x1b[2J\n\u202e.png"
    file.write_bytes(next(toy_test.rglob("*.png")).read_bytes())
    (line,) = alexnet("predict", file, "--model", trained).stdout.splitlines()
    assert line.isprintable() and r"/a\x1b[2J\n\u202e.png: " in line


@pytest.mark.parametrize("sources, counts", [
    (["photos"], 3), (["photos/0.png", "photos/1.png"], 2), (["photos", "more.zip"], 0), (["-"], 0),
])  # fmt: skip
def test_how_many_there_are_is_known_before_the_first(
    tmp_path, monkeypatch, sources, counts
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / f"{i}.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write("photos/0.png")
    stdin = SimpleNamespace(buffer=io.BytesIO(b"photos/0.png\n"))
    monkeypatch.setattr(predict, "sys", SimpleNamespace(stdin=stdin))
    files, drawings, count = predict._opened(tuple(sources), None)
    assert (drawings, count) == (None, counts)
    assert len(list(files)) == counts or not counts


@pytest.mark.parametrize(
    "out, err, shown", [(False, True, True), (True, True, False), (False, False, False)]
)
def test_a_bar_is_shown_where_predictions_are_not(monkeypatch, capsys, out, err, shown):
    streams = [SimpleNamespace(isatty=lambda x=x: x) for x in (out, err)]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(predict, "sys", SimpleNamespace(stdout=streams[0]))
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=streams[1]))
    assert list(predict._shown(iter("ab"), 2)) == ["a", "b"]
    assert ("predicting [" in capsys.readouterr().err) == shown
