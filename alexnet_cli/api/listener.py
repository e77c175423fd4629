"""Listener: what is called while a function of the API works."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.progress import Progress

Counter = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class Listener:
    """Called while a function of the API works; ignores everything.

    Override what you want to know about.
    """

    def log(self, text: str) -> None:
        """Receive a line about the work."""

    def notes(self, lines: Sequence[str]) -> None:
        """Receive details of the line before."""

    def counting(self, what: str) -> AbstractContextManager[Counter]:
        """A context manager around `what`, such as "decoding"; it gives a Counter."""
        return nullcontext(lambda done, count: None)

    def images_found(self, source: "Source") -> None:
        """Receive the images of a data set, before they are decoded."""

    def images_prepared(self, data: "PreparedData") -> None:
        """Receive the decoded and split images."""

    def weights_matched(
        self, weights: "PretrainedWeights", matches: "Sequence[LayerMatch]"
    ) -> None:
        """Receive pretrained weights and the layers that they fill."""

    def progress(self, now: "Progress") -> None:
        """Receive the state of training, after every step and every epoch."""
