"""predict: one answer an image, wherever images come from and whatever they are called."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest
from helpers import alexnet, fails, python
from PIL import Image


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
    result = fails(1, "1 image(s) cannot be read", *args, "--json")
    good, wrong = map(json.loads, result.stdout.splitlines())
    assert [x["label"] for x in good["classes"]][0] == "green"
    assert sum(x["probability"] for x in good["classes"]) == pytest.approx(1, abs=1e-4)
    assert wrong == {
        "file": str(bad),
        "error": "is not an image in a known format",
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
        with Image.open(file) as image:
            bar = np.asarray(image.convert("L"))[-5:]
            assert np.median(bar) < 40
    one = toy_test / "red" / "00.jpg"
    fails(3, "would overwrite", "predict", one, "--model", trained, "--draw", one.parent)


@pytest.mark.parametrize(
    "source,text", [("nothing*.jpg", "matches no file"), ("empty", "holds no images")]
)
def test_predict_nothing(trained, tmp_path, monkeypatch, source, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    fails(3, text, "predict", source, "--model", trained)


def test_predict_a_file_that_is_not_there(trained):
    result = fails(
        1, "1 image(s) cannot be read", "predict", "none.jpg", "--model", trained
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
        "import sys; from alexnet_cli.cli.main import main; main(sys.argv[1:])",
        "predict", tmp_path, "--model", trained, "--csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = csv.DictReader(io.StringIO(result.stdout, newline=""))
    assert {os.path.basename(os.fsencode(x["file"])) for x in rows} == set(names)
    assert len(alexnet("predict", tmp_path, "--model", trained).stdout.splitlines()) == 4
