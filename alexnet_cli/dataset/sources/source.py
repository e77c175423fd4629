"""What every kind of data set offers: samples with classes and parts, and their bytes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from ...errors import DatasetError, ImageError


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
    def root(self) -> Path:
        """What the names of samples are below: a folder, an archive, or a data set."""

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, a line each."""

    @property
    def sequential(self) -> bool:
        """Whether samples are to be read one at a time and in their order.

        In another order each takes as long as all before it.
        """

    def counts(self, part: str) -> list[int]:
        """Images of each class in `part`, in class order."""

    def in_order(self, samples: Iterable[Sample]) -> list[Sample]:
        """`samples` in an order in which they can be read fast."""

    def read(self, sample: Sample) -> bytes:
        """The encoded image. Called from several threads at once.

        Raises:
            ImageError: it cannot be read.
        """


T = TypeVar("T")


def readers(
    samples: Iterable[T], read: Callable[[T], bytes], *, sequential: bool
) -> Iterator[Callable[[], bytes]]:
    """For each sample what returns its bytes, or raises an ImageError, in any thread.

    If `sequential`, it has been read already, when it was asked for.
    """
    for sample in samples:
        yield _already_read(sample, read) if sequential else partial(read, sample)


def _already_read(sample: T, read: Callable[[T], bytes]) -> Callable[[], bytes]:
    try:
        data = read(sample)
    except ImageError as error:
        return partial(_raise, error)
    return lambda: data


def _raise(error: ImageError) -> bytes:
    raise error


def require_order(source: Source, cache: str) -> None:
    """Refuse --cache none where images cannot be read in another order.

    Raises:
        DatasetError: it is so.
    """
    if source.sequential and cache == "none":
        raise DatasetError(
            f"--cache none reads images again and again in another order, and "
            f"{source.location} can only be read from its start; use --cache disk"
        )


@dataclass(frozen=True, kw_only=True)
class ListedImages:
    """A source that was listed, with what reads its samples."""

    root: Path
    location: str
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    samples: tuple[Sample, ...]
    reader: Callable[[Sample], bytes]
    """As `Source.read`."""
    notes: tuple[str, ...] = ()
    place: Callable[[Sample], tuple[int, ...]] | None = None
    """Where a sample stands, if they are to be read one at a time and in that order."""

    @property
    def sequential(self) -> bool:
        """Whether samples are to be read one at a time and in their order."""
        return self.place is not None

    def in_order(self, samples: Iterable[Sample]) -> list[Sample]:
        """`samples` in an order in which they can be read fast."""
        return sorted(samples, key=self.place) if self.place else list(samples)

    def counts(self, part: str) -> list[int]:
        """Images of each class in `part`, in class order."""
        labels = Counter(x.label for x in self.samples if x.part == part)
        return [labels[i] for i in range(len(self.classes))]

    def read(self, sample: Sample) -> bytes:
        """The encoded image.

        Raises:
            ImageError: it cannot be read.
        """
        return self.reader(sample)
