"""The wheel holds all that is needed: installed elsewhere, recipes are found and used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_wheel_works_elsewhere(tmp_path):
    pytest.importorskip("hatchling", reason="extra `test` is not installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("alexnet-*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True
    )
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import alexnet_cli; assert alexnet_cli.__file__.startswith(sys.argv[1]);"
        "from alexnet_cli.cli.main import main;"
        "main(['train', '--data', 'x', '--config', 'paper', '--print-config'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "site")],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 'mean = "pixel"' in done.stdout
