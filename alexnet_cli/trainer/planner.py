"""The schedule of epochs: which one is next, at which side of images, how many in time.

Without a time limit all of this follows from the recipe; with one the number of epochs is
planned again after each, from how long those so far took. No TensorFlow.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GROWTH = ((0.5, 0.0), (0.8, 0.5), (1.0, 1.0))
"""Progressive resizing: until this share of training, this share of the way in size."""
MARGIN = 1.03
"""Epochs are expected to take this many times as long as the last one did."""
SLOW_STEPS = 3
"""First steps at a new side, in which functions are compiled; their time is ignored."""
VALIDATION_COST = 0.5
"""Time per validated image by time per trained one.

The forward pass is a third of a training step, and for validation it is compiled again.
"""


@dataclass(frozen=True)
class Workload:
    """What there is to do; `epochs` and `start_size` as in the recipe."""

    epochs: int
    start_size: int
    side: int
    """Of the network's input, pixels."""
    steps: int
    """Per epoch."""
    validated: float = 0.0
    """Validation images per training image."""
    views: int = 0
    """Predictions per validation image after the last epoch."""


class EpochPlanner:
    """Progress through the epochs: `epoch` of `epochs` are finished."""

    def __init__(
        self,
        work: Workload,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan to finish `work` by `deadline`, a time of `clock`.

        Where not even one epoch fits, it is cut short.
        """
        self.work, self.deadline, self.clock = work, deadline, clock
        self.epoch_steps = work.steps
        """Steps that are run per epoch: all, unless the only epoch is cut short."""
        self.epoch, self.epochs, self.current_side = 0, work.epochs, 0
        self.share = self.done = 0.0
        """Finished fraction of training, and of the current epoch, 0 to 1."""
        self.step = self.first = 0
        """Finished steps of the current epoch, and those of them in earlier sittings."""
        self.resumed_side = 0
        self.paces: dict[int, float] = {}
        """Seconds per epoch, with its validation, at each side."""

    def use_clock(self, clock: Callable[[], float], start: float) -> None:
        """Plan by `clock`, which was 0 at the time `start` of the clock before."""
        self.clock = clock
        if self.deadline is not None:
            self.deadline -= start

    def state(self) -> dict[str, Any]:
        """Everything that changes in training, between two steps."""
        names = ("epoch", "epochs", "share", "done", "step", "epoch_steps")
        # Strings, since JSON has no other keys.
        paces = {str(k): v for k, v in self.paces.items()}
        state = {x: getattr(self, x) for x in names}
        return {**state, "side": self.current_side or self.resumed_side, "paces": paces}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`; the first steps count as slow again."""
        self.epoch, self.epochs = int(state["epoch"]), int(state["epochs"])
        self.share, self.done = float(state["share"]), float(state["done"])
        self.step = self.first = int(state["step"])
        self.epoch_steps = int(state["epoch_steps"])
        self.paces = {int(k): float(v) for k, v in state["paces"].items()}
        self.current_side, self.resumed_side = 0, int(state["side"])

    def extend(self) -> None:
        """Plan anew after a change of epochs or of the deadline; the share follows."""
        self.epochs, self.epoch_steps = self.work.epochs, self.work.steps
        self._share_by_epochs()
        if self.paces and not self.over:
            self._plan()  # What is left is planned by the share.
            self._share_by_epochs()

    def _share_by_epochs(self) -> None:
        self.share = min(1.0, (self.epoch + self.done) / self.epochs)

    def restart_epoch(self) -> None:
        """Forget the steps of the current epoch."""
        part = self.done / max(self.epochs - self.epoch, 1)
        self.share = max(0.0, (self.share - part) / (1 - part)) if part < 1 else 0.0
        self.step = self.first = 0
        self.done = 0.0

    @property
    def over(self) -> bool:
        """Whether all epochs are finished."""
        return self.epoch >= self.epochs

    def side(self, share: float | None = None) -> int:
        """Side of the images after `share` of training, by default in this epoch."""
        start, full = self.work.start_size, self.work.side
        if share is None and self.first:
            return self.resumed_side
        if not start:
            return full
        share = self.share if share is None else share
        way = next((x for end, x in GROWTH if share < end - 1e-9), 1.0)
        return round(start + way * (full - start))

    def begin(self) -> None:
        """Start an epoch."""
        before, self.current_side = self.current_side, self.side()
        self.started, self.compiling = self.clock(), self.current_side != before

    def advance(self, step: int) -> float:
        """Start step `step` of the epoch; the share of training at the step's middle."""
        run = step - self.first
        if run == SLOW_STEPS:
            self.warm = self.clock()
        elif SLOW_STEPS < run <= 4 * SLOW_STEPS and not self.epoch:
            self._timed(step, self._seconds_per_epoch(run))
        self._move(max(self.done, (step + 0.5) / self.epoch_steps))
        return self.share

    def time(self, seconds: float) -> None:
        """Plan by steps of so many seconds, which were timed before the first epoch."""
        self.current_side = self.side()
        self._timed(0, seconds * self.work.steps)

    def _timed(self, step: int, trained: float) -> None:
        """Plan by all steps of an epoch taking `trained` seconds, in its step `step`."""
        work = self.work
        larger = (work.side / self.current_side) ** 2
        validating = VALIDATION_COST * work.validated * larger
        self.paces[self.current_side] = trained * (1 + validating)
        self._plan()
        self._cut_short(step, trained, validating)

    def finish(self) -> None:
        """End an epoch after its validation."""
        if self.epoch_steps > self.first:
            self.paces[self.current_side] = self._seconds_per_epoch(
                self.epoch_steps - self.first
            )
        self._move(1.0)
        self.epoch, self.done = self.epoch + 1, 0.0
        self.step = self.first = 0
        if self.paces and not self.over:
            self._plan()

    def seconds_left(self) -> float | None:
        """Estimate for the planned epochs that are left; None before any was timed."""
        return self._mean_pace() * self._left() if self.paces else None

    def seconds_predicting(self) -> float:
        """Estimate for the predictions after the last epoch.

        A view in float32 is taken to need as long as training with it: somewhat too much,
        as docs/recipes.md shows.
        """
        return self.work.views * self.work.validated * self._pace(self.work.side)

    def _left(self) -> float:
        return self.epochs - self.epoch - self.done

    def _mean_pace(self) -> float:
        """Seconds per epoch, on average over the rest of training."""
        if self.share >= 1:
            return 0.0
        total, start = 0.0, self.share
        for end, _ in GROWTH:
            if end > start:
                total += (end - start) * self._pace(self.side(start))
                start = end
        return total / (1 - self.share)

    def _move(self, done: float) -> None:
        """Set the finished fraction of this epoch; the share grows evenly to the end."""
        rest = max(self._left(), 1e-9)
        self.share += (1 - self.share) * min((done - self.done) / rest, 1.0)
        self.done = done

    def _seconds_per_epoch(self, run: int) -> float:
        """Seconds of a whole epoch at the pace of the `run` steps of this sitting."""
        if run <= SLOW_STEPS or not self.compiling:
            return (self.clock() - self.started) / run * self.work.steps
        return (self.clock() - self.warm) / (run - SLOW_STEPS) * self.work.steps

    def _plan(self) -> None:
        """Set `epochs` to as many as end by the deadline."""
        if self.deadline is None:
            return
        left = max(0.0, self._left_for_epochs(self.deadline))
        count = int(left / self._mean_pace() + self.done)
        self.epochs = min(self.work.epochs, max(1, self.epoch + count))

    def _cut_short(self, step: int, trained: float, validating: float) -> None:
        """Set `epoch_steps` so that an only epoch ends by the deadline.

        All steps take `trained` seconds, and their validation `validating` times that.
        """
        self.epoch_steps = self.work.steps
        if self.deadline is None or self.epochs > 1:
            return
        left = self._left_for_epochs(self.deadline) - validating * trained
        fitting = int(left / trained * self.work.steps)
        self.epoch_steps = min(self.work.steps, step + max(1, fitting))

    def _left_for_epochs(self, deadline: float) -> float:
        """Seconds that epochs may take if they take as long as they did so far."""
        return (deadline - self.clock() - self.seconds_predicting()) / MARGIN

    def _pace(self, side: int) -> float:
        """Seconds per epoch at `side`; by area from the nearest side if not timed."""
        if side in self.paces:
            return self.paces[side]
        near = min(self.paces, key=lambda x: abs(x - side))
        return self.paces[near] * (side / near) ** 2
