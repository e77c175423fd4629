"""What training leaves beside the weights: probabilities, a LiteRT copy, pictures."""

import dataclasses

import numpy as np
from PIL import Image

from . import callbacks, plots
from .board import Board
from .dataset.augmentation.layer import AugmentAndStandardize, copy_crops, geometry
from .dataset.augmentation.sampling import Doubles, sample_parameters
from .dataset.pixel_cache import Examples
from .dataset.split import VAL
from .evaluation.calibration import (
    Labels,
    at_temperature,
    fit_temperature,
    rejection_threshold,
)
from .evaluation.scores import Scores
from .inference.network import Floats
from .model.architecture import trace
from .run.files import write_csv
from .run.run import Run


def seconds(run: Run) -> float:
    """About how long all of this takes, beside judging pictures, on two cores.

    docs/recipes.md says how that was measured.
    """
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    return 8 + 0.2e-6 * parameters


def views_each(tta: str) -> int:
    """How many views of a validation picture are judged: the last is the LiteRT copy's."""
    return {"none": 1, "flip": 2, "ten-crop": 10}[tta] + 1


def calibrated(run: Run, each: Floats, labels: Labels) -> Run:
    """`run` with the temperature, and the threshold it asks for, that fit `each` view."""
    temperature = fit_temperature(each, labels)
    run = dataclasses.replace(run, temperature=temperature)
    if run.recipe.reject is None:
        return run
    answers = at_temperature(each, temperature).mean(axis=0)
    right = answers.argmax(axis=1) == labels
    found = rejection_threshold(answers.max(axis=1), right, run.recipe.reject)
    # Where no threshold is strict enough, everything is unknown.
    return dataclasses.replace(run, threshold=2.0 if found is None else found)


def write_answers(run: Run, probabilities: Floats, labels: Labels) -> None:
    """validation.csv, in the order of split.csv."""
    files = [x["file"] for x in run.split() if x["split"] == VAL]
    best = probabilities.argmax(axis=1)
    rows = [
        (file, run.classes[label], run.classes[told], f"{row[told]:.6f}")
        for file, label, told, row in zip(files, labels, best, probabilities, strict=True)
    ]
    write_csv(run.validation, ("file", "class", "predicted", "probability"), rows)


def show_augmented(
    run: Run, training: Examples, lighting: Doubles | None, board: Board
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


def plot(run: Run, history: callbacks.History, scores: Scores, board: Board) -> None:
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
