"""Figures of a training: curves, confusion matrix, augmented images."""

import dataclasses

import numpy as np
from PIL import Image

from ..arrays import Doubles
from ..dataset.augmentation.layer import AugmentAndStandardize, copy_crops, geometry
from ..dataset.augmentation.sampling import sample_parameters
from ..dataset.pixel_cache import Examples
from ..evaluation.scores import Scores
from ..run.run import Run
from ..trainer import callbacks
from ..trainer.tensorboard import TensorBoardWriter
from . import plots


def plot_augmented(
    run: Run, training: Examples, lighting: Doubles | None, board: TensorBoardWriter
) -> None:
    """plots/augmented.png: a picture as the network is tested on it, then variants."""
    raw = dataclasses.replace(run.preprocess, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    prepare = AugmentAndStandardize(run.recipe, raw)
    rng = np.random.default_rng(run.recipe.seed)
    pixels = training.pixels(rng.permutation(training.rows)[:6])
    columns = []
    for column in range(8):
        draws = sample_parameters(run.recipe, raw, len(pixels), rng, lighting)
        fed = pixels
        if column and geometry(run.recipe, raw) == "copy":
            fed = copy_crops(pixels, draws, raw.crop)
        columns.append(np.asarray(prepare([fed, draws], training=column > 0)))
    rows = np.rint(np.stack(columns, axis=1)).clip(0, 255).astype(np.uint8)
    picture = plots.sheet(list(rows))
    file = run.path / "plots" / "augmented.png"
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(file)
    board.show_picture("augmented training pictures", picture, step=0)


def plot_training(
    run: Run, history: callbacks.History, scores: Scores, board: TensorBoardWriter
) -> None:
    """Curves and confusion matrix, if matplotlib is there."""
    if not plots.available():
        return
    best = int(history.best["epoch"])
    curves = plots.curves(history.rows, run.recipe, best)
    plots.save(curves, run.path / "plots" / "curves.png")
    title = f"validation, epoch {best}: {scores.top1:.1%} of {scores.images}"
    confusion = plots.confusion(scores, title)
    plots.save(confusion, run.path / "plots" / "confusion.png")
    board.show_picture("confusion matrix", plots.rendered(confusion), step=best)
