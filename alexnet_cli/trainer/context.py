"""What training needs beside the run and its images."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import keras

from ..arrays import Doubles, Pixels
from ..backend.workers import Workers
from ..dataset.pixel_cache import Examples
from ..evaluation.scores import Scores
from ..model.pretrained.matching import LayerMatch
from ..run.checkpoints import Resume
from ..run.run import Run
from .progress import Report


class Figures(Protocol):
    """Draws and describes a run directory; `reports.training_figures` does."""

    def augmented(self, run: Run, training: Examples, lighting: Doubles | None) -> Pixels:
        """Write plots/augmented.png; the same as uint8 [H, W, 3]."""

    def results(self, run: Run, rows: Sequence[dict[str, float]], scores: Scores) -> Pixels:
        """Write curves and confusion matrix; the latter as uint8 [H, W, 3]."""

    def describe(self, run: Run) -> None:
        """Write README.md, unless the user has changed it."""


@dataclass(frozen=True)
class TrainContext:
    """What training needs beside the run and its images."""

    report: Report
    figures: Figures
    log: Callable[[str], None] = lambda text: None
    """Called with lines about the work."""
    name: str = ""
    """Name of the run in TensorBoard."""
    start: Sequence[LayerMatch] = ()
    """Pretrained weights to start from."""
    started: float = field(default_factory=time.monotonic)
    """When the time of --max-minutes began, on the clock of `time.monotonic`."""
    resume: Resume | None = None
    workers: Workers | None = None
    """The workers that train together, if there are several."""
    names: Sequence[str] = ()
    """Names of the images in the cache, for messages."""
    callbacks: Sequence[keras.callbacks.Callback] = ()
    """Called before the trainer's own.

    In `on_test_begin` the network thus has its own weights, not yet their average. The
    model is another one for each side of images; `self.model.stop_training = True` ends
    training.
    """

    @property
    def writes(self) -> bool:
        """Whether this process writes the run directory: alone, or as the chief."""
        return self.workers is None or self.workers.is_chief
