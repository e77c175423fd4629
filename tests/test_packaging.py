"""The wheel holds all that is needed: installed elsewhere, recipes are found and used."""

import os
import subprocess
import sys
import tarfile
import zipfile
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


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel(tmp_path):
    pytest.importorskip("hatchling", reason="the group `test` is not installed")

    def build(folder, target, out):
        words = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", out]
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
        (file,) = out.glob("alexnet-*")
        return file

    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as sdist:
        sdist.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    names = []
    for folder in (ROOT, source):
        wheel = build(folder, "wheel", tmp_path / f"wheel-{len(names)}")
        names.append(sorted(zipfile.ZipFile(wheel).namelist()))
    assert names[0] == names[1]
    configs = {f"alexnet_cli/configs/{x.name}" for x in (ROOT / "configs").glob("*.toml")}
    assert configs and configs <= set(names[0])
    for name in (
        "py.typed",
        "reports/templates/base.html",
        "model/pretrained/imagenet_classes.txt",
    ):
        assert f"alexnet_cli/{name}" in names[0]


def test_a_checkout_finds_the_recipes_from_anywhere(tmp_path):
    """The editable install, which has no copy of `configs/`."""
    assert not (ROOT / "alexnet_cli" / "configs").exists()
    words = [
        sys.executable,
        "-m",
        "alexnet_cli",
        "train",
        "--data",
        "x",
        "--config",
        "paper",
        "--print-config",
    ]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and 'mean = "pixel"' in done.stdout, done.stderr
