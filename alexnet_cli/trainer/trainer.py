"""train(): a run and its images in, a finished run directory out."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Doubles, Floats
from ..backend.devices import precision, strategy
from ..backend.dtype_policy import dtype_policy
from ..dataset.augmentation.sampling import principal_colors
from ..dataset.pixel_cache import Examples
from ..errors import AlexNetError, Interrupted
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
from .finalize import Figures, Trained, estimated_seconds, finalize, tta_view_count
from .history import History
from .input_pipeline import InputPipeline, steps
from .planner import EpochPlanner, Workload
from .progress import InterruptHandler, ProgressReporter, Report
from .tensorboard import HistogramLogger, TensorBoardWriter
from .training_model import TrainingModel


@dataclass(frozen=True)
class TrainContext:
    """What training needs beside the run and its images."""

    report: Report
    figures: Figures
    name: str = ""
    """Name of the run in TensorBoard."""
    start: Sequence[LayerMatch] = ()
    """Pretrained weights to start from."""
    deadline: float | None = None
    """When training and its export are to be over, on the clock of `time.monotonic`."""
    callbacks: Sequence[keras.callbacks.Callback] = ()
    """Called before the trainer's own.

    In `on_test_begin` the network thus has its own weights, not yet their average. Each
    epoch is a `fit` of its own; `self.model.stop_training = True` ends training.
    """


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
    with InterruptHandler() as interrupt:
        run.write()
        if run.preprocess.mean is None:
            np.save(run.mean_image, _mean_image(training))
        with closing(TensorBoardWriter(run, context.name)) as board:
            with dtype_policy(exact):
                model = TrainingModel(run, devices, context.start)
                loop = _TrainingLoop(model, planner, board, context, interrupt)
                history = loop.run(training, validation)
            # The trained copy and its optimizer go before the float32 one comes.
            del model, loop
            interrupt.set_model(None)
            return finalize(run, history, validation, board, context.figures)


def _planner(
    run: Run, training: Examples, validation: Examples, deadline: float | None
) -> EpochPlanner:
    """The plan of a training that ends, its export included, by `deadline`."""
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


class _TrainingLoop:
    """The epochs of one training, and the history that they leave."""

    def __init__(
        self,
        model: TrainingModel,
        planner: EpochPlanner,
        board: TensorBoardWriter,
        context: TrainContext,
        interrupt: InterruptHandler,
    ) -> None:
        self.model, self.planner, self.board = model, planner, board
        self.context, self.interrupt = context, interrupt
        self.history = History()

    def run(self, training: Examples, validation: Examples) -> History:
        """Fit all epochs; the best one's weights are in the run directory afterwards."""
        run, model, planner = self.model.run, self.model, self.planner
        recipe, classes = run.recipe, len(run.classes)
        lighting = _lighting(recipe, training)
        self._show_start(training, lighting)
        pipeline = InputPipeline(recipe, run.preprocess, classes, lighting)
        held_out = pipeline.validation(validation)
        class_weights = _class_weights(recipe, training, classes)
        callbacks = self._callbacks(len(training))
        with self._expected_errors():
            while not planner.over and not self.history.reason:
                if planner.epoch == recipe.pretrained.unfreeze_after > 0:
                    model.unfreeze()
                side, epoch = planner.side(), planner.epoch
                model.at(side).fit(
                    pipeline.at(side).training(training, epoch + 1),
                    validation_data=held_out, class_weight=class_weights,
                    callbacks=callbacks, initial_epoch=epoch, epochs=epoch + 1,
                    shuffle=False, verbose=0,
                )  # fmt: skip
                planner.finish()
        return self.history

    def _show_start(self, training: Examples, lighting: Doubles | None) -> None:
        """What can be shown before the first step: augmented images and the graph."""
        run = self.model.run
        sheet = self.context.figures.augmented(run, training, lighting)
        self.board.show_image("augmented training images", sheet, step=0)
        self.board.show_graph(self.model.network, run.preprocess.input_size)

    def _callbacks(self, images: int) -> list[keras.callbacks.Callback]:
        """In the order of their calls: what is recorded and kept is the average."""
        run, planner, history = self.model.run, self.planner, self.history
        recipe, network = run.recipe, self.model.network
        progress = ProgressReporter(planner, history, images, self.context.report)
        decay = recipe.optimization.ema
        return [
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

    @contextmanager
    def _expected_errors(self) -> Iterator[None]:
        """Make Ctrl-C after an epoch the end of training, and lack of memory one line."""
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            size = self.model.run.recipe.optimization.batch_size
            raise AlexNetError(
                f"--batch-size {size} needs more memory than there is; use a smaller one"
            ) from error
        except Interrupted:
            if not self.history.best:
                raise
            self.history.interrupted, self.history.reason = True, "interrupted"


def _lighting(recipe: Recipe, training: Examples) -> Doubles | None:
    """The principal colors of some training images, if PCA lighting needs them."""
    if not recipe.augmentation.pca_lighting:
        return None
    some = training.rows[:: max(1, len(training) // 500)]
    return principal_colors(training.pixels(some))


def _class_weights(
    recipe: Recipe, training: Examples, classes: int
) -> dict[int, float] | None:
    """Weights by which all classes sum to the same; their mean over images is 1."""
    if recipe.optimization.class_weights == "none":
        return None
    counts = np.bincount(training.labels[training.rows], minlength=classes)
    return {i: len(training) / (classes * int(n)) for i, n in enumerate(counts) if n}


def _mean_image(training: Examples) -> Floats:
    """The mean of the training images, float32 [R, R, 3]."""
    total = sum(x.astype(np.float64) for x in training.cache.images(training.rows))
    return np.asarray(total / len(training), np.float32)
