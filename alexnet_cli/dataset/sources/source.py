"""What every kind of data set offers: samples with classes and parts, and their bytes."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a source, not read yet."""

    name: str
    """Its name in split.csv and in messages; for a file its path below the root."""
    label: int
    """The index of its class."""
    part: str
    """train, val or test as the source has it; train where it has no parts."""


class Source(Protocol):
    """A data set of labeled images."""

    @property
    def location(self) -> str:
        """The name of the source in messages, printable."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All images, in the same order every time."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Those of train, val and test that the source has; val and test are optional."""

    def read(self, sample: Sample) -> bytes:
        """The encoded image. Called from several threads at once.

        Raises:
            ImageError: it cannot be read.
        """
