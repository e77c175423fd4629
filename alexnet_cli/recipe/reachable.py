"""Which targets of --stop-at no training can reach, once classes and images are known."""

import math
import random
from dataclasses import dataclass

from .recipe import Recipe
from .sections import LOWER_IS_BETTER, Augmentation

DRAWS = 10_000
"""Mixed images from which the mean loss under mixup and CutMix is estimated."""


@dataclass(frozen=True)
class _Data:
    """What is known of the training images."""

    classes: int
    images: int
    contradictions: int

    @property
    def wrong(self) -> float:
        """The fraction of images that a network cannot but get wrong."""
        return self.contradictions / self.images if self.images else 0.0


def unreachable_targets(
    recipe: Recipe, classes: int, images: int = 0, contradictions: int = 0
) -> list[str]:
    """One line for each target of --stop-at that can never decide when training ends.

    `contradictions` of the training `images` have the content of others of another class,
    and at best are wrong; see `dataset.prepare.contradictions`.
    """
    data = _Data(classes, images, contradictions)
    lines = []
    for metric, target in recipe.stopping.stop_targets().items():
        top = int(metric[3:]) if metric.startswith("top") else 0
        if top >= classes:
            problem = f"is reached from the start: there are only {classes} classes"
        elif metric in LOWER_IS_BETTER:
            problem = _above(recipe, metric, target, data)
        else:
            problem = _below("accuracy" if top == 1 else metric, target, data)
        if problem:
            lines.append(f"--stop-at {metric}={target:g} {problem}")
    return lines


def _above(recipe: Recipe, metric: str, target: float, data: _Data) -> str:
    """Why `metric` stays above `target`; empty if it need not."""
    augmentation, smoothing = recipe.augmentation, recipe.optimization.label_smoothing
    mixes = bool(augmentation.mixup or augmentation.cutmix) and not augmentation.mix_after
    if metric == "loss" and target < (least := loss_floor(smoothing, data.classes)):
        return (
            f"cannot be reached: with --label-smoothing {smoothing:g} and {data.classes} "
            f"classes the loss is {least:.4f} or more"
        )
    weighted = metric == "loss" and recipe.optimization.class_weights != "none"
    if not (mixes or weighted) and target < (least := _contradicted(metric, data)):
        return f"cannot be reached: {_because(data)}, so it is {least:.4g} or more"
    if not (mixes and metric == "loss"):
        return ""
    least = mixed_loss_floor(augmentation, smoothing, data.classes)
    if target >= least:
        return ""
    names = [f"--{x} {y:g}" for x in ("mixup", "cutmix") if (y := getattr(augmentation, x))]
    return (
        f"cannot be reached: with {' and '.join(names)} the loss is about {least:.2f} "
        f"or more where classes are equally large"
    )


def _contradicted(metric: str, data: _Data) -> float:
    """The least mean of `metric` where `data.wrong` of the images are wrong at best.

    Source for the loss: Hellman, Raviv 1970, "Probability of error, equivocation, and the
    Chernoff bound": an error rate is at most half of the entropy in bits.
    """
    if metric == "loss":
        return 2 * math.log(2) * data.wrong
    return (2 if metric == "mae" else 1) * data.wrong / data.classes


def _below(metric: str, target: float, data: _Data) -> str:
    """Why `metric` stays below `target`; empty if it need not."""
    # A wrong image costs the F1 of its class at least 1 / images.
    shares = {"accuracy": data.wrong, "macro_f1": data.wrong / data.classes}
    most = 1 - shares.get(metric, 0.0)
    if target <= most + 1e-9:
        return ""
    return f"cannot be reached: {_because(data)}, so it is {most:.4g} or less"


def _because(data: _Data) -> str:
    return (
        f"{data.contradictions} of {data.images} training images equal others of another "
        f"class"
    )


def loss_floor(smoothing: float, classes: int) -> float:
    """The least cross-entropy (nats) under label smoothing: its target's entropy."""
    return _entropy(1.0, smoothing, classes)


def mixed_loss_floor(augmentation: Augmentation, smoothing: float, classes: int) -> float:
    """The least mean cross-entropy (nats) under mixup and CutMix, an estimate.

    With classes of equal size, 1 in `classes` images is mixed with one of its own class.
    """
    rng = random.Random(0)
    kinds = [x for x in ("mixup", "cutmix") if getattr(augmentation, x)]
    total = 0.0
    for i in range(DRAWS):
        kind = kinds[i % len(kinds)]
        parameter = getattr(augmentation, kind)
        own = rng.betavariate(parameter, parameter)
        if kind == "cutmix":
            own = 1 - _side(own, rng) * _side(own, rng)
        total += _entropy(own, smoothing, classes)
    same = loss_floor(smoothing, classes)
    return same / classes + total / DRAWS * (1 - 1 / classes)


def _side(area: float, rng: random.Random) -> float:
    """The side of a square of `area` around a random place, clipped to 0..1."""
    center, half = rng.random(), math.sqrt(area) / 2
    return min(center + half, 1.0) - max(center - half, 0.0)


def _entropy(own: float, smoothing: float, classes: int) -> float:
    """The entropy of a label of which `own` (0..1) is one class, the rest another one."""
    base = smoothing / classes
    shares = [(1 - smoothing) * x + base for x in (own, 1 - own)]
    rest = (classes - 2) * base * math.log(base) if base else 0.0
    return 0.0 - sum(x * math.log(x) for x in shares if x > 0) - rest
