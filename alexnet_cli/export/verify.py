"""What was exported answers as the network does, or it is not kept."""

from typing import Any

import numpy as np

from ..arrays import Floats
from ..dataset.pixel_cache import Examples
from ..inference.classifier import Classifier
from ..inference.network import BATCH, Network, fastest_network
from ..run.run import Run
from .litert import save_litert

LITERT_TOLERANCE = 0.01
"""Most by which a probability of the LiteRT copy may differ from the network's."""


def tta_views(run: Run, validation: Examples, network: Network, tta: str) -> Floats:
    """Probabilities [V, N, K] of every view of each image, in float32."""
    classifier = Classifier(run, tta, network)
    parts = range(0, len(validation), BATCH)
    rows = (validation.rows[x : x + BATCH] for x in parts)
    found = [classifier.views(validation.pixels(x)) for x in rows]
    return np.concatenate(found, axis=1)


def keep_litert(run: Run, network: Any, validation: Examples, expected: Floats) -> bool:
    """Write the LiteRT copy, and keep it if it predicts what the network does.

    `expected` are the network's probabilities [N, K] of one view of each image.
    """
    save_litert(run, network)
    found = tta_views(run, validation, fastest_network(run), "none")[0]
    agrees = np.array_equal(found.argmax(1), expected.argmax(1))
    if not agrees or np.abs(found - expected).max() > LITERT_TOLERANCE:
        run.litert.unlink()
        return False
    return True
