"""How far training is: which epoch, at which side of images, and how much time is left.

Without a time limit all of this follows from the recipe; with one the number of epochs is
planned anew from the pace of those that were run. No TensorFlow.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GROWTH = ((0.5, 0.0), (0.8, 0.5), (1.0, 1.0))
"""Progressive resizing: up to this share of training, this share of the way in size."""
MARGIN = 1.03
"""Epochs are expected to take this much longer than the last one did."""
SLOW_STEPS = 3
"""First steps, in which functions are compiled, say nothing about the pace."""
VALIDATING = 0.5
"""Of the time of training: a third is the forward pass, and that has to be compiled."""


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
    """Images validated after an epoch, per image that it trains with."""
    views: int = 0
    """How often each of them is predicted after the last epoch."""


class EpochPlanner:
    """The way from the first epoch to the last; `epoch` are finished, of `epochs`."""

    def __init__(
        self,
        work: Workload,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Plan to be done with `work` by `deadline`, a time of `clock`.

        Where not even one epoch fits, it is cut short.
        """
        self.work, self.deadline, self.clock = work, deadline, clock
        self.last = work.steps
        """Steps that are run of an epoch: all, unless the only one is cut short."""
        self.epoch, self.epochs, self.current = 0, work.epochs, 0
        self.share = self.done = 0.0
        """Of training, and of the current epoch, that is done, 0 to 1."""
        self.paces: dict[int, float] = {}
        """Seconds per epoch, with its validation, at each side."""

    def state(self) -> dict[str, Any]:
        """Everything that changes while training, between two epochs."""
        names = ("epoch", "epochs", "share", "last")
        paces = {str(k): v for k, v in self.paces.items()}
        return {**{x: getattr(self, x) for x in names}, "paces": paces}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.epoch, self.epochs = int(state["epoch"]), int(state["epochs"])
        self.share, self.last = float(state["share"]), int(state["last"])
        self.paces = {int(k): float(v) for k, v in state["paces"].items()}
        self.current, self.done = 0, 0.0

    @property
    def over(self) -> bool:
        """Whether all epochs are run."""
        return self.epoch >= self.epochs

    def side(self, share: float | None = None) -> int:
        """Side of the images after `share` of training, by default now."""
        start, full = self.work.start_size, self.work.side
        if not start:
            return full
        share = self.share if share is None else share
        way = next((x for end, x in GROWTH if share < end - 1e-9), 1.0)
        return round(start + way * (full - start))

    def begin(self) -> None:
        """An epoch starts."""
        before, self.current = self.current, self.side()
        self.started, self.compiling = self.clock(), self.current != before

    def advance(self, step: int) -> float:
        """The share of training at the middle of step `step` of this epoch."""
        if step == SLOW_STEPS:
            self.warm = self.clock()
        elif SLOW_STEPS < step <= 4 * SLOW_STEPS and not self.epoch:
            validating = (
                VALIDATING * self.work.validated * (self.work.side / self.current) ** 2
            )
            trained = self._so_far(step)
            self.paces[self.current] = trained * (1 + validating)
            self._plan()
            self._cut_short(step, trained, validating)
        self._move(max(self.done, (step + 0.5) / self.last))
        return self.share

    def finish(self) -> None:
        """An epoch, and its validation, is over."""
        self.paces[self.current] = self._so_far(self.last)
        self._move(1.0)
        self.epoch, self.done = self.epoch + 1, 0.0
        if not self.over:
            self._plan()

    def seconds_left(self) -> float | None:
        """What the planned epochs will still take; None where no pace is known yet."""
        return self._mean_pace() * self._left() if self.paces else None

    def _left(self) -> float:
        return self.epochs - self.epoch - self.done

    def _mean_pace(self) -> float:
        """Seconds of an epoch, on average over the rest of training."""
        if self.share >= 1:
            return 0.0
        total, start = 0.0, self.share
        for end, _ in GROWTH:
            if end > start:
                total += (end - start) * self._pace(self.side(start))
                start = end
        return total / (1 - self.share)

    def _move(self, done: float) -> None:
        """Let `done` (0..1) of this epoch be over; the share grows evenly to the end."""
        rest = max(self._left(), 1e-9)
        self.share += (1 - self.share) * min((done - self.done) / rest, 1.0)
        self.done = done

    def _so_far(self, step: int) -> float:
        """Seconds that an epoch takes at the pace of this one's first `step` steps."""
        if step <= SLOW_STEPS or not self.compiling:
            return (self.clock() - self.started) / step * self.work.steps
        return (self.clock() - self.warm) / (step - SLOW_STEPS) * self.work.steps

    def _plan(self) -> None:
        """Let `epochs` be as many as end by the deadline."""
        if self.deadline is None:
            return
        left = max(0.0, self._left_for_epochs(self.deadline))
        count = int(left / self._mean_pace() + self.done)
        self.epochs = min(self.work.epochs, max(1, self.epoch + count))

    def _cut_short(self, step: int, trained: float, validating: float) -> None:
        """Let the first epoch end by the deadline, if it is the only one.

        Whole it takes `trained` seconds, and its validation `validating` times that.
        """
        self.last = self.work.steps
        if self.deadline is None or self.epochs > 1:
            return
        left = self._left_for_epochs(self.deadline) - validating * trained
        fitting = int(left / trained * self.work.steps)
        self.last = min(self.work.steps, step + max(1, fitting))

    def _left_for_epochs(self, deadline: float) -> float:
        """Seconds that epochs may take if they take as long as they did.

        After the last one a view of an image, in float32, is taken to need as long as
        training with it: somewhat too much, as docs/recipes.md shows.
        """
        views = self.work.views * self.work.validated * self._pace(self.work.side)
        return (deadline - self.clock() - views) / MARGIN

    def _pace(self, side: int) -> float:
        """Seconds of an epoch at `side`, by area where none was run there."""
        if side in self.paces:
            return self.paces[side]
        near = min(self.paces, key=lambda x: abs(x - side))
        return self.paces[near] * (side / near) ** 2
