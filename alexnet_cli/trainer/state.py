"""Everything that changes in training, as a checkpoint holds it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..run.checkpoints import Checkpoint
from .callbacks import LearningRateScheduler
from .ema import ExponentialMovingAverage
from .history import History
from .planner import EpochPlanner
from .training_model import TrainingModel

Arrays = dict[str, np.ndarray[Any, Any]]


class _Stateful(Protocol):
    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass
class TrainingState:
    """The parts of a training that change, and the numbers that belong to none of them."""

    model: TrainingModel
    planner: EpochPlanner
    scheduler: LearningRateScheduler
    ema: ExponentialMovingAverage | None
    history: History
    started: float
    """When this sitting began, on `clock`."""
    elapsed: float = 0.0
    """Seconds of earlier sittings."""
    trained: dict[str, float] = field(default_factory=dict)
    """Training results of the current epoch, once all of its steps are done."""
    metrics: list[np.ndarray[Any, Any]] = field(default_factory=list)
    """What the metrics had counted where the checkpoint was written, within an epoch."""
    clock: Callable[[], float] = time.monotonic

    @property
    def _parts(self) -> dict[str, _Stateful]:
        parts: dict[str, _Stateful] = {
            "model": self.model,
            "planner": self.planner,
            "scheduler": self.scheduler,
            "history": self.history,
        }
        return {**parts, "ema": self.ema} if self.ema else parts

    def collect(self) -> tuple[dict[str, Any], Arrays]:
        """Numbers and texts by part, and copies of all arrays."""
        seconds = self.elapsed + self.clock() - self.started
        plain: dict[str, Any] = {"elapsed": seconds, "trained": self.trained}
        arrays: Arrays = {}
        for part, stateful in self._parts.items():
            plain[part] = {}
            for key, value in stateful.state().items():
                if _is_arrays(value):
                    arrays |= {f"{part}.{key}.{i:04}": x for i, x in enumerate(value)}
                else:
                    plain[part][key] = value
        arrays |= {f"metrics.{i:04}": x for i, x in enumerate(self._counted())}
        return plain, arrays

    def _counted(self) -> list[np.ndarray[Any, Any]]:
        """What metrics have counted in the steps of this epoch, unless it is over."""
        if self.metrics:
            return self.metrics  # not yet given to the model
        model = self.model.model
        if model is None or not self.planner.step or self.trained:
            return []
        return [np.array(x) for x in model.metrics_variables]

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from `checkpoint`."""
        self.put(checkpoint.state, checkpoint.arrays())

    def put(self, plain: Mapping[str, Any], arrays: Arrays) -> None:
        """Continue from what `collect` has given."""
        for part, stateful in self._parts.items():
            stateful.restore({**plain[part], **_lists(arrays, part)})
        self.metrics = [x for name, x in sorted(arrays.items()) if name[:8] == "metrics."]
        self.trained = dict(plain["trained"])
        self.elapsed = float(plain["elapsed"])

    def restart_epoch(self) -> None:
        """Go back to the first step of the current epoch, with the weights as they are."""
        self.planner.restart_epoch()
        self.trained, self.metrics = {}, []


def _is_arrays(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(x, np.ndarray) for x in value)


def _lists(arrays: Mapping[str, Any], part: str) -> dict[str, list[Any]]:
    """The arrays of a part by their keys, in order."""
    lists: dict[str, list[Any]] = {}
    for name in sorted(arrays):
        owner, _, rest = name.partition(".")
        if owner == part:
            lists.setdefault(rest.rpartition(".")[0], []).append(arrays[name])
    return lists
