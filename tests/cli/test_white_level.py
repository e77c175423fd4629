"""--white-level is kept in the run, and everything that reads a run's images follows it."""

import dataclasses
import json
import runpy
import shutil
from importlib import resources

import numpy as np
import pytest
from helpers import TINY, alexnet, png_of_16_bits
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.run.run import Run

LEVEL = 1023


def draw(folder, each=8):
    """Gray of 10 bits in files of 16: bright, dark, and both halves."""
    rng = np.random.default_rng(0)
    for name, levels in (("bright", (900, 900)), ("dark", (90, 90)), ("half", (900, 90))):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            values = np.repeat(levels, 25)[:, None] + rng.normal(0, 30, (50, 44))
            values = values.clip(0, LEVEL).astype(np.uint16)
            file = folder / name / f"{i:02}.png"
            if i % 2:
                file.write_bytes(png_of_16_bits(np.repeat(values[..., None], 3, axis=2)))
            else:
                Image.fromarray(values).save(file)
    return folder


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("deep") / "photos")


def with_level(folder, level):
    """The run in `folder` with another white level in its run.json."""
    file = folder / "run.json"
    data = json.loads(file.read_text())
    data["preprocess"]["white_level"] = level
    file.write_text(json.dumps(data))
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    return folder


def test_doctor_says_how_many_and_what_to_do(deep):
    found = alexnet("doctor", deep)
    title = "Images that use less than an eighth of their range; --white-level of train: 24"
    assert title in found.output
    assert "bright/00.png  up to " in found.output
    assert "; --white-level 1023" in found.output
    rows = json.loads(alexnet("doctor", deep, "--json").stdout)["dim"]
    assert len(rows) == 24 and rows[0][0] == "bright/00.png"


def test_predict_and_evaluate_follow_the_run(run_copy, deep):
    file = deep / "bright" / "01.png"
    auto = Classifier(run_copy)([file])[0].probabilities
    run = Run.open(with_level(run_copy, LEVEL))
    assert run.preprocess.white_level == LEVEL
    follows = Classifier(run)
    stored = images.load(file, run.preprocess)
    assert stored.mean() > 200 and images.load(file, dataclasses.replace(run.preprocess, white_level=None)).mean() < 5  # fmt: skip
    found = follows([file])[0].probabilities
    np.testing.assert_allclose(found, follows.probabilities(stored[None])[0], atol=1e-6)
    assert abs(found - auto).max() > 1e-4


def test_a_run_without_the_field_is_auto(run_copy):
    file = run_copy / "run.json"
    data = json.loads(file.read_text())
    del data["preprocess"]["white_level"], data["recipe"]["white_level"]
    file.write_text(json.dumps(data))
    run = Run.open(run_copy)
    assert run.preprocess.white_level is None
    assert run.recipe.images.white_level == "auto"


@pytest.mark.parametrize("value", [0, -1, 2**32, 1.5, "4095", True])
def test_a_white_level_that_is_none_is_refused(run_copy, value):
    result = alexnet("predict", "--model", with_level(run_copy, value), "x.png")
    assert result.exit_code == 3 and "white_level" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_drawing_has_the_white_level(run_copy, deep, tmp_path):
    run = with_level(run_copy, LEVEL)
    file = deep / "bright" / "00.png"
    result = alexnet("predict", "--model", run, "--draw", tmp_path / "out", file)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "out" / "00.png") as drawn:
        assert np.asarray(drawn.convert("L")).mean() > 128


@pytest.mark.parametrize("level", [None, LEVEL])
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_the_program_beside_exports_reads_wide_gray_alike(tmp_path, level, resize):
    """predict.py, which is shipped alone."""
    source = resources.files("alexnet_cli") / "export" / "host.py"
    (tmp_path / "predict.py").write_text(source.read_text())
    preprocess = Preprocess(resize, 36, 32, (0.0,) * 3, (1.0,) * 3, white_level=level)
    record = {"size": 36, "resize": resize, "max_pixels": 10**8, "white_level": level}
    (tmp_path / "run.json").write_text(json.dumps({"preprocess": record}))
    alone = runpy.run_path(str(tmp_path / "predict.py"))
    rng = np.random.default_rng(1)
    for kind in ("u2", "i4", "f4"):
        for top in (1000, 200):
            values = rng.integers(0, top, (40, 50)).astype(kind)
            Image.fromarray(values).save(tmp_path / "a.tif")
            expected = images.load(tmp_path / "a.tif", preprocess)
            np.testing.assert_allclose(
                alone["pixels_of"](str(tmp_path / "a.tif")).astype(int), expected, atol=1
            )
    color = tmp_path / "color.png"
    color.write_bytes(png_of_16_bits(rng.integers(0, 65536, (40, 50, 3))))
    if level:
        with pytest.raises(ValueError, match="16 bits per color"):
            alone["pixels_of"](str(color))
    else:
        np.testing.assert_allclose(
            alone["pixels_of"](str(color)).astype(int),
            images.load(color, preprocess),
            atol=1,
        )


def test_max_megapixels_overrides_the_runs(run_copy, toy):
    file = next((toy / "red").iterdir())
    ours = ("--model", run_copy)
    text = "more than 0.01 million (--max-megapixels)"
    large = run_copy.parent / "large.png"
    Image.new("RGB", (300, 200)).save(large)
    refused = alexnet("predict", *ours, "--max-megapixels", 0.01, file, large)
    assert refused.exit_code == 1 and text in refused.output
    assert refused.output.count("error") == 1
    data = json.loads((run_copy / "run.json").read_text())
    data["preprocess"]["max_pixels"] = 10_000
    (run_copy / "run.json").write_text(json.dumps(data))
    (run_copy / "SHA256SUMS").unlink(missing_ok=True)
    assert text in alexnet("predict", *ours, large).output
    assert alexnet("predict", *ours, "--max-megapixels", 1, large).exit_code == 0
    folder = shutil.copytree(toy, run_copy.parent / "toy")
    shutil.copy(large, folder / "red")
    refused = alexnet("evaluate", *ours, "--data", folder)
    assert refused.exit_code == 1 and text in refused.stderr
    passed = alexnet("evaluate", *ours, "--data", folder, "--max-megapixels", 1, "--compare", run_copy)  # fmt: skip
    assert passed.exit_code == 0, passed.output
    assert alexnet("predict", *ours, "--max-megapixels", 0, large).exit_code == 2


@pytest.mark.slow
def test_train_says_it_and_takes_it(deep, tmp_path):
    words = ["train", "--data", deep, *TINY, "--epochs", "1"]
    auto = alexnet(*words, "--out", tmp_path / "auto")
    assert (
        "warning: 24 image(s) use less than an eighth of their range; --white-level 1023 "
        "makes 1023 white"
    ) in auto.stderr
    level = alexnet(*words, "--out", tmp_path / "level", "--white-level", LEVEL)
    assert level.exit_code == 0 and "eighth" not in level.stderr
    run = Run.open(tmp_path / "level")
    assert run.preprocess.white_level == LEVEL
    assert run.recipe.images.white_level == str(LEVEL)
    assert "1023 and above become 255" in (run.path / "README.md").read_text()
    for command in (["evaluate"], ["predict", deep / "dark" / "00.png"]):
        assert alexnet(*command, "--model", run.path).exit_code == 0
