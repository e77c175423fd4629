"""How far training is: which epoch, at which side of pictures, and what time is left.

Without a time limit all of this follows from the recipe; with one the number of epochs is
planned anew from the pace of those that were run. No TensorFlow.
"""

import time
from collections.abc import Callable

from .recipe import Recipe

GROWTH = ((0.5, 0.0), (0.8, 0.5), (1.0, 1.0))
"""Progressive resizing: up to this share of training, this share of the way in size."""
MARGIN = 1.03
"""Epochs are expected to take this much longer than the last one did."""
SLOW_STEPS = 3
"""First steps, in which functions are compiled, tell nothing of the pace."""


class Plan:
    """The way from the first epoch to the last; `epoch` are finished, of `epochs`."""

    def __init__(
        self,
        recipe: Recipe,
        side: int,
        steps: int,
        *,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`side` is the network's input, `steps` are those of an epoch.

        By `deadline`, a time of `clock`, the last epoch is to be over; at least one is run.
        """
        self.recipe, self.full_side, self.steps = recipe, side, steps
        self.deadline, self.clock = deadline, clock
        self.epoch, self.epochs = 0, recipe.epochs
        self.share = self.done = 0.0
        """Of training, and of the current epoch, that is done, 0 to 1."""
        self.paces: dict[int, float] = {}
        """Seconds of an epoch, with its validation, at each side."""

    @property
    def over(self) -> bool:
        """Whether all epochs are run."""
        return self.epoch >= self.epochs

    def side(self, share: float | None = None) -> int:
        """Side of the pictures after `share` of training, by default now."""
        start, full = self.recipe.start_size, self.full_side
        if not start:
            return full
        share = self.share if share is None else share
        way = next((x for end, x in GROWTH if share < end - 1e-9), 1.0)
        return round(start + way * (full - start))

    def begin(self) -> None:
        """An epoch starts."""
        self.started, self.current = self.clock(), self.side()

    def advance(self, step: int) -> float:
        """The share of training at the middle of step `step` of this epoch."""
        if step == SLOW_STEPS:
            self.warm = self.clock()
        elif step == 4 * SLOW_STEPS and not self.epoch:
            self.paces[self.current] = self._so_far(step)
            self._plan()
        self._move((step + 0.5) / self.steps)
        return self.share

    def finish(self) -> None:
        """An epoch, and its validation, is over."""
        self.paces[self.current] = self._so_far(self.steps)
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
        if step <= SLOW_STEPS:
            return self.clock() - self.started
        return (self.clock() - self.warm) / (step - SLOW_STEPS) * self.steps

    def _plan(self) -> None:
        """Let `epochs` be as many as end by the deadline."""
        if self.deadline is None:
            return
        left = max(0.0, self.deadline - self.clock())
        count = int(left / (MARGIN * self._mean_pace()) + self.done)
        self.epochs = min(self.recipe.epochs, max(1, self.epoch + count))

    def _pace(self, side: int) -> float:
        """Seconds of an epoch at `side`, by area where none was run there."""
        if side in self.paces:
            return self.paces[side]
        near = min(self.paces, key=lambda x: abs(x - side))
        return self.paces[near] * (side / near) ** 2
