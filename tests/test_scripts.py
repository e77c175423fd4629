"""The benchmark runs, prints a table and writes what it can compare itself with later."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import TINY, alexnet

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_startup_twice(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    words = [
        sys.executable,
        SCRIPTS / "benchmarks/benchmark.py",
        "startup",
        "--rounds",
        "1",
        "--json",
    ]
    subprocess.run([*words, first], check=True, capture_output=True)
    rows = json.loads(first.read_text())["rows"]
    assert [x["name"] for x in rows][:2] == ["python -c 'import click'", "alexnet --help"]
    assert all(x["seconds"] > 0.01 and x["spread"] == 1 for x in rows)
    again = subprocess.run(
        [*words, second, "--before", first], check=True, capture_output=True, text=True
    )
    assert "times before" in again.stdout.splitlines()[0]
    assert len(again.stdout.splitlines()) == len(rows) + 2


@pytest.mark.slow
def test_a_folder_of_images(toy):
    words = [
        sys.executable,
        SCRIPTS / "benchmarks/benchmark.py",
        "decode",
        toy,
        "--rounds",
        "1",
    ]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "plain Pillow, threads" in done.stdout and "images/s" in done.stdout


def test_what_is_held_out_follows_content_alone(toy, tmp_path):
    import shutil

    renamed = tmp_path / "renamed"
    for i, file in enumerate(sorted(toy.glob("*/*"), reverse=True)):
        (renamed / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, renamed / file.parent.name / f"{i}{file.suffix}")
    held = []
    for folder in (toy, renamed):
        out = tmp_path / f"held-{folder.name}"
        subprocess.run([sys.executable, SCRIPTS / "hold_out.py", folder, out], check=True)
        parts = {x: list((out / x).glob("*/*")) for x in ("train", "test")}
        assert len(parts["train"]) + len(parts["test"]) == len(list(toy.glob("*/*")))
        held.append(sorted(x.read_bytes() for x in parts["test"]))
    assert held[0] == held[1] and len(held[0]) == 3


def test_the_ablations_table_compares_equal_seeds(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS / "experiments"))
    import ablation

    def row(top1):
        return {"none_top1": top1, "flip_top1": top1 + 0.01, "flip_loss": 0.5, "seconds": 9}

    results = {"base": {"0": row(0.8), "1": row(0.7)}, "sgd": {"1": row(0.75)}}
    lines = ablation.table(results).splitlines()
    assert (
        "| 2 | 75.0 (70.0 to 80.0) | 76.0 (71.0 to 81.0) | 0.0 (0.0 to 0.0) |" in lines[2]
    )
    assert (
        "| 1 | 75.0 (75.0 to 75.0) | 76.0 (76.0 to 76.0) | 5.0 (5.0 to 5.0) |" in lines[3]
    )
    assert len(lines) == 4


def test_views_are_judged_as_evaluate_judges_them(trained):
    words = [sys.executable, SCRIPTS / "experiments/tta.py", trained]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    row = done.stdout.splitlines()[2].split("|")[2:-1]
    for kind, cell in zip(("none", "flip", "ten-crop"), row, strict=True):
        # So few images have a temperature of 1.
        told = alexnet("evaluate", "--model", trained, "--tta", kind, "--json").stdout
        scores = json.loads(told)
        assert cell.strip() == f"{100 * scores['top1']:.1f} %, {scores['loss']:.4f}"
    assert "ten-crop against flip: accuracy " in done.stdout


@pytest.mark.slow
def test_averages_of_several_decays_are_judged(toy, tmp_path):
    words = [
        sys.executable,
        SCRIPTS / "experiments/ema_decays.py",
        tmp_path / "r",
        "--data",
        toy,
        *TINY,
    ]
    done = subprocess.run(
        [*words, "--ema", "0.9"], check=True, capture_output=True, text=True
    )
    rows = [x.split("|")[1:-1] for x in done.stdout.splitlines() if x.startswith("| 0")]
    assert [float(x[0]) for x in rows] == [0, 0.9, 0.95, 0.98, 0.99, 0.995]
    kept = {float(x[1]) for x in rows}
    assert len(kept) > 1 and all(0 < x < 2 for x in kept)
    done = subprocess.run([*words, "--overwrite"], capture_output=True, text=True)
    assert done.returncode == 1 and "give --ema" in done.stderr
