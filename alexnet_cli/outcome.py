"""What training leaves beside the weights: probabilities, a LiteRT copy, pictures."""

import dataclasses
from typing import Any

import numpy as np
from PIL import Image

from . import callbacks, plots
from .augment import Doubles, Prepare, cut_out, draw, geometry
from .board import Board
from .cache import Examples
from .export import save_lite
from .images import Pixels
from .inference import BATCH, Classifier, Floats, Network, fastest_network
from .metrics import Scores
from .run import Run

LITE_MAY_DIFFER = 0.01
"""Most by which a probability of the LiteRT copy may differ from the network's."""


def probabilities(run: Run, validation: Examples, network: Network) -> Floats:
    """[N, K] of the weights that were kept, in float32 as evaluate computes them."""
    classifier = Classifier(run, network=network)
    parts = range(0, len(validation), BATCH)
    rows = [classifier(validation.pixels(validation.rows[x : x + BATCH])) for x in parts]
    return np.concatenate(rows)


def keep_lite(run: Run, network: Any, validation: Examples, expected: Floats) -> bool:
    """Write the LiteRT copy, and keep it if it answers as the network does."""
    save_lite(run, network)
    found = probabilities(run, validation, fastest_network(run))
    agrees = np.array_equal(found.argmax(1), expected.argmax(1))
    if not agrees or np.abs(found - expected).max() > LITE_MAY_DIFFER:
        run.lite.unlink()
        return False
    return True


def show_augmented(
    run: Run, training: Examples, lighting: Doubles | None, board: Board
) -> None:
    """plots/augmented.png: a picture as the network is tested on it, then variants."""
    raw = dataclasses.replace(run.preprocess, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    prepare = Prepare(run.recipe, raw)
    rng = np.random.default_rng(run.recipe.seed)
    rows: list[Pixels] = []
    for row in rng.permutation(training.rows)[:6]:
        pixels = np.repeat(training.pixels([row]), 7, axis=0)
        draws = draw(run.recipe, raw, len(pixels), rng, lighting)
        plain = prepare([pixels[:1], draws[:1]], training=False)
        if geometry(run.recipe, raw) == "copy":
            pixels = cut_out(pixels, draws, raw.crop)
        varied = prepare([pixels, draws], training=True)
        both = np.concatenate([np.asarray(plain), np.asarray(varied)])
        rows.append(np.rint(both).clip(0, 255).astype(np.uint8))
    picture = plots.sheet(rows)
    file = run.path / "plots" / "augmented.png"
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(file)
    board.show_picture("augmented training pictures", picture, step=0)


def plot(run: Run, records: callbacks.Records, scores: Scores, board: Board) -> None:
    """Curves and confusion matrix, if matplotlib is there."""
    if not plots.available():
        return
    best = int(records.best["epoch"])
    curves = plots.curves(records.rows, run.recipe, best)
    plots.save(curves, run.path / "plots" / "curves.png")
    title = f"validation, epoch {best}: {scores.top1:.1%} of {scores.images}"
    confusion = plots.confusion(scores, title)
    plots.save(confusion, run.path / "plots" / "confusion.png")
    board.show_picture("confusion matrix", plots.rendered(confusion), step=best)
