"""When checkpoints are written: after every epoch, and every few minutes within one."""

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from ..run.checkpoints import best_file, write_checkpoint
from ..run.files import write_csv
from ..run.run import TRAINING, Run
from .state import TrainingState


class Checkpointer(keras.callbacks.Callback):
    """Writes checkpoints in a thread of its own, and after each what it has recorded.

    Training goes on once its state is copied. An error in writing is raised by the next
    call.
    """

    def __init__(
        self,
        run: Run,
        state: TrainingState,
        minutes: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.run, self.training = run, state
        """As it is in run.json."""
        self.seconds, self.clock = 60 * minutes, clock
        self.last = clock()
        self.thread = ThreadPoolExecutor(1, "checkpoint")
        self.pending: Future[None] | None = None
        self.recorded_row: dict[str, float] = {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write a checkpoint if it is time."""
        if self.clock() - self.last >= self.seconds:
            self.save()

    def save(self) -> None:
        """Copy the state of training, and start to write it."""
        self.wait()
        plain, arrays = self.training.collect()
        planner = self.training.planner
        place, best = (planner.epoch, planner.step), self._best()
        publish = self._publication()

        def write() -> None:
            write_checkpoint(self.run.path, place, plain, arrays, best)
            publish()

        self.pending = self.thread.submit(write)
        self.last = self.clock()

    def publish(self) -> None:
        """Write the epochs so far to history.csv and run.json."""
        self._publication()()

    def _best(self) -> str:
        """The file of the best epoch's weights; empty before the first epoch."""
        best = self.training.history.best
        return best_file(int(best["epoch"])) if best else ""

    def _publication(self) -> Callable[[], None]:
        """What writes the epochs that are finished now, if one of them is new."""
        history = self.training.history
        if not history.rows or history.rows[-1] == self.recorded_row:
            return lambda: None
        self.recorded_row = history.rows[-1]
        rows = [dict(x) for x in history.rows]
        run = dataclasses.replace(
            self.run,
            status=TRAINING,
            reason="",
            metrics=history.best,
            weights_file=self._best(),
            # Of other weights, if at all.
            temperature=1.0,
            threshold=0.0,
        )

        def write() -> None:
            write_history(run.path, rows)
            run.write()
            self.run = run

        return write

    def wait(self) -> None:
        """Wait until the last checkpoint is written."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """Wait for the thread, whatever becomes of the last checkpoint."""
        self.thread.shutdown(wait=True)


def write_history(folder: Path, rows: list[dict[str, float]]) -> None:
    """Write history.csv, one row per epoch."""
    cells = [[f"{v:.6g}" for v in x.values()] for x in rows]
    write_csv(folder / "history.csv", tuple(rows[0]), cells)
