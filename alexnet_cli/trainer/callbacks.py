"""What happens between the steps of training: rate, records, best epoch, stopping."""

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import keras

from ..errors import AlexNetError, Interrupted
from ..inference.network import save_weights
from ..recipe.recipe import LOWER_IS_BETTER
from ..run.files import write_csv
from ..run.run import Run
from . import lr_schedule
from .planner import EpochPlanner
from .tensorboard import TensorBoardWriter

Report = Callable[["Progress"], None]


class Progress:
    """How far training is; `logs` is None within an epoch and its results at its end."""

    def __init__(self, epoch: int, epochs: int, pictures: int) -> None:
        self.epoch, self.epochs, self.pictures = epoch, epochs, pictures
        self.done = 0
        self.seconds = 0.0
        self.left: float | None = None
        """Seconds of training left if all epochs are run, once that can be told."""
        self.logs: dict[str, float] | None = None
        self.best = False

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.done / max(self.seconds, 1e-9)


class Clock(keras.callbacks.Callback):
    """Reports progress after every step, and turns Ctrl-C into `Interrupted` there.

    A second Ctrl-C does not wait for the step.
    """

    def __init__(self, plan: EpochPlanner, pictures: int, report: Report) -> None:
        super().__init__()
        self.plan, self.pictures, self.report = plan, pictures, report
        self.progress = Progress(0, plan.epochs, pictures)
        self.stopping = False

    def take_over(self) -> None:
        """Take over Ctrl-C: what runs before the first step may swallow its exception."""
        self.before = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_begin(self, logs: Any = None) -> None:
        """Stop here if already asked to."""
        self._stop_if_asked()

    def release(self) -> None:
        """Give Ctrl-C back; to be called however training ended."""
        if hasattr(self, "before"):
            signal.signal(signal.SIGINT, self.before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        self.release()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's clock."""
        self.progress = Progress(epoch + 1, self.plan.epochs, self.pictures)
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report, and stop if asked to or out of time."""
        now = self.progress
        now.done = round(self.pictures * (batch + 1) / self.plan.steps)
        now.seconds = time.perf_counter() - self.started
        now.epochs, now.left = self.plan.epochs, self.plan.seconds_left()
        self.report(now)
        self._stop_if_asked()
        if batch + 1 == self.plan.last < self.plan.steps:
            self.model.stop_training = True

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop if asked to."""
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.stopping:
            raise Interrupted("interrupted")


class LearningRateScheduler(keras.callbacks.Callback):
    """Sets the learning rate before every step and puts it into the epoch's logs."""

    def __init__(self, plan: EpochPlanner) -> None:
        super().__init__()
        self.plan = plan
        self.divisions = self.waited = 0
        self.lowest = math.inf
        self.rate = plan.recipe.learning_rate

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Let the plan know."""
        self.plan.begin()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate of this step."""
        # The middle of the step, so that neither first nor last one has a rate of 0.
        share = self.plan.advance(batch)
        at = self.plan.epoch + self.plan.done
        self.rate = lr_schedule.learning_rate(self.plan.recipe, at, share, self.divisions)
        self.model.optimizer.learning_rate = self.rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count epochs without a lower validation loss, for the plateau schedule."""
        logs["learning_rate"] = self.rate
        if logs["val_loss"] < self.lowest:
            self.lowest, self.waited = logs["val_loss"], 0
        else:
            self.waited += 1
            if self.waited >= self.plan.recipe.plateau_epochs:
                self.divisions, self.waited = self.divisions + 1, 0


@dataclass
class History:
    """What training leaves beside files: every epoch's row, the best, why it ended."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    """Why training ended before its last epoch."""
    interrupted: bool = False


class Records(keras.callbacks.Callback):
    """Fills a History, history.csv and the best epoch's weights; stops training."""

    def __init__(
        self, run: Run, network: keras.Model, clock: Clock, board: TensorBoardWriter
    ) -> None:
        super().__init__()
        self.run, self.network, self.clock, self.board = run, network, clock, board
        self.history = History()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the epoch; stop when a target or the patience is reached."""
        recipe, now = self.run.recipe, self.clock.progress
        shown = ("loss", *recipe.metric_names())
        columns = (*shown, *(f"val_{x}" for x in shown), "learning_rate")
        row = {"epoch": epoch + 1, **{x: float(logs[x]) for x in columns}}
        row |= {"side": self.clock.plan.current, "images_per_second": now.rate}
        if not math.isfinite(row["loss"]):
            self._diverged(epoch + 1)
            return
        self.history.rows.append(row)
        self._write(row)
        now.best = self._better(row)
        if now.best:
            self.history.best = row
            save_weights(self.network, self.run)
        now.logs = row
        self.clock.report(now)
        plan, targets = self.clock.plan, recipe.stop_targets()
        if plan.last < plan.steps:
            share = plan.last / plan.steps
            self._stop(f"time for no more than {share:.0%} of an epoch")
        elif targets and all(_reached(k, row[k], v) for k, v in targets.items()):
            self._stop(f"reached {recipe.stop_at} in epoch {epoch + 1}")
        elif (
            recipe.patience and row["epoch"] - self.history.best["epoch"] >= recipe.patience
        ):
            self._stop(f"no better {recipe.watch} for {recipe.patience} epochs")

    def _write(self, row: dict[str, float]) -> None:
        rows = [[f"{v:.6g}" for v in x.values()] for x in self.history.rows]
        write_csv(self.run.path / "history.csv", tuple(row), rows)
        self.board.show_scalars(row)
        if self.run.recipe.histograms:
            self.board.show_histograms(self.network, int(row["epoch"]))

    def _better(self, row: dict[str, float]) -> bool:
        watch, best = self.run.recipe.watch, self.history.best
        if not best or not math.isfinite(best[watch]):
            return True
        if row["side"] > best["side"]:
            # The network will be used at its own side, which smaller ones say little of.
            return True
        # A tie goes to the lower loss: on few pictures accuracy moves in steps.
        sign = -1 if _falls(watch) else 1
        new, old = (sign * x[watch] for x in (row, best))
        return new > old or (new == old and row["val_loss"] < best["val_loss"])

    def _diverged(self, epoch: int) -> None:
        if not self.history.best:
            raise AlexNetError(
                f"the loss is no number after epoch {epoch}: "
                f"lower --learning-rate {self.run.recipe.learning_rate:g}"
            )
        self._stop(f"the loss is no number after epoch {epoch}; lower --learning-rate")

    def _stop(self, reason: str) -> None:
        self.history.reason = reason
        self.model.stop_training = True


def _falls(metric: str) -> bool:
    return metric.removeprefix("val_") in LOWER_IS_BETTER


def _reached(metric: str, value: float, target: float) -> bool:
    return value <= target if _falls(metric) else value >= target
