"""What several views of an image are worth when it is judged, on the same networks.

    python scripts/experiments/tta.py RUN [RUN ...]

One view, with its mirror, ten crops (four corners and the center, and their mirrors): of
each Run's held-out images, at a temperature of its own. The differences are to mirrors.
"""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexnet_cli.dataset.folders import images
from alexnet_cli.evaluation.calibration import (
    Floats,
    Labels,
    at_temperature,
    fit_temperature,
)
from alexnet_cli.evaluation.evaluate import evaluate
from alexnet_cli.evaluation.scores import score
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import BATCH
from alexnet_cli.run.run import Run

VIEWS = {"none": 1, "flip": 2, "ten-crop": 10}
"""Those of the first come first in those of the last, and so on."""


def held_out(classifier: Classifier) -> tuple[Floats, Labels]:
    """Probabilities [V, N, K] of every view of the Run's held-out images, and labels."""
    run = classifier.run
    judged = evaluate.held_out(run)
    parts = []
    for start in range(0, len(judged.files), BATCH):
        files = judged.files[start : start + BATCH]
        pixels = np.stack([images.load(x, run.preprocess) for x in files])
        parts.append(classifier.each(pixels))
    return np.concatenate(parts, axis=1), np.array(judged.labels)


def scored(views: Floats, labels: Labels, classes: tuple[str, ...]) -> tuple[float, float]:
    """Accuracy, 0 to 1, and loss of the mean over `views`, at the best temperature."""
    answers = at_temperature(views, fit_temperature(views, labels)).mean(axis=0)
    found = score(answers, labels, classes)
    return found.top1, found.loss


def table(found: dict[str, dict[str, tuple[float, float]]]) -> str:
    """A row for each Run: accuracy and loss of every kind of views; then differences."""
    lines = [f"| Run | {' | '.join(VIEWS)} |", "|---|" + "---|" * len(VIEWS)]
    for name, row in found.items():
        cells = (f"{100 * top1:.1f} %, {loss:.4f}" for top1, loss in row.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for kind in VIEWS:
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
    """Judge every Run, then print the table."""
    found = {}
    for path in map(Path, sys.argv[1:]):
        run = Run.open(path)
        each, labels = held_out(Classifier(run, "ten-crop"))
        # The network answers at the Run's temperature; `scored` wants it at 1.
        each = at_temperature(each, 1 / run.temperature)
        found[path.name] = {
            k: scored(each[:count], labels, run.classes) for k, count in VIEWS.items()
        }
    if not found:
        sys.exit(__doc__)
    print(table(found))


if __name__ == "__main__":
    main()
