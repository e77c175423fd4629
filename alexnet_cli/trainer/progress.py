"""Progress, reported after every step and epoch; signals, looked at after every step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras

from ..backend.signals import restore_handlers, set_handlers
from ..errors import Interrupted
from .history import History
from .planner import EpochPlanner
from .shared_step import SharedStep


@dataclass
class Progress:
    """How far training is."""

    epoch: int
    """The current one, from 1."""
    epochs: int
    images: int
    """Per epoch."""
    done: int = 0
    """Images of this epoch so far."""
    seconds: float = 0.0
    """Since the epoch began."""
    left: float | None = None
    """Estimated seconds to the end of the last epoch; None before any was timed."""
    logs: dict[str, float] | None = None
    """At the end of an epoch its results, a row of history.csv; else None."""
    best: bool = False
    """Whether they are the best so far."""

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.done / max(self.seconds, 1e-9)


Report = Callable[[Progress], None]


class ProgressReporter(keras.callbacks.Callback):
    """Calls `report` after every step, and after every epoch with its results."""

    def __init__(
        self, planner: EpochPlanner, history: History, images: int, report: Report
    ) -> None:
        super().__init__()
        self.planner, self.history = planner, history
        self.images, self.report = images, report
        self.now = Progress(0, planner.epochs, images)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's clock."""
        self.now = Progress(epoch + 1, self.planner.epochs, self.images)
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report a step."""
        now = self.now
        now.done = round(self.images * (batch + 1) / self.planner.work.steps)
        now.seconds = time.perf_counter() - self.started
        now.epochs, now.left = self.planner.epochs, self.planner.seconds_left()
        self.report(now)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report a finished epoch with its results."""
        history = self.history
        if history.latest:
            self.now.logs, self.now.best = history.latest, history.latest is history.best
            self.report(self.now)


class InterruptHandler(keras.callbacks.Callback):
    """Turns a signal into `Interrupted` after the step; a second one acts at once.

    Where several workers train, all of them stop after the same step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.shared: SharedStep | None = None

    def share(self, shared: SharedStep | None) -> None:
        """Have the other workers know of a signal, if there are some."""
        self.shared = shared
        if shared:
            shared.own_signal = lambda: self.number

    def __enter__(self) -> "InterruptHandler":
        """Handle signals: code before the first step may swallow a KeyboardInterrupt."""
        self.before = set_handlers(self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the handlers."""
        restore_handlers(self.before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        restore_handlers(self.before)

    def _check(self) -> None:
        number = self.shared.signal if self.shared else self.number
        if number:
            raise Interrupted("interrupted", number)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell the other workers what is known now."""
        if self.shared:
            self.shared.tell()

    def on_train_begin(self, logs: Any = None) -> None:
        """Stop if a signal has come before the first step."""
        self._check()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop if a signal has come."""
        self._check()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop if a signal has come."""
        self._check()
