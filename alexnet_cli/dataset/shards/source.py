"""A folder of shards as a data set: the images, classes and parts that were prepared."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from ...errors import DatasetError, ImageError, printable
from ...preprocess import Preprocess
from ..decoding import ProgressCallback
from ..near_duplicates.pairs import NearPairs
from ..sources.source import Sample
from .index import Index, Kept
from .store import Store, unreadable
from .table import Table

_PIECE = 2**22
"""Bytes of a shard that are checked at once."""


@dataclass(frozen=True, slots=True)
class ShardSample(Sample):
    """One image of a folder of shards."""

    row: int = -1
    """Its number in the table; -1 if it is not in it."""


@dataclass(frozen=True, kw_only=True)
class ShardSource:
    """Images that `alexnet prepare` has written."""

    root: Path
    store: Store
    index: Index
    table: Table
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    samples: tuple[ShardSample, ...]
    notes: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """The folder."""
        return self.store.location

    @property
    def sequential(self) -> bool:
        """Images are read in any order."""
        return False

    def in_order(self, samples: Iterable[Sample]) -> list[Sample]:
        """`samples` as they are."""
        return list(samples)

    def counts(self, part: str) -> list[int]:
        """Images of each class in `part`, in class order."""
        labels = Counter(x.label for x in self.samples if x.part == part)
        return [labels[i] for i in range(len(self.classes))]

    def read(self, sample: Sample) -> bytes:
        """The image as it is in its shard.

        Raises:
            ImageError: it could not be used when the shards were made.
            DatasetError: the shard is missing or damaged.
        """
        row = row_of(sample)
        if row < 0:
            raise ImageError("is not in the shards")
        if row in self.table.reasons:
            raise ImageError(self.table.reasons[row])
        shard, offset, size, checksum = self.table.place(row)
        file = self.index.shards[shard].file
        try:
            data = self.store.read(file, offset, size)
        except OSError as error:
            raise unreadable(self.store, file, error) from error
        if len(data) != size or crc32(data) != checksum:
            raise DatasetError(
                f"{self.location}/{file} is damaged or cut short: {printable(sample.name)} "
                f"is not what was written; `alexnet prepare` writes shards anew, into "
                f"another folder"
            )
        return data

    def digest(self, sample: Sample) -> str:
        """SHA-256 of the image in the data set that was prepared; "" if it is not here."""
        row = row_of(sample)
        return "" if row < 0 else self.table.digests[row]

    def near(self, samples: Sequence[Sample]) -> NearPairs:
        """Which of `samples` are near-identical, as far as that was looked for."""
        first: dict[str, int] = {}
        groups = (self.table.groups[row_of(x)] for x in samples)
        pairs = [(first.setdefault(x, i), i) for i, x in enumerate(groups)]
        near = self.index.near
        # None of them was compared where none were looked for.
        count = near.count or len(samples) * (len(samples) - 1) // 2
        return NearPairs(tuple(x for x in pairs if x[0] != x[1]), near.compared, count)

    def require(self, preprocess: Preprocess) -> None:
        """Check that images are kept as `preprocess` keeps them.

        Raises:
            DatasetError: they are not.
        """
        wanted, kept = Kept.of(preprocess), self.index.kept
        if wanted != kept:
            raise DatasetError(
                f"{self.location} was prepared with {kept}, and {wanted} is wanted; "
                f"use the former, or prepare the images again"
            )

    def check(self) -> None:
        """Check that all shards are there, in their full length.

        Raises:
            DatasetError: one is not.
        """
        for shard in self.index.shards:
            try:
                size = self.store.size(shard.file)
            except OSError as error:
                raise unreadable(self.store, shard.file, error) from error
            if size != shard.bytes:
                raise DatasetError(
                    f"{self.location}/{shard.file} has {size:,} bytes, not "
                    f"{shard.bytes:,}; copy it again, or prepare the images again"
                )

    def verify(self, progress: ProgressCallback) -> None:
        """Check that all shards are byte for byte what was written.

        Raises:
            DatasetError: one is not.
        """
        shards = self.index.shards
        for done, shard in enumerate(shards, 1):
            digest = hashlib.sha256()
            for offset in range(0, shard.bytes, _PIECE):
                size = min(_PIECE, shard.bytes - offset)
                try:
                    digest.update(self.store.read(shard.file, offset, size))
                except OSError as error:
                    raise unreadable(self.store, shard.file, error) from error
            if digest.hexdigest() != shard.sha256:
                raise DatasetError(
                    f"{self.location}/{shard.file} is damaged: its SHA-256 is another one; "
                    f"copy it again, or prepare the images again"
                )
            progress(done, len(shards))


def row_of(sample: Sample) -> int:
    """The number of an image in the table; -1 if it is not in it."""
    return sample.row if isinstance(sample, ShardSample) else -1
