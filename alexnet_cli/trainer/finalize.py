"""What follows the last epoch: calibration, scores, exports, run.json."""

import dataclasses
import gc
import signal
import time

import numpy as np

from ..arrays import Labels, Probabilities
from ..backend.signals import raising_signals
from ..dataset.pixel_cache import Examples
from ..dataset.split import VAL
from ..errors import AlexNetError, Interrupted
from ..evaluation.calibration import (
    at_temperature,
    fit_temperature,
    rejection_threshold,
)
from ..evaluation.scores import score
from ..export.saved_model import remove_saved_model, save_model
from ..export.verify import keep_litert, tta_views
from ..inference.network import as_probabilities, load_network
from ..model.architecture import trace
from ..run.checkpoints import best_file
from ..run.digests import seal
from ..run.files import link_or_copy, write_csv
from ..run.run import FAILED, FINISHED, INTERRUPTED, Run
from .context import TrainContext
from .history import History
from .optional import optional
from .result import Trained
from .tensorboard import TensorBoardWriter


def finalize(
    run: Run,
    history: History,
    validation: Examples,
    board: TensorBoardWriter,
    context: TrainContext,
) -> Trained:
    """Evaluate the best epoch in float32, export it, and complete run.json.

    A signal, but for the Ctrl-C that has ended training, leaves the rest of it out.

    Raises:
        Interrupted: a signal has ended training before an epoch was finished.
        AlexNetError: the network answers NaN.
    """
    if not history.best:
        dataclasses.replace(run, status=INTERRUPTED, reason=history.reason).write()
        raise Interrupted("interrupted before an epoch was finished", history.signal)
    number = history.signal
    if number in (0, signal.SIGINT):
        try:
            with raising_signals():
                # The trained model is in reference cycles.
                gc.collect()
                best = _with_best_weights(run, history)
                return _completed(best, history, validation, board, context)
        except KeyboardInterrupt as error:
            number = getattr(error, "number", signal.SIGINT)
    run = _with_best_weights(run, history)
    run = dataclasses.replace(run, status=INTERRUPTED, reason=history.reason)
    run = _timed(run, context)
    seal(run.path, run.text())
    run.write()
    return Trained(run, None, history.reason, number)


def _with_best_weights(run: Run, history: History) -> Run:
    """`run` with the weights of its best epoch in their place, and no exports of others."""
    run.litert.unlink(missing_ok=True)
    remove_saved_model(run.path)
    # Until now, if training has gone on after a kill, it was that of a checkpoint.
    run = dataclasses.replace(run, weights_file=Run.weights_file)
    link_or_copy(run.path / best_file(int(history.best["epoch"])), run.weights)
    return dataclasses.replace(run, metrics=history.best, temperature=1.0, threshold=0.0)


def _completed(
    run: Run,
    history: History,
    validation: Examples,
    board: TensorBoardWriter,
    context: TrainContext,
) -> Trained:
    """The run with calibration and scores, and everything that can be exported."""
    network = load_network(run)
    labels = validation.labels[validation.rows]
    views = tta_views(run, validation, as_probabilities(network))
    _require_finite(run, views)
    run = calibrated(run, views, labels)
    views = at_temperature(views, run.temperature)
    probabilities = views.mean(axis=0)
    write_predictions(run, probabilities, labels)
    scores = score(probabilities, labels, run.classes)
    with optional("plots", context.log):
        confusion = context.figures.results(run, history.rows, scores)
        board.show_image("confusion matrix", confusion, step=int(history.best["epoch"]))
    if not history.signal:
        board.show_result(scores, int(history.best["epoch"]), failed=history.failed)
    run = dataclasses.replace(run, reason=history.reason)
    with optional("README.md", context.log):
        context.figures.describe(run)
    with optional("the SavedModel", context.log):
        save_model(run, network)
    with optional("model.tflite", context.log):
        if not keep_litert(run, network, validation, views[0]):
            context.log(
                "warning: no model.tflite, because its predictions differed from the "
                "network's; TensorFlow is used instead, which starts more slowly"
            )
    status = FAILED if history.failed else FINISHED
    run = dataclasses.replace(run, status=INTERRUPTED if history.signal else status)
    run = _timed(run, context)
    seal(run.path, run.text())
    run.write()
    return Trained(run, scores, history.reason, history.signal)


def _timed(run: Run, context: TrainContext) -> Run:
    """`run` with the time that all its sittings have taken."""
    resume = context.resume
    before = float(resume.checkpoint.state["elapsed"]) if resume else 0.0
    seconds = round(before + time.monotonic() - context.started, 1)
    known = dataclasses.replace(run.provenance, seconds=seconds)
    return dataclasses.replace(run, provenance=known)


def _require_finite(run: Run, views: Probabilities) -> None:
    """Keep no network that answers NaN."""
    if np.isfinite(views).all():
        return
    run.weights.unlink()
    text = f"the network of epoch {run.metrics['epoch']:.0f} answers NaN; it is not kept"
    dataclasses.replace(run, status=FAILED, reason=text).write()
    raise AlexNetError(text)


def estimated_seconds(run: Run) -> float:
    """About how long `finalize` takes on two cores, predictions not included.

    Source: measured, see docs/recipes.md.
    """
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    return 8 + 0.2e-6 * parameters


def tta_view_count(tta: str) -> int:
    """How often `finalize` predicts each validation image."""
    # Once more by the LiteRT copy.
    return {"none": 1, "flip": 2, "two-scale": 4, "ten-crop": 10}[tta] + 1


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
