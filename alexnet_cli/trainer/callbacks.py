"""What happens between steps and epochs: learning rate, history, best weights, stopping.

The classes are listed in the order in which they are called.
"""

import math
from typing import Any

import keras

from ..errors import AlexNetError
from ..inference.network import save_weights
from ..recipe.sections import LOWER_IS_BETTER, LRSchedule, Pretrained, Stopping
from ..run.files import write_csv
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
        """End an epoch that the planner has cut short."""
        if batch + 1 == self.planner.epoch_steps < self.planner.work.steps:
            self.model.stop_training = True


class LearningRateScheduler(keras.callbacks.Callback):
    """Sets the learning rate before every step and adds it to the epoch's logs."""

    def __init__(
        self, section: LRSchedule, pretrained: Pretrained, planner: EpochPlanner
    ) -> None:
        super().__init__()
        self.section, self.pretrained, self.planner = section, pretrained, planner
        self.rate = section.learning_rate
        self.divisions = self.waited = 0
        self.lowest = math.inf

    def state(self) -> dict[str, Any]:
        """The counters of the plateau schedule."""
        return {"divisions": self.divisions, "waited": self.waited, "lowest": self.lowest}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.divisions, self.waited = int(state["divisions"]), int(state["waited"])
        self.lowest = float(state["lowest"])

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate of the middle of this step, at which no schedule gives 0."""
        planner = self.planner
        at = planner.epoch + planner.done
        self.rate = learning_rate(
            self.section,
            at,
            planner.share,
            divisions=self.divisions,
            factor=self.pretrained.rate_factor(at),
        )
        self.model.optimizer.learning_rate = self.rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count epochs without a lower validation loss, for the plateau schedule."""
        logs["learning_rate"] = self.rate
        if logs["val_loss"] < self.lowest:
            self.lowest, self.waited = logs["val_loss"], 0
        else:
            self.waited += 1
            if self.waited >= self.section.plateau_epochs:
                self.divisions, self.waited = self.divisions + 1, 0


class HistoryLogger(keras.callbacks.Callback):
    """Writes results to `history`, history.csv and TensorBoard; stops at divergence."""

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
        """Record the epoch.

        Raises:
            AlexNetError: the loss is NaN or infinite in the first epoch.
        """
        names = ("loss", *self.run.recipe.stopping.metric_names())
        columns = (*names, *(f"val_{x}" for x in names), "learning_rate")
        row = {"epoch": epoch + 1, **{x: float(logs[x]) for x in columns}}
        row["side"] = self.progress.planner.current_side
        row["images_per_second"] = self.progress.now.rate
        self.history.latest = None
        if not math.isfinite(row["loss"]):
            self.history.reason = self._diverged(epoch + 1)
            return
        self.history.latest = row
        self.history.rows.append(row)
        rows = [[f"{v:.6g}" for v in x.values()] for x in self.history.rows]
        write_csv(self.run.path / "history.csv", tuple(row), rows)
        self.board.show_scalars(row)

    def _diverged(self, epoch: int) -> str:
        rate = self.run.recipe.lr_schedule.learning_rate
        text = (
            f"loss is NaN or infinite after epoch {epoch}; "
            f"lower --learning-rate (now {rate:g})"
        )
        if not self.history.best:
            raise AlexNetError(text)
        return text


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in the run directory."""

    def __init__(self, run: Run, network: keras.Model, history: History) -> None:
        super().__init__()
        self.run, self.network, self.history = run, network, history

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the weights if no epoch before was as good."""
        row = self.history.latest
        if row and better(row, self.history.best, self.run.recipe.stopping.watch):
            self.history.best = row
            save_weights(self.network, self.run)


def better(row: dict[str, float], best: dict[str, float], watch: str) -> bool:
    """Whether the epoch `row` beats `best` (empty: no epoch) by the metric `watch`."""
    if not best or not math.isfinite(best[watch]):
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
        if not self.history.reason:
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
