"""Patterns match what Python's glob matches, and end where links lead in circles."""

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.cli.glob_pattern import matching

FILES = (
    "a.jpg", "b.png", ".h.jpg", "a/a.jpg", "a/b/c.jpg", "a/.d/e.jpg", "b1/x.jpg", "b2/x.jpg", "b2/a/a/y.jpg",
    "[x]/z.jpg", "a b/c d.jpg", "\u00e4/\u00f6.jpg",
)  # fmt: skip
PARTS = (
    "*",
    "**",
    "a",
    "b?",
    "*.jpg",
    "[ab]*",
    "[!a]*",
    ".*",
    "?",
    "..",
    ".",
    "x.jpg",
    "[[]x]",
    "*b*",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "r"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "broken.jpg").symlink_to("none")
    (root / "a" / "link.jpg").symlink_to("../b.png")
    return root


def expected(pattern):
    """The files that Python's glob finds; it takes `file/**` for the file, as no shell does."""
    names = [x for x in glob.glob(pattern, recursive=True) if not x.endswith("/")]
    return sorted({str(Path(x)) for x in names if not Path(x).is_dir()})


def found(pattern):
    return [str(x.file) for x in matching(str(pattern))]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))
def test_a_pattern_matches_what_glob_matches(tree, parts):
    pattern = f"{tree}/{'/'.join(parts)}"
    assert found(pattern) == expected(pattern)


@pytest.mark.parametrize(
    "pattern", ["*.jpg", "**/*.jpg", "./a/*", "b?/*", "**", "*/", "../r/*.png"]
)
def test_relative_patterns_too(tree, monkeypatch, pattern):
    monkeypatch.chdir(tree)
    assert found(pattern) == expected(pattern)


def test_circles_end(tmp_path):
    """Python's glob would go through two of them in 2**40 ways."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpg").touch()
        (tmp_path / name / "up").symlink_to("..")
        (tmp_path / name / "other").symlink_to("../b" if name == "a" else "../a")
    names = found(tmp_path / "**" / "*.jpg")
    assert {os.path.basename(x) for x in names} == {"a.jpg", "b.jpg"} and len(names) <= 16
    assert found(tmp_path / "**") == names


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    for name in ("a", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").touch()
    real = os.scandir

    def scandir(folder):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    for pattern in ("*/*.jpg", "**/*.jpg"):
        inputs = matching(f"{tmp_path}/{pattern}")
        assert [(x.file.name, x.error) for x in inputs] == [
            ("x.jpg", ""), ("closed", "cannot be read: Permission denied"),
        ]  # fmt: skip
