"""The benchmark runs, prints a table and writes what it can compare itself with later."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_startup_twice(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    words = [sys.executable, SCRIPTS / "benchmark.py", "startup", "--rounds", "1", "--json"]
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
def test_a_folder_of_pictures(toy):
    words = [sys.executable, SCRIPTS / "benchmark.py", "decode", toy, "--rounds", "1"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "plain Pillow, threads" in done.stdout and "images/s" in done.stdout
