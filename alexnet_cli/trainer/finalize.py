"""What follows the last epoch: calibration, scores, exports, run.json."""

import dataclasses
import gc
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..arrays import Doubles, Labels, Pixels, Probabilities
from ..dataset.pixel_cache import Examples
from ..dataset.split import VAL
from ..evaluation.calibration import (
    at_temperature,
    fit_temperature,
    rejection_threshold,
)
from ..evaluation.scores import Scores, score
from ..export.saved_model import save_model
from ..export.verify import keep_litert, tta_views
from ..inference.network import as_probabilities, load_network
from ..model.architecture import trace
from ..run.files import write_csv
from ..run.run import FINISHED, INTERRUPTED, Run
from .history import History
from .progress import handle_ctrl_c
from .tensorboard import TensorBoardWriter


class Figures(Protocol):
    """Draws the figures of a run directory; `reports.training_figures` does."""

    def augmented(self, run: Run, training: Examples, lighting: Doubles | None) -> Pixels:
        """Write plots/augmented.png; the same as uint8 [H, W, 3]."""

    def results(self, run: Run, rows: Sequence[dict[str, float]], scores: Scores) -> Pixels:
        """Write curves and confusion matrix; the latter as uint8 [H, W, 3]."""


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    run: Run
    scores: Scores
    """Of the validation images."""
    reason: str
    """Why training ended before its last epoch; empty if it did not."""


def finalize(
    run: Run,
    history: History,
    validation: Examples,
    board: TensorBoardWriter,
    figures: Figures,
) -> Trained:
    """Evaluate the best epoch in float32, export it, and complete run.json."""
    # The trained model is in reference cycles.
    gc.collect()
    with _uninterrupted():
        status = INTERRUPTED if history.interrupted else FINISHED
        run = dataclasses.replace(run, status=status, metrics=history.best)
        network = load_network(run)
        labels = validation.labels[validation.rows]
        tta = run.recipe.inference.tta
        views = tta_views(run, validation, as_probabilities(network), tta)
        run = calibrated(run, views, labels)
        views = at_temperature(views, run.temperature)
        probabilities = views.mean(axis=0)
        write_predictions(run, probabilities, labels)
        scores = score(probabilities, labels, run.classes)
        confusion = figures.results(run, history.rows, scores)
        best = int(history.best["epoch"])
        board.show_image("confusion matrix", confusion, step=best)
        save_model(run, network)
        keep_litert(run, network, validation, views[0])
        run.write()
    return Trained(run, scores, history.reason)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C: the trained network is worth a few seconds of waiting."""
    before = handle_ctrl_c(signal.SIG_IGN)
    try:
        yield
    finally:
        handle_ctrl_c(before)


def estimated_seconds(run: Run) -> float:
    """About how long `finalize` takes on two cores, predictions not included.

    Source: measured, see docs/recipes.md.
    """
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    return 8 + 0.2e-6 * parameters


def tta_view_count(tta: str) -> int:
    """How often `finalize` predicts each validation image."""
    # Once more by the LiteRT copy.
    return {"none": 1, "flip": 2, "ten-crop": 10}[tta] + 1


def calibrated(run: Run, views: Probabilities, labels: Labels) -> Run:
    """`run` with the temperature and the rejection threshold that fit `views` [V, N, K]."""
    temperature = fit_temperature(views, labels)
    run = dataclasses.replace(run, temperature=temperature)
    precision = run.recipe.inference.reject
    if precision is None:
        return run
    probabilities = at_temperature(views, temperature).mean(axis=0)
    correct = probabilities.argmax(axis=1) == labels
    threshold = rejection_threshold(probabilities.max(axis=1), correct, precision)
    # Where no threshold is strict enough, everything is unknown.
    return dataclasses.replace(run, threshold=2.0 if threshold is None else threshold)


def write_predictions(run: Run, probabilities: Probabilities, labels: Labels) -> None:
    """Write validation.csv, in the order of split.csv."""
    files = [x["file"] for x in run.split() if x["split"] == VAL]
    predicted = probabilities.argmax(axis=1)
    rows = [
        (file, run.classes[label], run.classes[i], f"{row[i]:.6f}")
        for file, label, i, row in zip(files, labels, predicted, probabilities, strict=True)
    ]
    write_csv(run.validation, ("file", "class", "predicted", "probability"), rows)
