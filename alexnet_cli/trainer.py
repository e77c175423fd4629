"""train(): a Run and examples in, a finished Run directory out."""

import dataclasses
import gc
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from . import callbacks, outcome
from .augment import (
    DRAWN,
    Prepare,
    fed_side,
    principal_colours,
)
from .batches import steps, training_batches, validation_batches
from .board import Board
from .cache import Examples
from .device import precision, strategy
from .errors import AlexNetError, Interrupted
from .export import save_model
from .inference import (
    Floats,
    answering,
    load_mean_image,
    load_network,
)
from .metrics import Scores, score
from .model import build_model, layers_of, put_weights
from .optimizers import build_optimizer
from .recipe import Recipe
from .run import FINISHED, INTERRUPTED, Run
from .weights import Fit, frozen


@dataclass(frozen=True)
class Trained:
    """A finished Run, its scores on the validation pictures, and why it ended early."""

    run: Run
    scores: Scores
    reason: str
    lite: bool
    """It has a LiteRT copy, which gives the same answers."""


def train(
    run: Run,
    training: Examples,
    validation: Examples,
    *,
    report: callbacks.Report,
    name: str = "",
    start: Sequence[Fit] = (),
) -> Trained:
    """Train `run.recipe` and fill the Run directory at `run.path`.

    After Ctrl-C the best finished epoch is kept and the status is "interrupted". `name`
    sets the run apart in TensorBoard; `start` are the weights to begin with.

    Raises:
        Interrupted: before one epoch was finished.
        AlexNetError: the loss became no number in the first epoch.
        DeviceError: the recipe's device is not here.
    """
    chosen = strategy(run.recipe.device)
    recipe = dataclasses.replace(run.recipe, precision=precision(run.recipe.precision))
    run = dataclasses.replace(run, recipe=recipe)
    clock = callbacks.Clock(recipe, len(training), report)
    clock.take_over()
    run.write()
    if run.preprocess.mean is None:
        np.save(run.mean_image, _mean_image(training))
    board = Board(run, name)
    try:
        records = _fit(run, training, validation, chosen, clock, board, start)
        with _undisturbed():
            return _finished(run, records, validation, board)
    finally:
        clock.release()
        board.close()


def _finished(
    run: Run, records: callbacks.Records, validation: Examples, board: Board
) -> Trained:
    """The best epoch judged in float32, exported in both forms, and told in run.json."""
    # The trained copy and its optimizer go before the float32 one comes.
    keras.backend.clear_session()
    gc.collect()
    status = INTERRUPTED if records.interrupted else FINISHED
    run = dataclasses.replace(run, status=status, metrics=records.best)
    network = load_network(run)
    probabilities = outcome.probabilities(run, validation, answering(network))
    scores = score(probabilities, validation.labels[validation.rows], run.classes)
    outcome.plot(run, records, scores, board)
    save_model(run, network)
    agrees = outcome.keep_lite(run, network, validation, probabilities)
    run.write()
    return Trained(run, scores, records.reason, agrees)


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
    clock: callbacks.Clock,
    board: Board,
    start: Sequence[Fit],
) -> callbacks.Records:
    """Run the epochs; the best one's weights are in the Run directory afterwards."""
    recipe, classes = run.recipe, len(run.classes)
    some = training.rows[:: max(1, len(training) // 500)]
    lighting = principal_colours(training.pixels(some)) if recipe.pca_lighting else None
    network, model = compiled(run, chosen, start)
    outcome.show_augmented(run, training, lighting, board)
    board.show_graph(network)
    rate = callbacks.Rate(recipe, steps(len(training), recipe.batch_size))
    records = callbacks.Records(run, network, clock, board)
    data = training_batches(
        training, recipe, run.preprocess, classes, lambda: clock.progress.epoch, lighting
    )
    held = validation_batches(validation, recipe, run.preprocess, classes)
    weights = _class_weights(recipe, training, classes)

    def fit(first: int, last: int) -> None:
        model.fit(
            data,
            validation_data=held,
            initial_epoch=first,
            epochs=last,
            class_weight=weights,
            callbacks=[clock, rate, records],
            shuffle=False,
            verbose=0,
        )

    with _endings(recipe, clock, records):
        whole = not 0 < recipe.unfreeze_after < recipe.epochs
        fit(0, recipe.epochs if whole else recipe.unfreeze_after)
        if not whole and not records.reason:
            with chosen.scope():
                _unfreeze(run, network, model)
            fit(recipe.unfreeze_after, recipe.epochs)
    return records


@contextmanager
def _endings(
    recipe: Recipe, clock: callbacks.Clock, records: callbacks.Records
) -> Iterator[None]:
    """Ctrl-C and want of memory, as a Run or as one line."""
    try:
        yield
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


def compiled(
    run: Run, chosen: Any, start: Sequence[Fit] = ()
) -> tuple[keras.Model, keras.Model]:
    """The network, and the same behind its preparation of pixels, ready to fit."""
    recipe, preprocess = run.recipe, run.preprocess
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(recipe.precision)
    with chosen.scope():
        network = build_model(run.architecture, len(run.classes), recipe.seed)
        put_weights(network, start)
        for name in frozen(run.architecture, recipe.freeze):
            for layer in layers_of(network, name):
                layer.trainable = False
        side = fed_side(recipe, preprocess)
        pixels = keras.Input((side, side, 3), dtype="uint8", name="pixels")
        draws = keras.Input((DRAWN,), dtype="float32", name="draws")
        prepared = Prepare(recipe, preprocess, load_mean_image(run))([pixels, draws])
        model = keras.Model([pixels, draws], network(prepared))
        _compile(model, recipe)
    return network, model


def _compile(model: keras.Model, recipe: Recipe) -> None:
    model.compile(
        optimizer=build_optimizer(recipe),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        metrics=[build_metric(x) for x in recipe.metric_names()],
        # On a CPU XLA is slower, and it has no kernel for `kernels.warp`.
        jit_compile=False,
    )


def _unfreeze(run: Run, network: keras.Model, model: keras.Model) -> None:
    """Let every layer learn, with an optimizer that remembers nothing."""
    for layer in network.layers:
        layer.trainable = True
    _compile(model, run.recipe)


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
    total = sum(x.astype(np.float64) for x in training.store.pictures(training.rows))
    return (total / len(training)).astype(np.float32)
