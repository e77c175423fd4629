"""An export is kept if its predictions are those of the network."""

import keras
import numpy as np

from ..arrays import Floats
from ..dataset.pixel_cache import Examples
from ..inference.classifier import Classifier
from ..inference.network import BATCH, Network, fastest_network
from ..run.run import Run
from .litert import save_litert

LITERT_TOLERANCE = 0.01
"""Most by which a probability of the LiteRT copy may differ from the network's."""


def tta_views(
    run: Run, validation: Examples, network: Network, count: int | None = None
) -> Floats:
    """Probabilities [V, N, K] of every view of each image, or of the first `count`."""
    classifier = Classifier(run, network=network)
    starts = range(0, len(validation), BATCH)
    batches = (validation.rows[x : x + BATCH] for x in starts)
    views = [classifier.views(validation.pixels(rows), count) for rows in batches]
    return np.concatenate(views, axis=1)


def keep_litert(
    run: Run, network: keras.Model, validation: Examples, expected: Floats
) -> bool:
    """Write the LiteRT copy; whether its predictions are the network's and it is kept.

    `expected` are the network's probabilities [N, K] of the first view of each image.
    """
    save_litert(run, network)
    actual = tta_views(run, validation, fastest_network(run), 1)[0]
    same_labels = np.array_equal(actual.argmax(1), expected.argmax(1))
    if same_labels and np.abs(actual - expected).max() <= LITERT_TOLERANCE:
        return True
    run.litert.unlink()
    return False
