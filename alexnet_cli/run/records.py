"""The numbers of history.csv and validation.csv."""

import math
from collections.abc import Mapping

_ROUNDED_ONE = 1.01
_MAX_FLOAT32 = 3.5e38


def numbers(row: Mapping[str, str]) -> dict[str, float]:
    """A row of history.csv, in which a loss may be NaN or infinite.

    Raises:
        ValueError: it is of no epoch, or has what is no float32.
    """
    found = {k: float(v) for k, v in row.items()}
    if not 1 <= found["epoch"] < 1e6:
        raise ValueError(f"there is no epoch {found['epoch']:g}")
    if any(math.isfinite(x) and abs(x) > _MAX_FLOAT32 for x in found.values()):
        raise ValueError("a number is too large")
    return found


def probability(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        ValueError: it is another one, or none.
    """
    found = float(text)
    if not 0 <= found <= _ROUNDED_ONE:
        raise ValueError(f"{found:g} is not a probability")
    return found
