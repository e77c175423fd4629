"""Listener: told what goes on while an API function works."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.class_folders import ImageFolder
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.progress import Progress

Counter = Callable[[int, int], None]
"""Called with how much is done and how much there is."""


class Listener:
    """Told what goes on; this one does nothing, the command line's prints."""

    def log(self, text: str) -> None:
        """A line about the work."""

    def notes(self, lines: Sequence[str]) -> None:
        """Details of the line before."""

    def counting(self, what: str) -> AbstractContextManager[Counter]:
        """What to call while `what` goes on."""
        return nullcontext(lambda done, count: None)

    def found(self, source: "ImageFolder") -> None:
        """The images of a folder, not decoded yet."""

    def matched(
        self, weights: "PretrainedWeights", matches: "Sequence[LayerMatch]"
    ) -> None:
        """Which layers pretrained weights fill."""

    def prepared(self, data: "PreparedData") -> None:
        """The images, decoded and split."""

    def progress(self, now: "Progress") -> None:
        """A step or an epoch of training is over."""
