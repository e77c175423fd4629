"""The values of --stop-at: which metrics, and what each of them can be."""

import math
from collections.abc import Sequence

from ..errors import RecipeError


def stop_targets(text: str, metrics: Sequence[str]) -> dict[str, float]:
    """The targets of `text`, as accuracy=1.0,loss=0.03, by metric.

    Raises:
        RecipeError: not a list of METRIC=NUMBER with `metrics`, each of them at most once
            and with a value that it can have.
    """
    targets: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = (x.strip() for x in item.partition("="))
        if not item.strip():
            continue
        number = _number(value)
        if number is None or name not in metrics:
            raise RecipeError(
                f"--stop-at: {item!r} is not METRIC=NUMBER with one of {', '.join(metrics)}"
            )
        if name in targets:
            raise RecipeError(f"--stop-at: {name} is listed twice; leave one out")
        high = math.inf if name == "loss" else 1.0
        if not 0 <= number <= high:
            bounds = "0 or more" if math.isinf(high) else "0 to 1"
            raise RecipeError(f"--stop-at: {item!r} is not in the range {bounds}")
        targets[name] = number
    return targets


def _number(text: str) -> float | None:
    """`text` as a finite number; None if it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
