"""train(): a Run and examples in, a finished Run directory out."""

import dataclasses
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

from . import callbacks, plots
from .augment import DRAWN, Doubles, Prepare, draw, principal_colours
from .batches import steps, training_batches, validation_batches
from .board import Board
from .cache import Examples
from .device import precision, strategy
from .errors import AlexNetError, Interrupted
from .export import save_model
from .images import Pixels
from .inference import BATCH, Classifier, Floats, load_mean_image
from .metrics import Scores, score
from .model import build_model
from .optimizers import build_optimizer
from .recipe import Recipe
from .run import FINISHED, INTERRUPTED, Run


@dataclass(frozen=True)
class Trained:
    """A finished Run, its scores on the validation pictures, and why it ended early."""

    run: Run
    scores: Scores
    reason: str


def train(
    run: Run,
    training: Examples,
    validation: Examples,
    *,
    report: callbacks.Report,
    name: str = "",
) -> Trained:
    """Train `run.recipe` and fill the Run directory at `run.path`.

    After Ctrl-C the best finished epoch is kept and the status is "interrupted". `name`
    sets the run apart in TensorBoard.

    Raises:
        Interrupted: before one epoch was finished.
        AlexNetError: the loss became no number in the first epoch.
        DeviceError: the recipe's device is not here.
    """
    chosen = strategy(run.recipe.device)
    recipe = dataclasses.replace(run.recipe, precision=precision(run.recipe.precision))
    run = dataclasses.replace(run, recipe=recipe)
    run.write()
    if run.preprocess.mean is None:
        np.save(run.mean_image, _mean_image(training))
    board = Board(run, name)
    try:
        records = _fit(run, training, validation, chosen, report, board)
        with _undisturbed():
            # The trained copy and its optimizer go before the float32 one comes.
            keras.backend.clear_session()
            gc.collect()
            stopped = INTERRUPTED if records.interrupted else FINISHED
            run = dataclasses.replace(run, status=stopped, metrics=records.best)
            scores = _judge(run, validation)
            _draw(run, records, scores, board)
            save_model(run)
            run.write()
    finally:
        board.close()
    return Trained(run, scores, records.reason)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """What was learned is worth the few seconds that a Ctrl-C has to wait here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _fit(
    run: Run,
    training: Examples,
    validation: Examples,
    chosen: Any,
    report: callbacks.Report,
    board: Board,
) -> callbacks.Records:
    """Run the epochs; the best one's weights are in the Run directory afterwards."""
    recipe, classes = run.recipe, len(run.classes)
    some = training.rows[:: max(1, len(training) // 500)]
    lighting = principal_colours(training.pixels[some]) if recipe.pca_lighting else None
    network, model = _compiled(run, chosen)
    _show_augmented(run, training, lighting, board)
    board.show_graph(network)
    clock = callbacks.Clock(recipe, len(training), report)
    rate = callbacks.Rate(recipe, steps(len(training), recipe.batch_size))
    records = callbacks.Records(run, network, clock, board)
    data = training_batches(
        training, recipe, run.preprocess, classes, lambda: clock.progress.epoch, lighting
    )
    held = validation_batches(validation, recipe.batch_size, run.preprocess, classes)
    try:
        model.fit(
            data,
            validation_data=held,
            epochs=recipe.epochs,
            class_weight=_class_weights(recipe, training, classes),
            callbacks=[clock, rate, records],
            shuffle=False,
            verbose=0,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise AlexNetError(
            f"too little memory for --batch-size {recipe.batch_size}: lower it"
        ) from error
    except Interrupted:
        if not records.best:
            raise
        records.interrupted, records.reason = True, "interrupted"
    finally:
        clock.release()
    return records


def _compiled(run: Run, chosen: Any) -> tuple[keras.Model, keras.Model]:
    """The network, and the same behind its preparation of pixels, ready to fit."""
    recipe, preprocess = run.recipe, run.preprocess
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision)
    with chosen.scope():
        network = build_model(run.architecture, len(run.classes), recipe.seed)
        side = preprocess.size
        pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
        draws = keras.Input((DRAWN,), dtype="float32", name="draws")
        prepared = Prepare(recipe, preprocess, load_mean_image(run))([pixels, draws])
        model = keras.Model([pixels, draws], network(prepared))
        model.compile(
            optimizer=build_optimizer(recipe),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=recipe.label_smoothing
            ),
            metrics=[build_metric(x) for x in recipe.metric_names()],
        )
    return network, model


def build_metric(name: str) -> keras.metrics.Metric:
    """The metric called `name` in a recipe, of one-hot labels and logits [B, K]."""
    if name == "accuracy":
        return keras.metrics.CategoricalAccuracy(name)
    if name == "macro_f1":
        return keras.metrics.F1Score("macro", name=name)
    if name.startswith("top"):
        return keras.metrics.TopKCategoricalAccuracy(int(name[3:]), name)
    distance = ops.square if name == "mse" else ops.abs

    def mean_error(labels: Any, logits: Any) -> Any:
        return ops.mean(distance(labels - ops.softmax(logits)), axis=-1)

    return keras.metrics.MeanMetricWrapper(mean_error, name)


def _class_weights(
    recipe: Recipe, training: Examples, classes: int
) -> dict[int, float] | None:
    """Weights that make every class sum to the same, with a mean of 1 over pictures."""
    if recipe.class_weights == "none":
        return None
    counts = np.bincount(training.labels[training.rows], minlength=classes)
    return {i: len(training) / (classes * int(n)) for i, n in enumerate(counts) if n}


def _mean_image(training: Examples) -> Floats:
    """The mean of the training pictures, float32 [R, R, 3]."""
    total = np.zeros(training.pixels.shape[1:], np.float64)
    for start in range(0, len(training), 256):
        rows = training.rows[start : start + 256]
        total += training.pixels[rows].sum(axis=0, dtype=np.float64)
    return (total / len(training)).astype(np.float32)


def _judge(run: Run, validation: Examples) -> Scores:
    """Scores of the weights that were kept, in float32 as evaluate computes them."""
    classifier = Classifier(run)
    parts = range(0, len(validation), BATCH)
    rows = [classifier(validation.pixels[validation.rows[x : x + BATCH]]) for x in parts]
    return score(np.concatenate(rows), validation.labels[validation.rows], run.classes)


def _show_augmented(
    run: Run, training: Examples, lighting: Doubles | None, board: Board
) -> None:
    """plots/augmented.png: a picture as the network is tested on it, then variants."""
    raw = dataclasses.replace(run.preprocess, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    prepare = Prepare(run.recipe, raw)
    rng = np.random.default_rng(run.recipe.seed)
    rows: list[Pixels] = []
    for row in rng.permutation(training.rows)[:6]:
        pixels = np.repeat(training.pixels[row : row + 1], 7, axis=0)
        draws = draw(run.recipe, raw, len(pixels), rng, lighting)
        plain = prepare([pixels[:1], draws[:1]], training=False)
        varied = prepare([pixels, draws], training=True)
        both = np.concatenate([np.asarray(plain), np.asarray(varied)])
        rows.append(np.rint(both).clip(0, 255).astype(np.uint8))
    picture = plots.sheet(rows)
    file = run.path / "plots" / "augmented.png"
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(file)
    board.show_picture("augmented training pictures", picture, step=0)


def _draw(run: Run, records: callbacks.Records, scores: Scores, board: Board) -> None:
    """Curves and confusion matrix, if matplotlib is there."""
    if not plots.available():
        return
    best = int(records.best["epoch"])
    curves = plots.curves(records.rows, run.recipe, best)
    plots.save(curves, run.path / "plots" / "curves.png")
    title = f"validation, epoch {best}: {scores.top1:.1%} of {scores.images}"
    confusion = plots.confusion(scores, title)
    plots.save(confusion, run.path / "plots" / "confusion.png")
    board.show_picture("confusion matrix", plots.rendered(confusion), step=best)
