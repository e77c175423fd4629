"""The page of an evaluation is whole by itself, and heat maps are the published formula."""

import json
import re
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
from helpers import alexnet

from alexnet_cli.inference.gradcam import HeatMaps, last_activation
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import Conv, Dense, Flatten, ReLU
from alexnet_cli.model.model import build_model
from alexnet_cli.reports import plots


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.titles, self.links, self.now = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.now = tag
        if tag == "img":
            self.images.append(values["src"])
        self.links += [
            v for k, v in attrs if k in ("href", "src") and not v.startswith("data:")
        ]

    def handle_data(self, data):
        if self.now == "h2":
            self.titles.append(data)
            self.now = ""


def test_a_report_needs_nothing_beside_it(trained, toy_test, tmp_path):
    file = tmp_path / "deep" / "report.html"
    result = alexnet("evaluate", "--model", trained, "--data", toy_test, "--report", file, "--compare", trained,
                     "--plot-reliability", tmp_path / "r.png")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "McNemar's test p = 1" in result.stdout
    text = file.read_text("utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.titles == [
        "Training", "Confusion", "Classes", "How sure, and how often right",
        "Most confident mistakes, and what spoke for them", "The surest right answer of each class",
        "What the first layer learned",
    ]  # fmt: skip
    assert reader.links == []
    # Curves, confusion, reliability, kernels; and right answers of three classes.
    assert len(reader.images) >= 7
    assert not re.search(r"https?://", text)
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


def test_names_in_a_report_are_only_text(tmp_path, trained):
    import shutil

    from helpers import draw_toy

    data = draw_toy(tmp_path / "<script>alert(1)</script>", each=3)
    run = shutil.copytree(trained, tmp_path / "run")
    done = alexnet(
        "evaluate", "--model", run, "--data", data, "--report", tmp_path / "r.html"
    )
    assert done.exit_code == 0, done.output
    assert "<script>" not in (tmp_path / "r.html").read_text("utf-8")


def test_intervals_and_calibration_are_in_text_and_json(trained, toy_test):
    text = alexnet("evaluate", "--model", trained, "--data", toy_test).stdout
    assert re.search(
        r"top-1 accuracy \d\.\d{4}  95 % interval \d\.\d{4} to \d\.\d{4}", text
    )
    assert re.search(r"calibration    \d\.\d{4}", text)
    found = json.loads(
        alexnet("evaluate", "--model", trained, "--data", toy_test, "--json").stdout
    )
    low, high = found["intervals"]["top1"]
    assert low <= found["top1"] <= high
    assert sum(x["images"] for x in found["reliability"]) == found["images"]
    assert 0 <= found["calibration_error"] <= 1


def test_rejection(trained, toy_test, tmp_path, run_copy):
    known = alexnet("predict", toy_test, "--model", trained, "--json", "--reject", "0.9")
    assert known.exit_code == 0, known.output
    # A threshold that no image reaches.
    lines = (run_copy / "validation.csv").read_text().splitlines()
    sure = [lines[0], *(",".join([*x.split(",")[:3], "0.999999"]) for x in lines[1:])]
    (run_copy / "validation.csv").write_text("\n".join(sure) + "\n")
    unknown = alexnet(
        "predict",
        toy_test,
        "--model",
        run_copy,
        "--json",
        "--reject",
        "1.0",
        "--draw",
        tmp_path / "d",
    )
    answers = [json.loads(x)["answer"] for x in unknown.stdout.splitlines()]
    assert set(answers) == {"unknown"}
    assert (
        "unknown ("
        in alexnet("predict", toy_test, "--model", run_copy, "--reject", "1").stdout
    )
    # All wrong: no threshold will do.
    wrong = [lines[0], *(",".join([x.split(",")[0], "a", "b", "0.9"]) for x in lines[1:])]
    (run_copy / "validation.csv").write_text("\n".join(wrong) + "\n")
    result = alexnet("predict", toy_test, "--model", run_copy, "--reject", "0.5")
    assert result.exit_code == 3 and "no threshold makes" in result.stderr


def test_heat_is_grad_cams_formula():
    arch = Architecture("g", "", 8, 3, (Conv(4, 3), ReLU(), Flatten(), Dense(None)))
    network = build_model(arch, 3, seed=4)
    x = np.random.default_rng(0).normal(0, 1, (2, 8, 8, 3)).astype(np.float32)
    found = HeatMaps(network, arch)(x, np.array([2, 0]))
    maps = np.asarray(keras.Model(network.input, network.get_layer("relu1").output)(x))
    # Logits are linear in the maps: the gradient is the dense layer's kernel.
    kernel = np.asarray(network.get_layer("dense1").kernel).reshape(8, 8, 4, 3)
    for i, label in enumerate((2, 0)):
        importance = kernel[..., label].mean(axis=(0, 1))
        heat = np.maximum((maps[i] * importance).sum(-1), 0)
        np.testing.assert_allclose(found[i], heat / heat.max(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_last_convolutions_activations_are_found(name):
    layer = build_model(ARCHITECTURES[name], 2).get_layer(
        last_activation(ARCHITECTURES[name])
    )
    assert len(layer.output.shape) == 4 and layer.output.shape[1] > 1


def test_kernels_are_shown_with_gray_as_zero():
    weights = np.zeros((11, 11, 3, 96), np.float32)
    weights[0, 0, 0, 0], weights[0, 0, 1, 0] = 2, -1
    sheet = plots.kernels(weights)
    step = 44 + 4
    assert sheet.shape == (6 * step + 4, 16 * step + 4, 3)
    assert tuple(sheet[5, 5]) in {(255, 64, 128), (255, 64, 127)}
    assert tuple(sheet[40, 40]) == (128, 128, 128)


def test_rejection_without_validation_answers_is_one_line(run_copy, toy_test):
    (run_copy / "validation.csv").unlink()
    result = alexnet("predict", toy_test, "--model", run_copy, "--reject", "0.9")
    assert result.exit_code == 3 and "has no validation answers" in result.stderr
    assert len(result.stderr.splitlines()) == 1
