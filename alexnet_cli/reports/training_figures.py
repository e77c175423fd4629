"""What a run directory shows of itself: curves, confusion matrix, images, its card."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..arrays import Doubles, Pixels
from ..dataset.augmentation.layer import AugmentAndStandardize, copy_crops, geometry
from ..dataset.augmentation.parameters import AugmentationParameters
from ..dataset.augmentation.sampling import sample_parameters
from ..dataset.pixel_cache import Examples
from ..evaluation.scores import Scores
from ..run import digests
from ..run.files import write_text
from ..run.run import Run
from . import plots, sheets
from .model_card import CARD, card

ROWS, COLUMNS = 6, 8


def augmented(run: Run, training: Examples, lighting: Doubles | None) -> Pixels:
    """Write plots/augmented.png: in each row an image as it is validated, then variants."""
    raw = dataclasses.replace(run.preprocess, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    augmentation = run.recipe.augmentation
    layer = AugmentAndStandardize(augmentation, raw)
    rng = np.random.default_rng(run.recipe.machine.seed)
    pixels = training.pixels(rng.permutation(training.rows)[:ROWS])
    columns = []
    for column in range(COLUMNS):
        packed = sample_parameters(augmentation, raw, len(pixels), rng, lighting).pack()
        fed = pixels
        if column and geometry(augmentation, raw) == "copy":
            affine = AugmentationParameters.unpack(packed).affine
            side = raw.input_size
            fed = copy_crops(
                pixels, affine, np.empty((len(pixels), side, side, 3), np.uint8)
            )
        columns.append(np.asarray(layer([fed, packed], training=column > 0)))
    rows = np.rint(np.stack(columns, axis=1)).clip(0, 255).astype(np.uint8)
    sheet = sheets.sheet(list(rows))
    plots.write_image(Image.fromarray(sheet), run.path / "plots" / "augmented.png")
    return sheet


def results(run: Run, rows: Sequence[dict[str, float]], scores: Scores) -> Pixels:
    """Write plots/curves.png and confusion.png; the latter as uint8 [H, W, 3]."""
    best = int(run.metrics["epoch"])
    curves = plots.curves(rows, run.recipe.stopping.metric_names(), best)
    plots.save(curves, run.path / "plots" / "curves.png")
    title = (
        f"epoch {best}: top-1 accuracy {scores.top1:.1%} on {scores.images} "
        f"validation images"
    )
    confusion = plots.confusion(scores, title)
    return plots.save(confusion, run.path / "plots" / "confusion.png")


def describe(run: Run) -> None:
    """Write README.md, the card of the run, unless the user has changed it."""
    if digests.is_as_written(run.path, CARD):
        write_text(run.path / CARD, card(run))
