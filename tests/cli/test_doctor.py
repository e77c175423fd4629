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


def both(code, text, data, *options):
    """`train` and `doctor` end with the same line and exit code."""
    out = str(data) + "-saved"
    trained = fails(
        code, text, "train", *data_of(data), *options, "--arch", "tiny", "--out", out
    )
    doctors = fails(code, text, "doctor", *data_of(data), *options)
    last = [x.stderr.splitlines()[-1] for x in (trained, doctors)]
    assert last[0] == last[1]
    return doctors


def data_of(data):
    return [data] if data else []


def test_classes_that_are_too_small_are_refused_as_in_train(healthy):
    """One image, and two that are the same."""
    for kind in ("one", "twice"):
        (healthy / kind).mkdir()
    draw_image("star", np.random.default_rng(5)).save(healthy / "one" / "1.png")
    draw_image("leaf", np.random.default_rng(6)).save(healthy / "twice" / "1.png")
    shutil.copy(healthy / "twice" / "1.png", healthy / "twice" / "2.png")
    text = (
        "2 classes have few different images: 'one' 1, 'twice' 1, too few for one in each"
    )
    found = both(3, text, healthy)
    assert found.stdout.splitlines()[-1] == (
        "Problems found: identical files: 1, classes with fewer than 2 images: one, too "
        "little to train on"
    )
    (healthy / "one" / "1.png").write_bytes(b"x")
    text = "2 classes have few different images: 'one' 0, 'twice' 1"
    both(3, text, healthy)
    result = fails(3, text, "doctor", healthy, "--json")
    assert text in json.loads(result.stdout)["refused"]
    assert alexnet("doctor", healthy, "--classes", "daisy,fish").exit_code == 0


def test_a_validation_part_needs_no_second_image_of_a_class(healthy):
    """What is not split may be small: one image to train on, one to validate."""
    for part, name in (("train", "0.jpg"), ("val", "1.jpg")):
        for kind in ("daisy", "fish"):
            (healthy.parent / "p" / part / kind).mkdir(parents=True)
            shutil.copy(healthy / kind / name, healthy.parent / "p" / part / kind)
    assert alexnet("doctor", healthy.parent / "p").exit_code == 0


def test_parts_and_classes_mean_what_they_do_in_train(healthy, tmp_path):
    shutil.copytree(healthy, tmp_path / "later")
    draw_image("star", np.random.default_rng(5)).save(tmp_path / "later" / "fish" / "1.jpg")
    result = fails(
        1, "has problems", "doctor", "--train", healthy, "--test", tmp_path / "later"
    )
    assert "The same image in two parts: 5" in result.stdout
    both(2, "--test needs --train, or --data", None, "--test", healthy)
    both(2, "cannot be given here: --data", healthy, "--train", healthy)
    both(
        3,
        "has no class folder 'fisch'; did you mean 'fish'?",
        healthy,
        "--classes",
        "fisch,daisy",
    )
    both(3, "has only one class, 'fish'", healthy, "--classes", "fish")
    both(2, "is not a folder; --data takes", None, "--train", healthy / "fish" / "1.jpg")
    fails(2, "DATA is missing", "doctor")
