"""LabeledImages: what a run is evaluated on, files or not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..dataset.shards.source import ShardSource
from ..dataset.sources.source import Sample, Source, readers
from ..inference.prediction import Unread
from ..preprocess import Preprocess


@dataclass(frozen=True)
class LabeledImages:
    """Images to evaluate a run on."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]
    """For each file the index of its class in the run's classes."""
    notes: tuple[str, ...] = ()
    """What a reader of the scores should know about the images, a line each."""
    source: Source | None = None
    """What reads `samples`, where the images are no files of their own."""
    samples: tuple[Sample, ...] = ()
    """For each of `files`, its sample in `source`."""
    digests: tuple[str, ...] = ()
    """The SHA-256 that each file had when the run was trained; none for other images."""
    location: str = ""
    """The absolute path of the data set that they are from, or tfds:NAME."""
    part: str = ""
    """Which part of it they are; empty for all of it."""

    @classmethod
    def of(
        cls,
        source: Source,
        samples: tuple[Sample, ...],
        labels: tuple[int, ...],
        notes: tuple[str, ...],
    ) -> "LabeledImages":
        """The `samples` of `source`."""
        files = tuple(source.root / x.name for x in samples)
        return cls(files, labels, notes, source, samples)

    def encoded(self, rows: Iterable[int]) -> dict[int, bytes | Path]:
        """The images numbered `rows`, as files or their bytes.

        Raises:
            ImageError: one that is no file can no longer be read.
        """
        source = self.source
        if source is None:
            return {i: self.files[i] for i in rows}
        return {i: source.read(self.samples[i]) for i in sorted(rows)}

    def made_of(self, row: int) -> str:
        """SHA-256 of what an image was prepared from; "" if it is as it was."""
        return _digest(self.source, self.samples[row]) if self.source else ""

    def unread(self, preprocess: Preprocess) -> Iterator[Path | Unread]:
        """The images, read when they are decoded, or where they are sequential before.

        Raises:
            DatasetError: they are shards, of images that were prepared otherwise.
        """
        source = self.source
        if isinstance(source, ShardSource):
            source.require(preprocess)
        if source is None:
            yield from self.files
            return
        found = readers(self.samples, source.read, sequential=source.sequential)
        for file, read, sample in zip(self.files, found, self.samples, strict=True):
            yield Unread(file, read, _digest(source, sample))


def _digest(source: Source, sample: Sample) -> str:
    """As `Unread.digest`."""
    return source.digest(sample) if isinstance(source, ShardSource) else ""
