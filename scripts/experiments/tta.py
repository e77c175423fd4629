"""What several views of an image are worth when it is predicted, on the same networks.

    python scripts/experiments/tta.py RUN [RUN ...]

Evaluates each run on its held-out images with each value of --tta, each at the temperature
that fits it. Differences are to flip.
"""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexnet_cli import Classifier, Run
from alexnet_cli.arrays import Labels, Probabilities
from alexnet_cli.dataset import images
from alexnet_cli.evaluation.calibration import at_temperature, fit_temperature
from alexnet_cli.evaluation.evaluate import held_out
from alexnet_cli.evaluation.scores import score
from alexnet_cli.inference.network import BATCH
from alexnet_cli.recipe.sections import TTA


def held_out_views(classifier: Classifier) -> tuple[Probabilities, Labels]:
    """Probabilities [V, N, K] of every view of a run's held-out images, and labels [N]."""
    run = classifier.run
    labeled = held_out(run)
    parts = []
    for start in range(0, len(labeled.files), BATCH):
        files = labeled.files[start : start + BATCH]
        pixels = np.stack([images.load(x, run.preprocess) for x in files])
        parts.append(np.stack(classifier.views(pixels)))
    return np.concatenate(parts, axis=1), np.array(labeled.labels)


def with_views(run: Run, tta: str) -> tuple[float, float]:
    """Accuracy and loss, as `scored`, of a run's held-out images."""
    views, labels = held_out_views(Classifier(run, tta))
    # The network predicts at the run's temperature.
    return scored(at_temperature(views, 1 / run.temperature), labels, run.classes)


def scored(
    views: Probabilities, labels: Labels, classes: tuple[str, ...]
) -> tuple[float, float]:
    """Accuracy, 0 to 1, and loss of the mean over `views` [V, N, K], at the best temperature."""
    mean = at_temperature(views, fit_temperature(views, labels)).mean(axis=0)
    scores = score(mean, labels, classes)
    return scores.top1, scores.loss


def table(found: dict[str, dict[str, tuple[float, float]]]) -> str:
    """A row per run, accuracy and loss of every --tta; then differences."""
    lines = [f"| run | {' | '.join(TTA)} |", "|---|" + "---|" * len(TTA)]
    for name, row in found.items():
        cells = (f"{100 * top1:.1f} %, {loss:.4f}" for top1, loss in row.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for kind in TTA:
        if kind == "flip":
            continue
        top1, loss = zip(
            *(np.subtract(x[kind], x["flip"]) for x in found.values()), strict=True
        )
        lines.append(
            f"\n{kind} against flip: accuracy {_spread([100 * x for x in top1], 1)} points, "
            f"loss {_spread(loss, 4)}"
        )
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int) -> str:
    mean, low, high = statistics.mean(values), min(values), max(values)
    return f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def main() -> None:
    """Evaluate every run, then print the table."""
    found = {}
    for path in map(Path, sys.argv[1:]):
        run = Run.open(path)
        found[str(path)] = {kind: with_views(run, kind) for kind in TTA}
    if not found:
        sys.exit(__doc__)
    print(table(found))


if __name__ == "__main__":
    main()
