"""What every kind of data set offers: samples with classes and parts, and their bytes."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a source, not read yet."""

    name: str
    """What names it in split.csv and in messages; for a file its path below the root."""
    label: int
    """The index of its class."""
    part: str
    """train, val or test as the source has it; train where it has no parts."""


class Source(Protocol):
    """A data set of labeled images."""

    @property
    def location(self) -> str:
        """What names the source in messages, printable."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All images, in an order that does not change between two calls."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of train, val and test the source itself tells apart."""

    def read(self, sample: Sample) -> bytes:
        """The encoded image.

        Raises:
            ImageError: it cannot be read.
        """
