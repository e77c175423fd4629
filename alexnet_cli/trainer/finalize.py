"""What follows the last epoch: scores, calibration, exports, run.json."""

import dataclasses
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras

from ..arrays import Floats, Labels
from ..dataset.pixel_cache import Examples
from ..dataset.split import VAL
from ..evaluation.calibration import at_temperature, fit_temperature, rejection_threshold
from ..evaluation.scores import Scores, score
from ..export import verify
from ..export.saved_model import save_model
from ..inference.network import as_probabilities, load_network
from ..model.architecture import trace
from ..reports import training_figures
from ..run.files import write_csv
from ..run.run import FINISHED, INTERRUPTED, Run
from . import callbacks
from .tensorboard import TensorBoardWriter


@dataclass(frozen=True)
class Trained:
    """A finished Run, its scores on the validation pictures, and why it ended early."""

    run: Run
    scores: Scores
    reason: str
    lite: bool
    """It has a LiteRT copy, which gives the same answers."""


def _finished(
    run: Run, history: callbacks.History, validation: Examples, board: TensorBoardWriter
) -> Trained:
    """The best epoch judged in float32, exported in both forms, and told in run.json."""
    keras.backend.clear_session()
    gc.collect()
    status = INTERRUPTED if history.interrupted else FINISHED
    run = dataclasses.replace(run, status=status, metrics=history.best)
    network = load_network(run)
    labels = validation.labels[validation.rows]
    each = verify.tta_views(run, validation, as_probabilities(network), run.recipe.tta)
    run = calibrated(run, each, labels)
    each = at_temperature(each, run.temperature)
    probabilities = each.mean(axis=0)
    write_answers(run, probabilities, labels)
    scores = score(probabilities, labels, run.classes)
    training_figures.plot_training(run, history, scores, board)
    save_model(run, network)
    agrees = verify.keep_litert(run, network, validation, each[0])
    run.write()
    return Trained(run, scores, history.reason, agrees)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """What was learned is worth the few seconds that a Ctrl-C has to wait here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def estimated_finalize_seconds(run: Run) -> float:
    """About how long all of this takes, beside judging pictures, on two cores.

    docs/recipes.md says how that was measured.
    """
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    return 8 + 0.2e-6 * parameters


def tta_view_count(tta: str) -> int:
    """How many views of a validation picture are judged: the last is the LiteRT copy's."""
    return {"none": 1, "flip": 2, "ten-crop": 10}[tta] + 1


def calibrated(run: Run, each: Floats, labels: Labels) -> Run:
    """`run` with the temperature, and the threshold it asks for, that fit `each` view."""
    temperature = fit_temperature(each, labels)
    run = dataclasses.replace(run, temperature=temperature)
    if run.recipe.reject is None:
        return run
    answers = at_temperature(each, temperature).mean(axis=0)
    right = answers.argmax(axis=1) == labels
    found = rejection_threshold(answers.max(axis=1), right, run.recipe.reject)
    # Where no threshold is strict enough, everything is unknown.
    return dataclasses.replace(run, threshold=2.0 if found is None else found)


def write_answers(run: Run, probabilities: Floats, labels: Labels) -> None:
    """validation.csv, in the order of split.csv."""
    files = [x["file"] for x in run.split() if x["split"] == VAL]
    best = probabilities.argmax(axis=1)
    rows = [
        (file, run.classes[label], run.classes[told], f"{row[told]:.6f}")
        for file, label, told, row in zip(files, labels, best, probabilities, strict=True)
    ]
    write_csv(run.validation, ("file", "class", "predicted", "probability"), rows)
