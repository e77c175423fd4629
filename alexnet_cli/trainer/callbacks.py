"""What happens between steps and epochs: learning rate, history, best weights, stopping.

The classes are listed in the order in which they are called.
"""

import math
from typing import Any

import keras

from ..inference.network import save_weights
from ..recipe.sections import LOWER_IS_BETTER, LRSchedule, Pretrained, Stopping
from ..run.checkpoints import best_file
from ..run.run import Run
from .history import History
from .lr_schedule import learning_rate
from .planner import EpochPlanner
from .progress import ProgressReporter
from .tensorboard import TensorBoardWriter


class PlannerUpdate(keras.callbacks.Callback):
    """Moves the planner through epochs and steps."""

    def __init__(self, planner: EpochPlanner) -> None:
        super().__init__()
        self.planner = planner

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start an epoch."""
        self.planner.begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Start a step."""
        self.planner.advance(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """End a step."""
        self.planner.step = batch + 1


class LearningRateScheduler(keras.callbacks.Callback):
    """Sets the learning rate before every step and adds it to the epoch's logs."""

    def __init__(
        self, section: LRSchedule, pretrained: Pretrained, planner: EpochPlanner
    ) -> None:
        super().__init__()
        self.section, self.pretrained, self.planner = section, pretrained, planner
        self.rate = section.learning_rate
        self.divisions = self.waited = 0
        self.lowest: float | None = None
        self.factor = 1.0
        """Halved by every rewind."""

    def state(self) -> dict[str, Any]:
        """The counters of the plateau schedule, the factor, and the last rate."""
        names = ("divisions", "waited", "lowest", "factor", "rate")
        return {x: getattr(self, x) for x in names}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate of the middle of this step, at which no schedule gives 0."""
        planner = self.planner
        at = planner.epoch + planner.done
        self.rate = learning_rate(
            self.section,
            at,
            planner.share,
            divisions=self.divisions,
            factor=self.factor * self.pretrained.rate_factor(at),
        )
        self.model.optimizer.learning_rate = self.rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count epochs without a lower validation loss, for the plateau schedule."""
        logs["learning_rate"] = self.rate
        if self.lowest is None or logs["val_loss"] < self.lowest:
            self.lowest, self.waited = logs["val_loss"], 0
        else:
            self.waited += 1
            if self.waited >= self.section.plateau_epochs:
                self.divisions, self.waited = self.divisions + 1, 0


class NaNGuard(keras.callbacks.Callback):
    """Ends training with `LossIsNaN` at the first loss that is NaN or infinite."""

    def __init__(self, planner: EpochPlanner, scheduler: LearningRateScheduler) -> None:
        super().__init__()
        self.planner, self.scheduler = planner, scheduler

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss, a mean over the epoch so far."""
        self._check("loss", logs["loss"], batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at everything that is recorded of the epoch."""
        for name, value in logs.items():
            self._check(name, value, None)

    def _check(self, name: str, value: float, step: int | None) -> None:
        if not math.isfinite(value):
            raise LossIsNaN(name, self.planner.epoch + 1, step, self.scheduler.rate)


class LossIsNaN(Exception):
    """The loss or a metric is NaN or infinite."""

    def __init__(self, name: str, epoch: int, step: int | None, rate: float) -> None:
        """`epoch` counts from 1, `step` from 0; None is after the validation."""
        where = "after" if step is None else f"in step {step + 1} of"
        super().__init__(
            f"{name} is NaN or infinite {where} epoch {epoch}, at learning rate {rate:.3g}"
        )
        self.epoch, self.step = epoch, step


class HistoryLogger(keras.callbacks.Callback):
    """Appends the results of each epoch to `history` and shows them in TensorBoard."""

    def __init__(
        self,
        run: Run,
        history: History,
        progress: ProgressReporter,
        board: TensorBoardWriter,
    ) -> None:
        super().__init__()
        self.run, self.history = run, history
        self.progress, self.board = progress, board

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the epoch."""
        names = ("loss", *self.run.recipe.stopping.metric_names())
        columns = (*names, *(f"val_{x}" for x in names), "learning_rate")
        row = {"epoch": epoch + 1, **{x: float(logs[x]) for x in columns}}
        row["side"] = self.progress.planner.current_side
        row["images_per_second"] = self.progress.now.rate
        self.history.latest = row
        self.history.rows.append(row)
        self.board.show_scalars(row)


class BestWeights(keras.callbacks.Callback):
    """Writes the weights of the best epoch beside the checkpoints."""

    def __init__(
        self, run: Run, network: keras.Model, history: History, *, writes: bool = True
    ) -> None:
        """Only the chief of several workers `writes`."""
        super().__init__()
        self.run, self.network, self.history = run, network, history
        self.writes = writes

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the weights if no epoch before was as good."""
        row = self.history.latest
        if row and better(row, self.history.best, self.run.recipe.stopping.watch):
            if self.writes:
                file = self.run.path / best_file(epoch + 1)
                file.parent.mkdir(exist_ok=True)
                save_weights(self.network, file)
            self.history.best = row


def better(row: dict[str, float], best: dict[str, float], watch: str) -> bool:
    """Whether the epoch `row` beats `best` (empty: no epoch) by the metric `watch`."""
    if not best:
        return True
    if row["side"] > best["side"]:
        # The network is used at its own side, and results at smaller ones say little of it.
        return True
    # A tie goes to the lower loss: on few images accuracy moves in steps.
    sign = -1 if _falls(watch) else 1
    new, old = (sign * x[watch] for x in (row, best))
    return new > old or (new == old and row["val_loss"] < best["val_loss"])


class EarlyStopping(keras.callbacks.Callback):
    """Ends training when a target is reached, nothing improves, or time is up."""

    def __init__(self, section: Stopping, planner: EpochPlanner, history: History) -> None:
        super().__init__()
        self.section, self.planner, self.history = section, planner, history

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop if there is a reason to."""
        self.history.reason = self._reason()
        if self.history.reason:
            self.model.stop_training = True

    def _reason(self) -> str:
        section, row = self.section, self.history.rows[-1]
        run, steps = self.planner.epoch_steps, self.planner.work.steps
        if run < steps:
            return f"time for only {run / steps:.0%} of an epoch"
        targets = section.stop_targets()
        if targets and all(_reached(k, row[k], v) for k, v in targets.items()):
            return f"reached {section.stop_at} in epoch {row['epoch']:.0f}"
        waited = row["epoch"] - self.history.best["epoch"]
        if section.patience and waited >= section.patience:
            return f"{section.watch} did not improve for {section.patience} epochs"
        # Set by a callback of the caller, which is called before this one.
        return "a callback ended training" if self.model.stop_training else ""


def _falls(metric: str) -> bool:
    return metric.removeprefix("val_") in LOWER_IS_BETTER


def _reached(metric: str, value: float, target: float) -> bool:
    return value <= target if _falls(metric) else value >= target
