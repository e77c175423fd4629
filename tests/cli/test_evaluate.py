"""evaluate: every image counted once, classes by name, exit codes for scripts."""

import csv
import json
import shutil

import pytest
from helpers import TINY, alexnet, draw_toy, fails
from PIL import Image


def test_evaluate_matches_classes_by_name(trained, toy_test, tmp_path):
    whole = json.loads(
        alexnet("evaluate", "--model", trained, "--data", toy_test, "--json").stdout
    )
    assert whole["images"] == 12 and whole["top5"] is None
    some = tmp_path / "some"
    for name in ("red", "green"):
        shutil.copytree(toy_test / name, some / name)
    result = alexnet("evaluate", "--model", trained, "--data", some, "--json")
    assert "no folder for blue" in result.stderr
    part = json.loads(result.stdout)
    for name in ("red", "green"):
        assert part["classes"][name]["recall"] == whole["classes"][name]["recall"]
    assert part["classes"]["blue"]["support"] == 0


def test_evaluate_refuses_unknown_classes(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red").rename(data / "crimson")
    result = fails(3, "crimson", "evaluate", "--model", trained, "--data", data)
    assert "it knows blue, green, red" in result.stderr
    assert "--ignore-unknown leaves them out" in result.stderr
    result = alexnet("evaluate", "--model", trained, "--data", data, "--ignore-unknown")
    assert result.exit_code == 0 and "8 images" in result.stdout
    fails(3, "one, as", "evaluate", "--model", trained, "--data", parts_of(tmp_path / "p"))


def parts_of(folder):
    draw_toy(folder / "train", each=3)
    draw_toy(folder / "test", each=2)
    return folder


def test_evaluate_text_csv_and_plot(trained, toy_test, tmp_path):
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test,
        "--csv", tmp_path / "each.csv", "--plot", tmp_path / "confusion.png",
    )  # fmt: skip
    assert result.exit_code == 0
    for text in ("top-1 accuracy", "macro F1", "precision", "confusion matrix"):
        assert text in result.stdout
    with (tmp_path / "each.csv").open(newline="") as x:
        rows = list(csv.DictReader(x))
    assert len(rows) == 12
    right = sum(x["class"] == x["predicted"] for x in rows)
    assert f"top-1 accuracy {right / 12:.4f}" in result.stdout
    for row in rows:
        shares = [float(row[x]) for x in ("blue", "green", "red")]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert float(row["probability"]) == max(shares)
    with Image.open(tmp_path / "confusion.png") as image:
        assert image.format == "PNG"


def test_evaluate_without_data_says_what_it_judges_on(trained, toy, tmp_path):
    result = alexnet("evaluate", "--model", trained)
    assert "these images chose the best epoch" in result.stderr
    assert result.stdout.startswith("6 images")
    out = tmp_path / "r"
    options = ("--test-fraction", "0.25", "--epochs", "1")
    assert alexnet("train", "--data", toy, "--out", out, *TINY, *options).exit_code == 0
    result = alexnet("evaluate", "--model", out)
    assert "chose" not in result.stderr
    assert result.stdout.startswith("9 images")


def test_evaluate_warns_of_images_that_were_trained_on(trained, toy):
    result = alexnet("evaluate", "--model", trained, "--data", toy)
    assert "warning: the network was trained on 30 of these images" in result.stderr


def test_evaluate_without_the_images_it_was_trained_on(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "saved")
    file = run / "run.json"
    file.write_text(file.read_text().replace(json.loads(file.read_text())["data"], "/gone"))
    fails(3, "is gone; use --data", "evaluate", "--model", run)


def test_evaluate_passes_an_accuracy_that_is_reached(trained, toy_test):
    args = ("evaluate", "--model", trained, "--data", toy_test, "--tta", "flip", "--json")
    reached = json.loads(alexnet(*args).stdout)["top1"]
    assert reached > 0.5
    assert alexnet(*args, "--assert-accuracy", reached).exit_code == 0


def test_evaluate_fails_an_accuracy_that_is_not_reached(trained, toy_test, tmp_path):
    data = tmp_path / "swapped"
    shutil.copytree(toy_test / "red", data / "green")
    shutil.copytree(toy_test / "green", data / "red")
    result = fails(
        1,
        "is below 0.9",
        "evaluate",
        "--model",
        trained,
        "--data",
        data,
        "--assert-accuracy",
        "0.9",
    )
    assert "most confused" in result.stdout


def test_evaluate_counts_what_it_cannot_read(trained, toy_test, tmp_path):
    data = shutil.copytree(toy_test, tmp_path / "d")
    (data / "red" / "bad.jpg").write_bytes(b"x")
    result = fails(
        1, "1 image(s) cannot be read", "evaluate", "--model", trained, "--data", data
    )
    assert "bad.jpg is not an image" in result.stderr
    assert result.stdout.startswith("12 images")


def test_ten_crops(trained, toy_test):
    result = alexnet(
        "evaluate", "--model", trained, "--data", toy_test, "--tta", "ten-crop"
    )
    assert result.exit_code == 0
