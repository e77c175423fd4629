"""Findings: the problems of a data set, as `doctor` finds them and reports tell them."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Pair = tuple[str, str]


class Range(NamedTuple):
    """Of one number of all images; in JSON a list."""

    smallest: float
    median: float
    largest: float


@dataclass(frozen=True)
class Findings:
    """What was found in a folder; names are paths below `root`."""

    root: Path
    counts: dict[str, int]
    """Readable images of each class."""
    notes: tuple[str, ...]
    formats: dict[str, int]
    widths: Range
    """Pixels."""
    heights: Range
    aspects: Range
    """Width divided by height."""
    bad: tuple[Pair, ...]
    """(file, reason)."""
    wrong_ending: tuple[Pair, ...]
    """(file, its format)."""
    tiny: tuple[Pair, ...]
    """(file, its size)."""
    turned: tuple[str, ...]
    """Stored rotated or mirrored, as EXIF says."""
    gray: tuple[str, ...]
    dim: tuple[Pair, ...]
    """(file, its highest level and what to do) if that is below an eighth of the range."""
    equal: tuple[Pair, ...]
    """Files of the same content."""
    near: tuple[Pair, ...]
    """Images that are almost the same, as the fewest pairs that connect them."""
    two_labels: tuple[Pair, ...]
    """Of the pairs above, those in two classes."""
    two_parts: tuple[Pair, ...]
    """Of the pairs above, those in two of train, val and test."""
    overlap: tuple[Pair, ...]
    """(file of the other folder, file here) of equal or almost equal images."""
    confusable: tuple[tuple[str, ...], ...] = ()
    """Classes whose names differ only by Unicode form, case or spaces around them."""
    near_searched: bool = True
    """Whether `near` was looked for: not among more than `near_search.MOST_SEARCHED`."""

    not_read: int = 0
    """Files that were not read again: their size and time are those of an earlier look."""

    refused: str = ""
    """Why training with the recipes' usual split would refuse the data set; or empty."""

    @property
    def imbalance(self) -> float:
        """Images of the largest class divided by those of the smallest."""
        return max(self.counts.values()) / max(1, min(self.counts.values()))

    @property
    def wrong(self) -> bool:
        """Whether there is a problem that spoils training or evaluation.

        Near-identical images of one class and one part are none: training keeps them on
        one side of the split.
        """
        return bool(
            self.bad or self.equal or self.two_labels or self.two_parts
            or self.overlap or self.confusable or min(self.counts.values()) < 2
            or self.refused
        )  # fmt: skip
