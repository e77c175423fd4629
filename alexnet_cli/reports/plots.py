"""Figures by matplotlib: curves, confusion matrices, reliability diagrams."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..arrays import Floats, Pixels
from ..errors import RecipeError, printable
from ..evaluation.calibration import ReliabilityBin, expected_calibration_error
from ..evaluation.scores import Scores
from ..run.files import make_folder_of, replacing
from .fonts import fonts_for, quiet_matplotlib
from .text import cells

BLUE, ORANGE = "#1f77b4", "#ff7f0e"
MOST_NAMED, SOME_NAMED = 100, 50
"""Of more classes than the first, about the second number are named beside a matrix."""
LONGEST_NAME = 24
"""Characters of a name beside a matrix."""
MOST_NUMBERED, MOST_NUMBERS = 60, 1000
"""Classes of a matrix with numbers in its cells, and their number: drawing takes long."""


def curves(rows: Sequence[dict[str, float]], metrics: Sequence[str], best: int) -> Any:
    """A Figure of the loss and `metrics` over epochs; `best` is the epoch that was kept."""
    names = ["loss", *metrics]
    figure = _figure(4.6 * len(names), 3.6)
    epochs = [int(x["epoch"]) for x in rows]
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1)
        for key, label, color in (
            (name, "training", BLUE),
            (f"val_{name}", "validation", ORANGE),
        ):
            axes.plot(epochs, [x[key] for x in rows], ".-", label=label, color=color)
        axes.axvline(best, color="gray", linestyle=":", label=f"best epoch: {best}")
        axes.set(title=name.replace("_f1", " F1"), xlabel="epoch")
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    return figure


def confusion(scores: Scores, title: str) -> Any:
    """A Figure of the confusion matrix; colors are fractions of the true class.

    Classes without images that were never predicted are left out. Of many classes the
    cells have no numbers, and only some are named.
    """
    from matplotlib.colors import PowerNorm

    scores = scores.occurring()
    count = len(scores.classes)
    side = min(4.5 + 0.32 * count, 20)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    # The mistakes among many classes would be as white as no mistakes.
    norm = PowerNorm(0.4 if count > MOST_NUMBERED else 1, 0, 1)
    support = scores.confusion.sum(axis=1, keepdims=True)
    fraction = scores.confusion / np.maximum(support, 1)
    image = axes.imshow(fraction, cmap="Blues", norm=norm)
    figure.colorbar(image, ax=axes, shrink=0.8, label="fraction of the true class")
    axes.set_title(title)
    _name_classes(axes, [x.name for x in scores.classes])
    if count <= MOST_NUMBERED and np.count_nonzero(scores.confusion) <= MOST_NUMBERS:
        _number_cells(axes, scores, fraction)
    return figure


def _name_classes(axes: Any, names: Sequence[str]) -> None:
    """Label both axes with `names`; of many of them with one in so many."""
    count = len(names)
    step = -(-count // SOME_NAMED) if count > MOST_NAMED else 1
    fonts = fonts_for(names)
    shown = [_cut(fonts.drawable(x)) for x in names[::step]]
    font = {
        "fontsize": _font_size(count),
        "fontfamily": fonts.families(),
        # A dollar sign in a name does not start a formula.
        "parse_math": False,
    }
    # Slanted names end below their column, upright ones are centered there.
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    turned = slanted if count <= 6 else {"rotation": 90}
    axes.set_xticks(range(0, count, step), shown, **font, **turned)
    axes.set_yticks(range(0, count, step), shown, **font)
    some = f" ({count}, one in {step} is named)" if step > 1 else ""
    axes.set(xlabel=f"predicted class{some}", ylabel=f"true class{some}")


def _number_cells(axes: Any, scores: Scores, fraction: Floats) -> None:
    """Write into each cell how many images it has."""
    size = _font_size(len(scores.classes))
    for row, column in np.argwhere(scores.confusion > 0):
        color = "white" if fraction[row, column] > 0.5 else "black"
        text = str(scores.confusion[row, column])
        cell = axes.text(
            column, row, text, ha="center", va="center", color=color, fontsize=size
        )
        cell.set_in_layout(False)  # They are in the axes, and many to measure.


def _font_size(count: int) -> int:
    return 9 if count <= 12 else 6


def _cut(name: str) -> str:
    """`name`, or its beginning and its end if it would take the room of the matrix."""
    if cells(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 3) // 2 * len(name) // cells(name)
    return f"{name[:half]}...{name[-half:]}"


def reliability(bins: Sequence[ReliabilityBin]) -> Any:
    """A Figure of accuracy by confidence, with the number of images in each of `bins`."""
    figure = _figure(4.6, 5.2)
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = bins[0].high - bins[0].low
    lows = [x.low for x in bins]
    edges = {"align": "edge", "edgecolor": "white"}
    axes.bar(lows, [x.accuracy for x in bins], width, color=BLUE, label="accuracy", **edges)
    axes.plot([0, 1], [0, 1], "--", color="gray", label="perfectly calibrated")
    error = expected_calibration_error(bins)
    axes.set(
        ylim=(0, 1),
        ylabel="accuracy",
        title=f"Reliability diagram\nexpected calibration error (ECE) {error:.3f}",
    )
    axes.legend(frameon=False, loc="upper left")
    counts.bar(lows, [x.images for x in bins], width, color="gray", **edges)
    counts.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
    counts.yaxis.get_major_locator().set_params(integer=True)
    return figure


def save(figure: Any, file: Path) -> Pixels:
    """Write a Figure in the image format of `file`'s extension; it as uint8 [H, W, 3].

    Without an extension, as pipes and devices are, it is PNG.

    Raises:
        RecipeError: no such format is written.
        OSError: the file cannot be written.
    """
    form = format_of(file)
    pixels = rendered(figure)
    if form == "SVG":
        make_folder_of(file)
        with replacing(file) as part:
            _save(figure, part, form)
    else:
        write_image(Image.fromarray(pixels), file, form)
    return pixels


def write_image(image: Image.Image, file: Path, form: str = "PNG") -> None:
    """Write `image` to `file`, whole or not at all; its folder is made.

    Raises:
        OSError: it cannot be written.
    """
    make_folder_of(file)
    with replacing(file) as part:
        image.save(part, form)


def format_of(file: Path) -> str:
    """The image format that `file` is written in: SVG, or as Pillow calls it.

    Raises:
        RecipeError: no color images are written in the format of its extension.
    """
    if not file.suffix:
        return "PNG"
    if file.suffix.lower() == ".svg":
        return "SVG"
    form = Image.registered_extensions().get(file.suffix.lower(), "")
    try:
        Image.new("RGB", (1, 1)).save(io.BytesIO(), form)
    except (KeyError, ValueError, OSError) as error:
        raise RecipeError(
            f"{printable(file)}: no images are written in the format {file.suffix}; "
            f"choose .png, .jpg or .svg"
        ) from error
    return form


def rendered(figure: Any) -> Pixels:
    """A Figure as uint8 [H, W, 3]."""
    file = io.BytesIO()
    _save(figure, file, "PNG")
    return np.asarray(Image.open(file).convert("RGB"))


def _save(figure: Any, file: Path | io.BytesIO, form: str) -> None:
    with quiet_matplotlib():
        figure.savefig(file, format=form.lower(), bbox_inches="tight", pad_inches=0.1)


def _figure(width: float, height: float) -> Any:
    with quiet_matplotlib():
        from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")
