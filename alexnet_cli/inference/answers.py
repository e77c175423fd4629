"""What a network answers is probabilities, whatever the network is computed by."""

from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats
from ..errors import RunError, printable

TOLERANCE = 1e-3
"""Of the sum of float32 probabilities."""


def probabilities(
    found: Any, shape: tuple[int, int], resolution: float, source: Path
) -> Floats:
    """`found`, which is float [B, K] of `shape`: every row is 0 or more and sums to 1.

    `resolution` is the distance of two neighboring values, 0 for floats; `source` is the
    file or the folder that the network was read from.

    Raises:
        RunError: it is something else.
    """
    rows: Floats = np.asarray(found)
    slack = TOLERANCE + resolution * shape[1]
    if (
        rows.shape != shape
        or rows.dtype.kind != "f"
        or not (rows >= -TOLERANCE).all()
        or not (abs(rows.sum(axis=1) - 1) <= slack).all()
    ):
        raise RunError(
            f"{printable(source)} answers with numbers that are not probabilities; it is "
            f"damaged, or its training has failed: train or export it again"
        )
    return rows
