"""Commands work, and give the same results, whatever the user's environment is like."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from helpers import COLORS, TINY, history, python

pytestmark = pytest.mark.slow

COMMANDS = """
import json, shutil, sys
from pathlib import Path
from click.testing import CliRunner
from alexnet_cli.cli.main import main

def run(*words):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, (words, result.output)
    return result.stdout

data, out, *options = sys.argv[1:]
run("train", "--data", data, "--out", out, *options)
image = next(str(x) for x in sorted(Path(data).rglob("*.png")))
quick = run("predict", "--model", out, image, "--json")
Path(out, "model.tflite").unlink()
exact = run("predict", "--model", out, image, "--json")
scores = run("evaluate", "--model", out, "--data", data, "--json")
print(json.dumps([json.loads(x) for x in (quick, exact, scores)]))
"""
OPTIONS = (
    *TINY[:TINY.index("--crop-area")], "--epochs", "2", "--start-size", "24",
    "--metrics", "accuracy,macro_f1,mse", "--precision", "float32",
)  # fmt: skip
HOSTILE = {
    "KERAS_BACKEND": "jax",
    "TF_USE_LEGACY_KERAS": "1",
    "XLA_FLAGS": "--no_such_flag=1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "PYTHONIOENCODING": "ascii:strict",
}
KERAS_JSON = {
    "backend": "torch",
    "floatx": "float16",
    "epsilon": 0.5,
    "image_data_format": "channels_first",
}


def results(toy, out, **environment):
    """What predict and evaluate print of a training, and its history."""
    done = python(COMMANDS, toy, out, *OPTIONS, **environment)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = history(out)
    for row in rows:
        del row["images_per_second"]
    return json.loads(done.stdout), rows


def test_keras_json_and_variables_change_no_number(toy, tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(json.dumps(KERAS_JSON))
    (tmp_path / "plain").mkdir()
    expected, rows = results(
        toy, tmp_path / "plain" / "run", KERAS_HOME=str(tmp_path / "new")
    )
    found, own = results(
        toy, tmp_path / "run", KERAS_HOME=str(tmp_path / "keras"), **HOSTILE
    )
    assert own == rows
    assert found[:2] == expected[:2] and found[2]["top1"] == expected[2]["top1"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take only UTF-8")
def test_a_run_directory_need_not_be_utf8(toy, tmp_path):
    out = tmp_path / os.fsdecode(b"run\xff")
    (quick, exact, scores), _ = results(toy, out)
    assert {x["label"] for x in quick["classes"]} == set(COLORS)
    assert quick["answer"] == exact["answer"] and 0 <= scores["top1"] <= 1
    assert {"saved_model.pb", "variables", "model.weights.h5"} <= {
        x.name for x in out.iterdir()
    }
    assert any(x.name.startswith("events") for x in (out / "logs" / "train").iterdir())


NARROW = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]  # fmt: skip
CAT = "\u732b"


@pytest.fixture(scope="module")
def cats(trained, toy_test, tmp_path_factory):
    """The trained run with a class called \u732b, beside a folder with images of it."""
    folder = tmp_path_factory.mktemp("cats")
    run = shutil.copytree(trained, folder / "run")
    record = json.loads((run / "run.json").read_text())
    record = {**record, "classes": [CAT, *record["classes"][1:]], "data": ""}
    (run / "run.json").write_text(json.dumps(record))
    for old in COLORS:
        shutil.copytree(toy_test / old, folder / "d" / (CAT if old == "blue" else old))
    return folder


def program(folder, *words, **env):
    """The command as a program of its own; its output as bytes."""
    return subprocess.run(
        [sys.executable, "-m", "alexnet_cli", *map(str, words)], cwd=folder, check=False,
        capture_output=True, timeout=300, env={**os.environ, **env},
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take only UTF-8")
@pytest.mark.parametrize("env", NARROW, ids=str)
def test_no_command_stumbles_over_a_narrow_encoding(cats, env, tmp_path):
    # Each has a cache of its own: doctor says which files it has known before.
    usual = {
        "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1", "XDG_CACHE_HOME": str(tmp_path / "a"),
    }  # fmt: skip
    env = {**env, "XDG_CACHE_HOME": str(tmp_path / "b")}
    commands = [
        ("--help",), ("train", "--help"), ("models",), ("doctor", "d"), (CAT,), ("predict", f"--{CAT}"),
        ("predict", "--model", f"{CAT}.tflite", "x.jpg"), ("predict", "--model", "run", f"d/{CAT}"),
        ("predict", "--model", "run", f"d/{CAT}", "--json"), ("predict", "--model", "run", f"d/{CAT}", "--csv"),
        ("evaluate", "--model", "run", "--data", "d"),
    ]  # fmt: skip
    for words in commands:
        found, expected = program(cats, *words, **env), program(cats, *words, **usual)
        assert found.returncode == expected.returncode, (words, found.stderr)
        for own, other in (
            (found.stdout, expected.stdout),
            (found.stderr, expected.stderr),
        ):
            assert b"Traceback" not in own
            if "--csv" in words or "--json" in words:
                assert own == other, words
            else:
                text = " ".join(other.decode().replace(CAT, r"\u732b").split())
                assert " ".join(own.decode("ascii").split()) == text, words


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take only UTF-8")
def test_classes_are_called_the_same_in_any_locale(cats, tmp_path):
    """What Python reads names of files with is another encoding in some."""
    for words in (("-X", "utf8=0", "-c"), ("-c",)):
        done = subprocess.run(
            [sys.executable, *words, START, "train", "--data", cats / "d", "--out", tmp_path / f"run{len(words)}",
             *OPTIONS, "--epochs", "1"], check=False, capture_output=True,
            env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        record = json.loads((tmp_path / f"run{len(words)}" / "run.json").read_text())
        assert record["classes"] == ["green", "red", CAT]
        assert f"{CAT}/00.jpg" in (tmp_path / f"run{len(words)}" / "split.csv").read_text(
            "utf-8"
        )


START = "from alexnet_cli.cli.main import main; main()"
