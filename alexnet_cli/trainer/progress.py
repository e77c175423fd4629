"""How far training is, told after every step; and Ctrl-C, heard after every step."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras

from ..errors import Interrupted
from .history import History
from .planner import EpochPlanner


@dataclass
class Progress:
    """How far training is; `logs` is None within an epoch and its results at its end."""

    epoch: int
    epochs: int
    images: int
    """Per epoch."""
    done: int = 0
    """Of them."""
    seconds: float = 0.0
    left: float | None = None
    """Seconds of training left if all epochs are run, once that can be told."""
    logs: dict[str, float] | None = None
    best: bool = False

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
    """Turns Ctrl-C into `Interrupted` after the step; a second one does not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False

    def __enter__(self) -> "InterruptHandler":
        """Take over Ctrl-C: what runs before the first step may swallow its exception."""
        self.before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        """Give Ctrl-C back, however training ended."""
        signal.signal(signal.SIGINT, self.before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        signal.signal(signal.SIGINT, self.before)

    def _check(self) -> None:
        if self.stopping:
            raise Interrupted("interrupted")

    def on_train_begin(self, logs: Any = None) -> None:
        """Stop here if already asked to."""
        self._check()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop if asked to."""
        self._check()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop if asked to."""
        self._check()
