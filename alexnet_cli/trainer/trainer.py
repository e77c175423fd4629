"""train(): a run and its images in, a finished run directory out."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Doubles, Floats, Pixels
from ..backend.devices import precision, strategy
from ..dataset.augmentation.sampling import principal_colors
from ..dataset.pixel_cache import Examples
from ..errors import AlexNetError, Interrupted
from ..evaluation.scores import Scores
from ..model.pretrained.matching import LayerMatch
from ..recipe.recipe import Recipe
from ..run.run import Run
from .callbacks import (
    BestWeights,
    EarlyStopping,
    HistoryLogger,
    LearningRateScheduler,
    PlannerUpdate,
)
from .ema import ExponentialMovingAverage
from .finalize import Trained, estimated_seconds, finalize, tta_view_count
from .history import History
from .input_pipeline import InputPipeline, steps
from .planner import EpochPlanner, Workload
from .progress import InterruptHandler, ProgressReporter, Report
from .tensorboard import HistogramLogger, TensorBoardWriter
from .training_model import TrainingModel


class Figures(Protocol):
    """Who draws the figures of a run directory; `reports.training_figures` does."""

    def augmented(self, run: Run, training: Examples, lighting: Doubles | None) -> Pixels:
        """Write plots/augmented.png; the same as uint8 [H, W, 3]."""

    def results(self, run: Run, rows: Sequence[dict[str, float]], scores: Scores) -> Pixels:
        """Write curves and confusion matrix; the latter as uint8 [H, W, 3]."""


@dataclass(frozen=True)
class TrainContext:
    """What training depends on beside the run and its images."""

    report: Report
    figures: Figures
    name: str = ""
    """Sets the run apart in TensorBoard."""
    start: Sequence[LayerMatch] = ()
    """The weights to start from."""
    deadline: float | None = None
    """When the whole command is to be over, on the clock of `time.monotonic`."""
    callbacks: Sequence[keras.callbacks.Callback] = ()
    """Called before the trainer's own."""


def train(
    run: Run, training: Examples, validation: Examples, context: TrainContext
) -> Trained:
    """Train `run.recipe` and fill the run directory at `run.path`.

    After Ctrl-C the best finished epoch is kept and the status is "interrupted".

    Raises:
        Interrupted: before one epoch was finished.
        AlexNetError: the loss became NaN or infinite in the first epoch.
        DeviceError: the recipe's device does not exist here.
    """
    devices = strategy(run.recipe.machine.device)
    exact = precision(run.recipe.machine.precision)
    run = dataclasses.replace(run, recipe=run.recipe.changed(precision=exact))
    planner = _planner(run, training, validation, context.deadline)
    with ExitStack() as stack:
        interrupt = stack.enter_context(InterruptHandler())
        run.write()
        if run.preprocess.mean is None:
            np.save(run.mean_image, _mean_image(training))
        board = TensorBoardWriter(run, context.name)
        stack.callback(board.close)
        training_model = TrainingModel(run, devices, context.start)
        fit = _Fit(training_model, planner, board, context, interrupt)
        history = fit.run(training, validation)
        # The trained copy and its optimizer go before the float32 one comes.
        del training_model, fit
        interrupt.set_model(None)
        return finalize(run, history, validation, board, context.figures)


def _planner(
    run: Run, training: Examples, validation: Examples, deadline: float | None
) -> EpochPlanner:
    """The plan of a training that is over, its last exports included, by `deadline`."""
    recipe = run.recipe
    work = Workload(
        recipe.stopping.epochs,
        recipe.augmentation.start_size,
        run.preprocess.input_size,
        steps(len(training), recipe.optimization.batch_size),
        validated=len(validation) / len(training),
        views=tta_view_count(recipe.inference.tta),
    )
    if deadline is not None:
        deadline -= estimated_seconds(run)
    return EpochPlanner(work, deadline)


class _Fit:
    """The epochs of one training."""

    def __init__(
        self,
        training_model: TrainingModel,
        planner: EpochPlanner,
        board: TensorBoardWriter,
        context: TrainContext,
        interrupt: InterruptHandler,
    ) -> None:
        self.training_model, self.planner, self.board = training_model, planner, board
        self.context, self.interrupt = context, interrupt
        self.run_directory, self.history = training_model.run, History()

    def run(self, training: Examples, validation: Examples) -> History:
        """Run the epochs; the best one's weights are in the run directory afterwards."""
        run, planner, model = self.run_directory, self.planner, self.training_model
        recipe, classes = run.recipe, len(run.classes)
        lighting = _lighting(recipe, training)
        sheet = self.context.figures.augmented(run, training, lighting)
        self.board.show_image("augmented training images", sheet, step=0)
        self.board.show_graph(model.network, run.preprocess.input_size)
        callbacks = self._callbacks(len(training))
        held = InputPipeline(recipe, run.preprocess, classes).validation(validation)
        weights = _class_weights(recipe, training, classes)
        with self._endings():
            while not planner.over and not self.history.reason:
                if planner.epoch == recipe.pretrained.unfreeze_after > 0:
                    model.unfreeze()
                side = planner.side()
                seen = dataclasses.replace(run.preprocess, input_size=side)
                pipeline = InputPipeline(recipe, seen, classes, lighting)
                epoch = planner.epoch
                model.at(side).fit(
                    pipeline.training(training, epoch + 1), validation_data=held,
                    class_weight=weights, callbacks=callbacks, initial_epoch=epoch,
                    epochs=epoch + 1, shuffle=False, verbose=0,
                )  # fmt: skip
                planner.finish()
        return self.history

    def _callbacks(self, images: int) -> list[keras.callbacks.Callback]:
        """In the order in which they are called: what is recorded is the average."""
        run, planner, history = self.run_directory, self.planner, self.history
        recipe, network = run.recipe, self.training_model.network
        progress = ProgressReporter(planner, history, images, self.context.report)
        decay = recipe.optimization.ema
        found = [
            *self.context.callbacks,
            PlannerUpdate(planner),
            LearningRateScheduler(recipe.lr_schedule, recipe.pretrained, planner),
            *([ExponentialMovingAverage(network, decay)] if decay else ()),
            HistoryLogger(run, history, progress, self.board),
            *([HistogramLogger(self.board, network)] if recipe.machine.histograms else ()),
            BestWeights(run, network, history),
            EarlyStopping(recipe.stopping, planner, history),
            progress,
            self.interrupt,
        ]
        return found

    @contextmanager
    def _endings(self) -> Iterator[None]:
        """Ctrl-C and lack of memory, as a run or as one line."""
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            size = self.run_directory.recipe.optimization.batch_size
            raise AlexNetError(
                f"too little memory for --batch-size {size}; use a smaller one"
            ) from error
        except Interrupted:
            if not self.history.best:
                raise
            self.history.interrupted, self.history.reason = True, "interrupted"


def _lighting(recipe: Recipe, training: Examples) -> Doubles | None:
    """The principal colors of some training images, where PCA lighting needs them."""
    if not recipe.augmentation.pca_lighting:
        return None
    some = training.rows[:: max(1, len(training) // 500)]
    return principal_colors(training.pixels(some))


def _class_weights(
    recipe: Recipe, training: Examples, classes: int
) -> dict[int, float] | None:
    """Weights that make every class sum to the same, with a mean of 1 over images."""
    if recipe.optimization.class_weights == "none":
        return None
    counts = np.bincount(training.labels[training.rows], minlength=classes)
    return {i: len(training) / (classes * int(n)) for i, n in enumerate(counts) if n}


def _mean_image(training: Examples) -> Floats:
    """The mean of the training images, float32 [R, R, 3]."""
    total = sum(x.astype(np.float64) for x in training.cache.images(training.rows))
    return np.asarray(total / len(training), np.float32)
