"""doctor: exit code 1 for problems, as text, as JSON and as a page."""

import json
import shutil

import numpy as np
import pytest
from helpers import alexnet, fails

from alexnet_cli.dataset.synthetic import draw_image


@pytest.fixture
def healthy(tmp_path):
    for k, kind in enumerate(("daisy", "fish")):
        (tmp_path / "d" / kind).mkdir(parents=True)
        for i in range(3):
            image = draw_image(kind, np.random.default_rng((k, i)))
            image.save(tmp_path / "d" / kind / f"{i}.jpg")
    return tmp_path / "d"


@pytest.fixture
def other(healthy, tmp_path):
    """A folder with an image of `healthy` in it."""
    (tmp_path / "test" / "fish").mkdir(parents=True)
    shutil.copy(healthy / "fish" / "1.jpg", tmp_path / "test" / "fish" / "same.jpg")
    return tmp_path / "test"


def test_a_healthy_folder_passes(healthy):
    result = alexnet("doctor", healthy)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "daisy" in result.stdout and "fish" in result.stdout


def test_problems_are_printed_and_fail(healthy):
    (healthy / "fish" / "bad.jpg").write_bytes(b"x")
    result = fails(1, f"alexnet: {healthy} has problems", "doctor", healthy)
    assert "fish/bad.jpg" in result.stdout and "is not an image" in result.stdout


def test_json_has_the_same_exit_codes(healthy, other):
    result = alexnet("doctor", healthy, "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["wrong"] is False
    result = fails(1, "has problems", "doctor", healthy, "--against", other, "--json")
    data = json.loads(result.stdout)
    assert data["wrong"] is True and data["overlap"] == [["fish/same.jpg", "fish/1.jpg"]]


def test_a_page_makes_its_folder(healthy, other, tmp_path):
    report = tmp_path / "new" / "folder" / "doctor.html"
    fails(1, "has problems", "doctor", healthy, "--against", other, "--report", report)
    page = report.read_text("utf-8")
    assert "fish/same.jpg" in page and "data:image/jpeg;base64," in page
    assert [x.name for x in report.parent.iterdir()] == ["doctor.html"]


def test_a_folder_that_does_not_exist(tmp_path):
    fails(3, f"alexnet: {tmp_path / 'none'} does not exist", "doctor", tmp_path / "none")
