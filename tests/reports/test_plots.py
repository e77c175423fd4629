"""Figures show the numbers they are given, named by the field's words."""

import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.evaluation.calibration import expected_calibration_error, reliability
from alexnet_cli.evaluation.scores import score
from alexnet_cli.reports import plots, sheets
from alexnet_cli.reports.fonts import fonts_for
from alexnet_cli.reports.text import cells

ROWS = [
    {
        "epoch": i, "loss": 2 / i, "val_loss": 2.5 / i, "accuracy": 1 - 1 / i,
        "val_accuracy": 0.9 - 0.8 / i, "macro_f1": 0.1 * i, "val_macro_f1": 0.05 * i,
    }
    for i in range(1, 8)
]  # fmt: skip


def legend(axes):
    return [x.get_text() for x in axes.get_legend().get_texts()]


# Curves


def test_curves_are_the_rows():
    figure = plots.curves(ROWS, ["accuracy", "macro_f1"], best=5)
    assert [x.get_title() for x in figure.axes] == ["loss", "accuracy", "macro F1"]
    assert {x.get_xlabel() for x in figure.axes} == {"epoch"}
    for axes, name in zip(figure.axes, ("loss", "accuracy", "macro_f1"), strict=True):
        training, validation, best = axes.lines
        for line, key in ((training, name), (validation, f"val_{name}")):
            assert list(line.get_xdata()) == list(range(1, 8))
            assert list(line.get_ydata()) == [x[key] for x in ROWS]
        assert list(best.get_xdata()) == [5, 5]
        # From zero, so that heights can be compared, and everything is inside.
        low, high = axes.get_ylim()
        assert low == 0 and high > max(max(x[name], x[f"val_{name}"]) for x in ROWS)
    assert legend(figure.axes[0]) == ["training", "validation", "best epoch: 5"]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_epochs_are_whole_numbers(count):
    figure = plots.curves(ROWS[:count], ["accuracy"], best=1)
    plots.rendered(figure)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [x for x in axes.get_xticks() if low <= x <= high]
        assert ticks and all(x == int(x) and 1 <= x <= count for x in ticks)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_a_gap(value):
    rows = [dict(x) for x in ROWS]
    rows[2]["val_loss"] = value
    figure = plots.curves(rows, ["accuracy"], best=1)
    assert np.isfinite(figure.axes[0].get_ylim()).all()
    plots.rendered(figure)


# Confusion matrix


def scores_of(labels, predicted, classes):
    return score(np.eye(len(classes))[predicted], np.array(labels), classes)


def test_a_confusion_matrix_has_counts_and_fractions():
    scores = scores_of([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], ("cat", "dog"))
    figure = plots.confusion(scores, "on 6 images")
    axes, bar = figure.axes
    assert axes.get_title() == "on 6 images"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert bar.get_ylabel() == "fraction of the true class"
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [x.get_text() for x in labels] == ["cat", "dog"]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    # Row and column are y and x; a cell of nothing has no number.
    counts = {x.get_position()[::-1]: x.get_text() for x in axes.texts}
    assert counts == {(0, 0): "3", (0, 1): "1", (1, 1): "2"}
    # Numbers can be read on dark cells.
    colors = {x.get_position()[::-1]: x.get_color() for x in axes.texts}
    assert colors == {(0, 0): "white", (0, 1): "black", (1, 1): "white"}


def test_classes_that_do_not_occur_are_left_out():
    scores = scores_of([0, 0], [0, 3], ("a", "b", "c", "d"))
    axes = plots.confusion(scores, "").axes[0]
    assert [x.get_text() for x in axes.get_xticklabels()] == ["a", "d"]
    # A class without images, which was predicted: fractions of nothing are 0.
    np.testing.assert_array_equal(axes.images[0].get_array()[1], [0, 0])


@pytest.mark.parametrize("count", [2, 6, 7, 13, pytest.param(200, marks=pytest.mark.slow)])
def test_any_number_of_classes_can_be_drawn(count):
    labels = np.arange(count)
    scores = scores_of(labels, labels[::-1], tuple(f"class {i}" for i in labels))
    pixels = plots.rendered(plots.confusion(scores, "title"))
    assert pixels.dtype == np.uint8 and max(pixels.shape) < 2600
    assert (pixels != 255).any(axis=-1).mean() > 0.05


def test_names_are_never_formulas_and_never_warn():
    names = ("$\\frac{1$", "a\nb", "цветок", "\u4e2d\u6587", "bad\udcff")
    scores = scores_of([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], names)
    figure = plots.confusion(scores, "title")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.rendered(figure)
    found = [x.get_text() for x in figure.axes[0].get_yticklabels()]
    chinese = fonts_for(names).drawable("\u4e2d\u6587")
    assert found == ["$\\frac{1$", "a\\nb", "цветок", chinese, "bad\\xff"]


def test_a_long_name_leaves_room_for_the_matrix():
    names = ("x" * 300, "\u732b" * 300, "Carcharodon carcharias, a fish", "a")
    figure = plots.confusion(scores_of([0, 1, 2, 3], [0, 1, 2, 3], names), "")
    pixels = plots.rendered(figure)
    for label in figure.axes[0].get_yticklabels():
        assert cells(label.get_text()) <= plots.LONGEST_NAME
    shown = figure.axes[0].get_yticklabels()[2].get_text()
    assert shown == "Carcharodo...as, a fish"
    dark = (pixels < 130).all(axis=-1)
    assert dark.any() and max(pixels.shape) < 1200
    assert figure.axes[0].get_position().width > 0.3


@pytest.mark.parametrize(
    "count",
    [
        101,
        pytest.param(257, marks=pytest.mark.slow),
        pytest.param(1000, marks=pytest.mark.slow),
    ],
)
def test_many_classes_are_named_here_and_there_and_not_numbered(count):
    labels = np.arange(count)
    scores = scores_of(labels, np.roll(labels, 1), tuple(f"class {i}" for i in labels))
    figure = plots.confusion(scores, "title")
    axes = figure.axes[0]
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert plots.SOME_NAMED / 2 <= len(ticks) <= plots.SOME_NAMED
        step = -(-count // plots.SOME_NAMED)
        assert [x.get_text() for x in ticks][:2] == ["class 0", f"class {step}"]
        assert [x.get_position() for x in ticks][1] in ((step, 0), (0, step))
    assert axes.get_xlabel() == f"predicted class ({count}, one in {step} is named)"
    assert not axes.texts
    pixels = plots.rendered(figure)
    assert max(pixels.shape) < 2600
    # What is predicted wrongly once can be seen.
    assert (pixels[..., 0] < 150).any()


def test_cells_have_numbers_unless_there_are_too_many():
    count = 40
    dense = np.repeat(np.arange(count), count)
    every = scores_of(
        dense, np.tile(np.arange(count), count), tuple(f"c{i}" for i in range(count))
    )
    assert count**2 > plots.MOST_NUMBERS and not plots.confusion(every, "").axes[0].texts
    few = scores_of(
        np.arange(count), np.arange(count), tuple(f"c{i}" for i in range(count))
    )
    assert len(plots.confusion(few, "").axes[0].texts) == count


# Reliability diagram


def test_a_reliability_diagram_has_accuracy_by_confidence():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet((0.5, 0.5, 0.5), 200)
    bins = reliability(probabilities, rng.integers(0, 3, 200))
    figure = plots.reliability(bins)
    axes, counts = figure.axes
    error = expected_calibration_error(bins)
    title = f"Reliability diagram\nexpected calibration error (ECE) {error:.3f}"
    assert axes.get_title() == title and axes.get_ylabel() == "accuracy"
    assert (counts.get_xlabel(), counts.get_ylabel()) == ("confidence", "images")
    assert legend(axes) == ["perfectly calibrated", "accuracy"]
    for patches, name in ((axes.patches, "accuracy"), (counts.patches, "images")):
        assert [x.get_height() for x in patches] == [getattr(x, name) for x in bins]
        for patch, one in zip(patches, bins, strict=True):
            left, width = patch.get_x(), patch.get_width()
            assert (left, left + width) == pytest.approx((one.low, one.high))
    ((x, y),) = ((line.get_xdata(), line.get_ydata()) for line in axes.lines)
    assert list(x) == list(y) == [0, 1]
    plots.rendered(figure)
    assert all(x == int(x) for x in counts.get_yticks())


# Sheets and single images


def test_kernels_have_gray_as_zero():
    weights = np.zeros((11, 11, 3, 96), np.float32)
    weights[0, 0, 0, 0], weights[0, 0, 1, 0] = 2, -1
    sheet = sheets.kernels(weights)
    step = 44 + 4
    assert sheet.shape == (6 * step + 4, 16 * step + 4, 3)
    assert tuple(sheet[5, 5]) in {(255, 64, 128), (255, 64, 127)}
    assert tuple(sheet[40, 40]) == (128, 128, 128)


@given(scale=st.floats(1e-6, 1e6))
def test_kernels_look_the_same_at_any_scale(scale):
    weights = np.random.default_rng(0).normal(0, 1, (3, 3, 3, 5)).astype(np.float32)
    one, other = sheets.kernels(weights), sheets.kernels(np.float32(scale) * weights)
    # One level where rounding decides.
    assert np.abs(one.astype(int) - other).max() <= 1


def test_heat_is_blue_where_it_is_cold_and_red_where_it_is_hot():
    pixels = np.full((2, 2, 3), 100, np.uint8)
    heat = np.array([[0.0, 0.5], [0.75, 1.0]], np.float32)
    found = sheets.heated(pixels, heat)
    assert found.dtype == np.uint8 and found.shape == pixels.shape
    red, blue = found[..., 0].astype(int), found[..., 2].astype(int)
    assert blue[0, 0] > red[0, 0] and red[1, 1] > blue[1, 1]
    # The image is still there: 55 % of it.
    np.testing.assert_allclose(found[0, 0], 55 + 0.45 * np.array((30, 40, 140)), atol=0.5)


def test_a_sheet_has_each_image_in_its_place():
    rows = [
        np.full((n, 10, 10, 3), [[[[i * 40, n * 10, 7]]]], np.uint8)
        for i, n in enumerate((3, 1))
    ]
    found = sheets.sheet(rows, side=8, gap=2)
    assert found.shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    np.testing.assert_array_equal(found[6, 6], (0, 30, 7))
    np.testing.assert_array_equal(found[16, 6], (40, 10, 7))
    # Between them, and where a shorter row has ended, paper.
    assert (found[11] == 255).all() and (found[14:20, 14:] == 255).all()


@pytest.mark.parametrize("shape", [(30, 40), (500, 300), (64, 1000)])
def test_a_label_is_a_dark_bar_below(shape):
    pixels = np.full((*shape, 3), 240, np.uint8)
    image = sheets.labeled(pixels, "roses 97.9 %")
    found = np.asarray(image)
    assert min(image.size) >= min(
        200, *shape
    ) and image.width / image.height == pytest.approx(shape[1] / shape[0], rel=0.02)
    assert (found[0] == 240).all()
    # The last row is below the text, which is white on dark above it.
    assert (found[-1] == 20).all()
    bar = found[(found == 20).all(axis=-1).any(axis=1)]
    assert bar.max() > 200 and 0.04 < len(bar) / image.height < 0.8


def test_a_file_has_the_format_of_its_extension(tmp_path):
    figure = plots.curves(ROWS, ["accuracy"], best=1)
    for name, form in (("a.png", "PNG"), ("b.jpg", "JPEG")):
        plots.save(figure, tmp_path / "new" / name)
        with Image.open(tmp_path / "new" / name) as image:
            assert image.format == form and image.width > 500


def test_an_svg_is_drawn_in_lines(tmp_path):
    plots.save(plots.curves(ROWS, ["accuracy"], best=1), tmp_path / "new" / "a.SVG")
    root = ElementTree.parse(tmp_path / "new" / "a.SVG").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 20
    assert not list(root.iter("{http://www.w3.org/2000/svg}image"))


def test_saving_returns_what_was_saved(tmp_path):
    figure = plots.curves(ROWS, ["accuracy"], best=1)
    pixels = plots.save(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(image, pixels)
