"""The page of an evaluation is whole by itself, and shows what the evaluation has."""

import base64
import hashlib
import io
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers import alexnet, draw_toy
from PIL import Image

from alexnet_cli import __version__
from alexnet_cli.evaluation.result import Comparison
from alexnet_cli.evaluation.significance import McNemar
from alexnet_cli.recipe.sections import TTA
from alexnet_cli.reports.evaluation_html import MOST_CORRECT, MOST_MISTAKES, page
from alexnet_cli.run.provenance import data_digest
from alexnet_cli.run.run import Run

TITLES = [
    "Training", "Confusion matrix", "Classes", "Calibration", "Most confident mistakes",
    "Most confident correct prediction per class", "Kernels of the first layer",
]  # fmt: skip
ROWS = [
    (0.75, 0.25, 0.0), (0.5, 0.375, 0.125), (0.25, 0.625, 0.125),
    (0.125, 0.75, 0.125), (0.875, 0.0, 0.125), (0.0, 0.0, 1.0),
]  # fmt: skip
LABELS = (0, 0, 0, 1, 1, 2)


class Reader(HTMLParser):
    """Titles, links, images with their alternative text, and all text of a page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.titles, self.links, self.text, self.now = [], [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.now = tag
        assert tag != "script"
        if tag == "img":
            self.images.append((values["alt"], values["src"]))
        self.links += [
            v for k, v in attrs if k in ("href", "src") and not v.startswith("data:")
        ]

    def handle_data(self, data):
        if data.strip():
            self.text.append(data.strip())
        if self.now == "h2":
            self.titles.append(data)
            self.now = ""

    def between(self, first, last):
        """The text from the title `first` to the title `last`."""
        return self.text[self.text.index(first) + 1 : self.text.index(last)]


@pytest.fixture
def make_page(make_evaluation, trained, toy):
    """A function of what `make_evaluation` takes to the parsed page; files are toy's."""
    some = [toy / "blue" / f"{i:02}.{'png' if i % 2 else 'jpg'}" for i in range(12)]

    def make(rows=ROWS, labels=LABELS, *, files=None, **fields):
        run = fields.pop("run", Run.open(trained))
        files = files or [some[i % 12] for i in range(len(rows))]
        return Reader(page(make_evaluation(rows, labels, run=run, files=files, **fields)))

    return make


def test_the_page_has_all_its_parts(make_page, trained, toy):
    found = make_page()
    assert found.titles == TITLES and found.links == []
    # Four figures, two mistakes, one correct prediction of each class.
    assert len(found.images) == 4 + 2 + 3
    assert all(x.startswith("data:image/") for _, x in found.images)
    run = Run.open(trained)
    # In the window's title and as the headline.
    assert found.text.count(f"{trained} on 6 images") == 2
    for name, value in (
        ("trained on", str(toy)),
        (
            "images",
            "resized to 36 x 36 pixels (crop); the network sees the central 32 x 32",
        ),
        ("best epoch", f"{run.metrics['epoch']:.0f}, validation accuracy 100.0%"),
        ("temperature", "1.000"),
        ("created", run.created),
    ):
        assert found.text[found.text.index(name) + 1] == value


@pytest.mark.parametrize("tta", TTA)
def test_the_page_tells_the_views(make_page, tta):
    text = make_page(tta=tta).text
    told = text[text.index("images") + 1]
    assert told.startswith("resized to 36 x 36 pixels (crop); the network sees ")
    assert ("mirror" in told, "3/4" in told, "corners" in told) == (
        tta != "none", tta == "two-scale", tta == "ten-crop",
    )  # fmt: skip


def test_the_verdict_is_accuracy_and_its_interval(make_page):
    text = " ".join(make_page().text)
    assert re.search(
        r"Top-1 accuracy 66\.7% on 6 images, 95% interval \d+\.\d% to \d+\.\d%\.", text
    )
    assert "trained on 3 of these" not in text and "The other run" not in text


def test_the_page_says_what_its_numbers_are_of(make_page, trained):
    found, run = make_page(), Run.open(trained)
    for part in (
        str(trained), run.created, run.provenance.data_digest, __version__,
        data_digest([("", "blue")] * 3 + [("", "green")] * 2 + [("", "red")]),
        hashlib.sha256(run.weights.read_bytes()).hexdigest(),
    ):  # fmt: skip
        assert any(part in x for x in found.text), part


def test_training_images_and_another_run_are_in_the_verdict(make_page, trained):
    comparison = Comparison(0.5, McNemar(3, 2, 1.0), 0, Run.open(trained))
    text = " ".join(make_page(trained_on=3, comparison=comparison).text)
    assert f"other run {trained}: tiny, " in text
    assert "The network was trained on 3 of these images." in text
    assert (
        "The other run: 50.0%. Only this run is correct on 3 images, only the other run on 2; "
        "McNemar's test: p = 1."
    ) in text


def test_classes_are_worst_first(make_page):
    found = make_page()
    assert found.between("Classes", "Calibration") == [
        "class", "precision", "recall", "F1", "images",
        "green", "0.500", "0.500", "0.500", "2",
        "blue", "0.667", "0.667", "0.667", "3",
        "red", "1.000", "1.000", "1.000", "1",
    ]  # fmt: skip


def test_the_most_confident_come_first(make_page):
    found = make_page()
    captions = [x for x, _ in found.images if "%" in x]
    assert captions == [
        # Mistakes, then the best of each class.
        "blue 87.5%, true class green", "green 62.5%, true class blue",
        "red 100.0%", "blue 75.0%", "green 75.0%",
    ]  # fmt: skip


def test_images_that_cannot_be_read_are_not_shown(make_page):
    found = make_page([*ROWS, None], (*LABELS, 1))
    assert len(found.images) == 9


def test_without_mistakes_it_says_so(make_page):
    found = make_page(np.eye(3), (0, 1, 2))
    start = found.text.index("Most confident mistakes")
    assert "None." in found.text[start : start + 4]


@pytest.mark.slow
def test_long_lists_are_cut(make_page):
    count = MOST_MISTAKES + 5
    found = make_page(np.tile((0.6, 0.3, 0.1), (count, 1)), [1] * count)
    captions = [x for x, _ in found.images if "%" in x]
    assert captions == ["blue 60.0%, true class green"] * MOST_MISTAKES
    assert MOST_CORRECT < MOST_MISTAKES


def test_a_card_is_the_image_beside_its_heat_map(make_page, toy):
    file = toy / "blue" / "01.png"
    found = make_page([(0.25, 0.5, 0.25)], [0], files=[file])
    ((_, uri),) = [x for x in found.images if "%" in x[0]]
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        pixels = np.asarray(image, float)
    assert pixels.shape == (32, 64, 3)
    with Image.open(file) as image:
        expected = np.asarray(image.convert("RGB"), float).mean(axis=(0, 1))
    # JPEG of noise: the color survives, the noise does not.
    np.testing.assert_allclose(pixels[:, :32].mean(axis=(0, 1)), expected, atol=12)
    assert np.abs(pixels[:, 32:] - pixels[:, :32]).mean() > 5


def test_an_imported_run_has_no_curves(make_page, run_copy):
    (run_copy / "history.csv").unlink()
    run = Run.open(run_copy)
    data = (run_copy / "run.json").read_text().replace(run.data, "")
    (run_copy / "run.json").write_text(
        re.sub(r'"metrics": \{[^}]*\}', '"metrics": {}', data)
    )
    found = make_page(run=Run.open(run_copy))
    assert found.titles == TITLES[1:]
    assert "best epoch" not in found.text and "trained on" not in found.text


@pytest.mark.slow
def test_the_command_writes_a_page_that_needs_nothing_beside_it(
    trained, toy_test, tmp_path
):
    file = tmp_path / "deep" / "report.html"
    result = alexnet("evaluate", "--model", trained, "--data", toy_test, "--report", file, "--compare", trained,
                     "--plot-reliability", tmp_path / "r.png")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "McNemar's test    p = 1: not significant" in result.stdout
    text = file.read_text("utf-8")
    found = Reader(text)
    assert found.titles == TITLES and found.links == []
    # Curves, confusion, reliability, kernels; and correct predictions of three classes.
    assert len(found.images) >= 7
    assert not re.search(r"https?://", text)
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


def test_names_on_a_page_are_only_text(tmp_path, trained):
    data = draw_toy(tmp_path / "<script>alert(1)</script>", each=3)
    run = shutil.copytree(trained, tmp_path / "run")
    done = alexnet(
        "evaluate", "--model", run, "--data", data, "--report", tmp_path / "r.html"
    )
    assert done.exit_code == 0, done.output
    text = Path(tmp_path / "r.html").read_text("utf-8")
    assert "<script>" not in text and "&lt;script&gt;" in text
