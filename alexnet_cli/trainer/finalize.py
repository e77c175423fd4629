"""What follows the last epoch: scores, calibration, exports, run.json."""

import dataclasses
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from ..arrays import Labels, Probabilities
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
from .tensorboard import TensorBoardWriter

if TYPE_CHECKING:
    from .trainer import Figures


@dataclass(frozen=True)
class Trained:
    """A finished run, its scores on the validation images, and why it ended early."""

    run: Run
    scores: Scores
    reason: str
    litert: bool
    """It has a LiteRT copy, which gives the same predictions."""


def finalize(
    run: Run,
    history: History,
    validation: Examples,
    board: TensorBoardWriter,
    figures: "Figures",
) -> Trained:
    """The best epoch evaluated in float32, exported in both forms, noted in run.json."""
    keras.backend.clear_session()
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
        agrees = keep_litert(run, network, validation, views[0])
        run.write()
    return Trained(run, scores, history.reason, agrees)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What was learned is worth the few seconds that Ctrl-C has to wait here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def estimated_seconds(run: Run) -> float:
    """About how long `finalize` takes, beside its predictions, on two cores.

    docs/recipes.md says how that was measured.
    """
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    return 8 + 0.2e-6 * parameters


def tta_view_count(tta: str) -> int:
    """How many views of a validation image are predicted: the last is the LiteRT copy's."""
    return {"none": 1, "flip": 2, "ten-crop": 10}[tta] + 1


def calibrated(run: Run, views: Probabilities, labels: Labels) -> Run:
    """`run` with the temperature and the rejection threshold that fit `views` [V, N, K]."""
    temperature = fit_temperature(views, labels)
    run = dataclasses.replace(run, temperature=temperature)
    precision = run.recipe.inference.reject
    if precision is None:
        return run
    probabilities = at_temperature(views, temperature).mean(axis=0)
    right = probabilities.argmax(axis=1) == labels
    found = rejection_threshold(probabilities.max(axis=1), right, precision)
    # Where no threshold is strict enough, everything is unknown.
    return dataclasses.replace(run, threshold=2.0 if found is None else found)


def write_predictions(run: Run, probabilities: Probabilities, labels: Labels) -> None:
    """validation.csv, in the order of split.csv."""
    files = [x["file"] for x in run.split() if x["split"] == VAL]
    best = probabilities.argmax(axis=1)
    rows = [
        (file, run.classes[label], run.classes[i], f"{row[i]:.6f}")
        for file, label, i, row in zip(files, labels, best, probabilities, strict=True)
    ]
    write_csv(run.validation, ("file", "class", "predicted", "probability"), rows)
