"""Metrics by the names that recipes have for them, from probabilities [N, K]."""

from collections.abc import Sequence

import numpy as np

from ..arrays import Labels, Probabilities
from ..run.run import Run
from .scores import Scores, top_k


def with_top(run: Run, top: int | None) -> tuple[str, ...]:
    """The metrics that `run` was trained with, and top-K accuracy.

    K is `top`, by default 5 if there are more classes.
    """
    if top is None and len(run.classes) > 5:
        top = 5
    more = [] if top is None else [f"top{top}"]
    return tuple(dict.fromkeys([*run.recipe.stopping.metric_names(), *more]))


def metric_values(
    names: Sequence[str], scores: Scores, probabilities: Probabilities, labels: Labels
) -> dict[str, float]:
    """The metrics called `names`, of probabilities [N, K] against labels [N]."""
    known = {"accuracy": scores.top1, "macro_f1": scores.macro_f1}
    found = {}
    for name in names:
        if name in known:
            found[name] = known[name]
        elif name.startswith("top"):
            found[name] = top_k(probabilities, labels, int(name[3:]))
        else:
            found[name] = _mean_error(name, probabilities, labels)
    return found


def _mean_error(name: str, probabilities: Probabilities, labels: Labels) -> float:
    """`mse` or `mae`: the mean over images and classes, against one-hot labels."""
    errors = probabilities.astype(np.float64)
    errors[np.arange(len(labels)), labels] -= 1
    return float((np.square(errors) if name == "mse" else np.abs(errors)).mean())
