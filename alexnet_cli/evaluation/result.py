"""Evaluation: what evaluate() finds out about a run, and what it was found out from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..arrays import Flags
from ..inference.prediction import Prediction
from ..run.provenance import data_digest
from ..run.run import Run
from .calibration import ReliabilityBin, expected_calibration_error
from .labeled_images import LabeledImages
from .scores import Scores
from .significance import Intervals, McNemar


@dataclass(frozen=True)
class Comparison:
    """Another run on the same images."""

    top1: float
    test: McNemar
    """First the run itself, second the other one."""
    trained_on: int
    """Images that the other one was trained on."""
    run: Run
    """The other one."""


@dataclass(frozen=True)
class Evaluation:
    """A run on labeled images: scores of those that can be read, a prediction for each."""

    run: Run
    images: LabeledImages
    scores: Scores
    intervals: Intervals
    reliability: tuple[ReliabilityBin, ...]
    predictions: tuple[Prediction, ...]
    trained_on: int
    """Images whose exact content the network was trained on."""
    comparison: Comparison | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Every metric that the run was trained with, and top-K accuracy, by name."""
    source: Path | None = None
    """What was read: the run's directory, or an exported file."""
    tta: str = "none"
    """The --tta over whose views predictions are averaged."""

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (ECE), 0 to 1."""
        return expected_calibration_error(self.reliability)

    @property
    def unreadable(self) -> tuple[Prediction, ...]:
        """Predictions that are errors; they are not in the scores."""
        return tuple(x for x in self.predictions if x.error)

    @property
    def correct(self) -> Flags:
        """[N]: whether each prediction is correct; that of an unreadable image is not."""
        pairs = zip(self.predictions, self.images.labels, strict=True)
        return np.array([[i for i, _ in x.ranked(1)] == [label] for x, label in pairs])

    @cached_property
    def data_digest(self) -> str:
        """`run.provenance.data_digest` of the images that were read."""
        pairs = zip(self.predictions, self.images.labels, strict=True)
        classes = self.run.classes
        return data_digest((x.digest, classes[i]) for x, i in pairs if not x.error)
