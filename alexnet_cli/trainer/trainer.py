"""train(): a Run and examples in, a finished Run directory out."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Floats
from ..backend.devices import precision, strategy
from ..dataset.augmentation.sampling import principal_colors
from ..dataset.pixel_cache import Examples
from ..errors import AlexNetError, Interrupted
from ..model.pretrained.matching import LayerMatch
from ..recipe.recipe import Recipe
from ..reports import training_figures
from ..run.run import Run
from . import callbacks, finalize
from .ema import ExponentialMovingAverage
from .finalize import Trained, _finished, _undisturbed
from .input_pipeline import steps, training_batches, validation_batches
from .planner import EpochPlanner
from .tensorboard import TensorBoardWriter
from .training_model import TrainingModel


@dataclass(frozen=True)
class TrainContext:
    """What training depends on beside the Run and its pictures."""

    report: callbacks.Report
    name: str = ""
    """Sets the run apart in TensorBoard."""
    start: Sequence[LayerMatch] = ()
    """The weights to begin with."""
    deadline: float | None = None
    """When the whole command is to be over, on the clock of `time.monotonic`."""


def train(
    run: Run, training: Examples, validation: Examples, setting: TrainContext
) -> Trained:
    """Train `run.recipe` and fill the Run directory at `run.path`.

    After Ctrl-C the best finished epoch is kept and the status is "interrupted".

    Raises:
        Interrupted: before one epoch was finished.
        AlexNetError: the loss became no number in the first epoch.
        DeviceError: the recipe's device is not here.
    """
    chosen = strategy(run.recipe.device)
    recipe = dataclasses.replace(run.recipe, precision=precision(run.recipe.precision))
    run = dataclasses.replace(run, recipe=recipe)
    deadline = setting.deadline
    if deadline is not None:
        deadline -= finalize.estimated_finalize_seconds(run)
    count = steps(len(training), recipe.batch_size)
    validated = len(validation) / len(training)
    views = finalize.tta_view_count(recipe.tta)
    plan = EpochPlanner(
        recipe, run.preprocess.crop, count,
        validated=validated, views=views, deadline=deadline,
    )  # fmt: skip
    clock = callbacks.Clock(plan, len(training), setting.report)
    clock.take_over()
    run.write()
    if run.preprocess.mean is None:
        np.save(run.mean_image, _mean_image(training))
    board = TensorBoardWriter(run, setting.name)
    try:
        learner = TrainingModel(run, chosen, setting.start)
        history = _fit(learner, training, validation, clock, board)
        # The trained copy and its optimizer go before the float32 one comes.
        del learner
        with _undisturbed():
            return _finished(run, history, validation, board)
    finally:
        clock.release()
        board.close()


def _fit(
    learner: TrainingModel,
    training: Examples,
    validation: Examples,
    clock: callbacks.Clock,
    board: TensorBoardWriter,
) -> callbacks.History:
    """Run the epochs; the best one's weights are in the Run directory afterwards."""
    run, plan = learner.run, clock.plan
    recipe, preprocess, classes = run.recipe, run.preprocess, len(run.classes)
    some = training.rows[:: max(1, len(training) // 500)]
    lighting = principal_colors(training.pixels(some)) if recipe.pca_lighting else None
    training_figures.plot_augmented(run, training, lighting, board)
    board.show_graph(learner.network, preprocess.crop)
    records = callbacks.Records(run, learner.network, clock, board)
    called = _called(learner, clock, records)
    held = validation_batches(validation, recipe, preprocess, classes)
    weights = _class_weights(recipe, training, classes)
    with _endings(recipe, records.history):
        while not plan.over and not records.history.reason:
            if plan.epoch == recipe.unfreeze_after > 0:
                learner.unfreeze()
            seen = dataclasses.replace(preprocess, crop=plan.side())
            data = training_batches(
                training, recipe, seen, classes, lambda: plan.epoch + 1, lighting
            )
            learner.at(plan.side()).fit(
                data, validation_data=held, class_weight=weights, callbacks=called,
                initial_epoch=plan.epoch, epochs=plan.epoch + 1, shuffle=False, verbose=0,
            )  # fmt: skip
            plan.finish()
    # It outlives this call, which the network is not to.
    clock.set_model(None)
    return records.history


def _called(
    learner: TrainingModel, clock: callbacks.Clock, records: callbacks.Records
) -> list[keras.callbacks.Callback]:
    """In the order of their turns: what is recorded is the average of the weights."""
    decay = learner.run.recipe.ema
    average = [ExponentialMovingAverage(learner.network, decay)] if decay else []
    return [clock, callbacks.LearningRateScheduler(clock.plan), *average, records]


@contextmanager
def _endings(recipe: Recipe, history: callbacks.History) -> Iterator[None]:
    """Ctrl-C and want of memory, as a Run or as one line."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise AlexNetError(
            f"too little memory for --batch-size {recipe.batch_size}: lower it"
        ) from error
    except Interrupted:
        if not history.best:
            raise
        history.interrupted, history.reason = True, "interrupted"


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
