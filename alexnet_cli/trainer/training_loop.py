"""The epochs of one training: steps, validation, and what ends or interrupts them."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Floats
from ..backend.workers import LOST, is_lost
from ..dataset.pixel_cache import Examples
from ..errors import AlexNetError, ClusterError, Interrupted, listed
from ..recipe.recipe import Recipe
from ..recipe.validation import trains_batch_norm
from ..run.checkpoints import require_checkpoint
from .callbacks import LossIsNaN
from .checkpointing import Checkpointer
from .context import TrainContext
from .history import History
from .input_pipeline import InputPipeline
from .lighting import shared_lighting
from .shared_pipeline import SharedPipeline, has_none, own_part
from .shared_state import share_state
from .state import TrainingState

REWINDS = 3
"""How often --on-nan rewind goes back; each time halves the learning rate."""


class TrainingLoop:
    """Runs epochs around Keras' model, optimizer, metrics and callbacks.

    Keras' own `fit` cannot begin within an epoch.
    """

    def __init__(
        self,
        state: TrainingState,
        callbacks: keras.callbacks.CallbackList,
        checkpointer: Checkpointer,
        data: tuple[Examples, Examples],
        context: TrainContext,
    ) -> None:
        """Train on the first and validate on the second of `data`."""
        self.state, self.callbacks, self.checkpointer = state, callbacks, checkpointer
        self.training, self.validation = data
        self.context = context
        run = state.model.run
        self.recipe = run.recipe
        self.shared = state.model.shared
        self.lighting = shared_lighting(self.recipe, self.training, context)
        kind = SharedPipeline if self.shared else InputPipeline
        self.pipeline = kind(
            self.recipe,
            run.preprocess,
            len(run.classes),
            self.lighting,
            balanced_weights(self.recipe, self.training, len(run.classes)),
        )
        held_out = own_part(self.validation) if self.shared else self.validation
        self.held_out = self.pipeline.validation(held_out)

    def run(self) -> History:
        """Run all epochs; the last checkpoint holds where they ended.

        Raises:
            Interrupted: a signal came before the first step.
            AlexNetError: an image or memory is missing, or a loss was NaN or infinite
                before an epoch was recorded.
        """
        state, planner, history = self.state, self.state.planner, self.state.history
        try:
            self.callbacks.set_model(state.model.at(planner.side()))
            self.callbacks.on_train_begin()
            self._record_start()
            while not planner.over and not history.reason:
                self._try_epoch()
            self.callbacks.on_train_end()
        except Interrupted as error:
            if not (planner.epoch or planner.step):
                raise
            self.checkpointer.save()
            # Not part of the checkpoint, which training goes on from.
            history.signal, history.reason = error.number, "interrupted"
        self.checkpointer.wait()
        return state.history

    def _record_start(self) -> None:
        """Write what a kill before the next checkpoint is to leave."""
        resume = self.context.resume
        if resume and not (resume.replan or resume.restart_epoch):
            # The checkpoint that it went on from says the same.
            self.checkpointer.publish()
        else:
            self.checkpointer.save()

    def _try_epoch(self) -> None:
        """Run the next epoch, or what is left of it; go back if it cannot go on."""
        try:
            self._run_epoch()
        except LossIsNaN as error:
            self._diverged(error)
        except tf.errors.ResourceExhaustedError as error:
            self._use_smaller_parts(error)
        except tf.errors.OpError as error:
            if self.shared and not self.pipeline.errors and is_lost(error):
                raise ClusterError(LOST) from error
            # What went wrong where a batch was made; TensorFlow's text is a traceback.
            raise self.pipeline.errors[-1] if self.pipeline.errors else error from None

    def _run_epoch(self) -> None:
        state, planner = self.state, self.state.planner
        unfreeze = planner.epoch == self.recipe.pretrained.unfreeze_after > 0
        if unfreeze and not state.model.unfrozen:
            state.model.unfreeze()
        side, epoch = planner.side(), planner.epoch
        model = state.model.at(side)
        self.callbacks.set_model(model)
        model.stop_training = False
        self.callbacks.on_epoch_begin(epoch)
        if not state.trained:
            self._run_steps(model, side)
        validated = self._validated(model)
        logs = {**state.trained, **{f"val_{k}": v for k, v in validated.items()}}
        self.callbacks.on_epoch_end(epoch, logs)
        planner.finish()
        state.trained = {}
        self.checkpointer.save()

    def _validated(self, model: keras.Model) -> dict[str, float]:
        """Results on the validation images, each of which counts once."""
        found: dict[str, float] = model.evaluate(
            self.held_out, callbacks=self.callbacks, return_dict=True, verbose=0
        )
        if not self.shared:
            return found
        if has_none(self.validation):
            model.reset_metrics()
        self.shared.add_up(model.metrics_variables)
        return {k: float(v) for k, v in model.get_metrics_result().items()}

    def _run_steps(self, model: keras.Model, side: int) -> None:
        """The steps of this epoch that are left."""
        state, planner = self.state, self.state.planner
        self._prepare_metrics(model)
        data = self.pipeline.at(side).training(
            self.training, planner.epoch + 1, planner.first
        )
        model.make_train_function()
        batches = iter(state.model.strategy.experimental_distribute_dataset(data))
        for step in range(planner.first, planner.work.steps):
            if step >= planner.epoch_steps or model.stop_training:
                break
            self.callbacks.on_train_batch_begin(step)
            logs = model.train_function(batches)
            self.callbacks.on_train_batch_end(step, logs)
        state.trained = {k: float(v) for k, v in model.get_metrics_result().items()}

    def _prepare_metrics(self, model: keras.Model) -> None:
        """Reset the metrics, or let them go on from where the checkpoint was written."""
        state = self.state
        several = state.model.strategy.num_replicas_in_sync > 1 or self.shared
        if state.metrics or several:
            # Creates their variables, which Keras does in the first step.
            model.evaluate(self.held_out.take(1), verbose=0)
        model.reset_metrics()
        for variable, value in zip(model.metrics_variables, state.metrics, strict=False):
            variable.assign(value)
        state.metrics = []

    def _diverged(self, error: LossIsNaN) -> None:
        """Go back to the last checkpoint with half the rate, or end training."""
        stopping, rate = self.recipe.stopping, self.recipe.lr_schedule.learning_rate
        text = f"{error}{self._images_of(error)}"
        factor = self.state.scheduler.factor / 2
        if stopping.on_nan == "rewind" and factor >= 0.5**REWINDS:
            self._go_back()
            self.state.scheduler.factor = factor
            self.context.log(f"{text}; back to the last checkpoint, with half the rate")
            return
        text = f"{text}; lower --learning-rate (now {rate:g}), or use --on-nan rewind"
        if not self.state.history.best:
            raise AlexNetError(text)
        # What can be resumed is the last checkpoint, and no later step.
        self._go_back()
        self.state.history.reason, self.state.history.failed = text, True

    def _images_of(self, error: LossIsNaN) -> str:
        """Some of the images of the batch."""
        if error.step is None or not self.context.names:
            return ""
        rows = self.pipeline.batch_rows(self.training, error.epoch, error.step)
        return f" (images {listed((self.context.names[x] for x in rows), 3)})"

    def _use_smaller_parts(self, error: Exception) -> None:
        """Compute batches in twice as many parts from the last checkpoint on.

        Raises:
            AlexNetError: they cannot be smaller.
        """
        size = self.recipe.optimization.batch_size
        if self.shared:
            # The others have computed theirs.
            raise AlexNetError(
                f"--batch-size {size} needs more memory than this worker has; use a "
                f"smaller one, or more workers"
            ) from error
        parts = 2 * self.state.model.parts
        # As AccumulatingModel divides it, the last part may be smaller than the others.
        last = size - (-(-size // parts)) * (parts - 1)
        if last < (2 if trains_batch_norm(self.recipe) else 1):
            also = f", also in {parts // 2} parts" if parts > 2 else ""
            raise AlexNetError(
                f"--batch-size {size} needs more memory than there is{also}; "
                f"use a smaller one"
            ) from error
        self._go_back()
        self.state.model.compute_in(parts)
        self.context.log(
            f"not enough memory for a batch of {size}: computed in {parts} parts, whose "
            f"gradients are added up"
        )

    def _go_back(self) -> None:
        """Return to the last checkpoint."""
        self.checkpointer.wait()
        self.pipeline.errors.clear()
        elapsed, run = self.state.elapsed, self.state.model.run
        if self.context.writes:
            self.state.restore(require_checkpoint(run.path, self.context.log))
        if self.context.workers:
            share_state(self.state, self.context.workers)
        # The time since then is spent all the same.
        self.state.elapsed = elapsed


def balanced_weights(recipe: Recipe, training: Examples, classes: int) -> Floats | None:
    """Weights [K] by which all classes sum to the same; their mean over images is 1."""
    if recipe.optimization.class_weights == "none":
        return None
    counts = np.bincount(training.labels[training.rows], minlength=classes)
    weights: Any = len(training) / (classes * np.maximum(counts, 1))
    return np.asarray(weights, np.float32)
