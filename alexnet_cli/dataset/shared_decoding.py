"""Decoding divided among workers: each keeps its own images, and all know of all."""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays import Fingerprints, Pixels, Rows
from ..backend.workers import Workers
from ..errors import ClusterError, DatasetError
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .decoding import BadImage, DecodedSet, ProgressCallback
from .near_duplicates.fingerprint import PRINT
from .near_duplicates.pairs import NearPairs
from .pixel_cache import NoCache, PixelCache
from .shards.decoding import decode_source
from .sources.source import Sample, Source

_HEADER = struct.Struct(">Q")


class SharedCache:
    """The images of all workers: this one's are kept, others are decoded when needed."""

    def __init__(self, own: PixelCache, places: Rows, others: PixelCache) -> None:
        """`places` [N] are the numbers of images in `own`, -1 where it does not have them.

        `others` has all N.
        """
        self.own, self.places, self.others = own, places, others

    def owned(self, rows: Rows) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Whether this worker has the images numbered `rows`, [n]."""
        return self.places[rows] >= 0

    def add(self, sample: Sample, pixels: Pixels) -> None:
        """Not used: the images are those that were decoded."""
        raise NotImplementedError

    def images(self, rows: Iterable[int]) -> Iterator[Pixels]:
        """The images numbered `rows`, in that order."""
        numbers = np.fromiter(rows, np.int64)
        places = self.places[numbers]
        own = self.own.images(places[places >= 0])
        others = self.others.images(numbers[places < 0])
        return (next(own) if x >= 0 else next(others) for x in places)


def require_same_images(source: Source, workers: Workers) -> None:
    """Check that all workers found the same images, which can be read in any order.

    Raises:
        DatasetError: they can only be read from the start of an archive.
        ClusterError: a worker found others.
    """
    if source.sequential:
        raise DatasetError(
            f"{source.location} can only be read from its start, by one worker; unpack it "
            f"to train with --cluster"
        )
    names = [(x.name, x.label, x.part) for x in source.samples]
    text = json.dumps([source.classes, names])
    found = workers.gather(hashlib.sha256(text.encode()).digest())
    other = next((i for i, x in enumerate(found) if x != found[0]), None)
    if other is not None:
        raise ClusterError(
            f"worker {other} finds other images in {source.location} than worker 0; all "
            f"workers need the same folder"
        )


def decode_shared(
    source: Source,
    samples: Sequence[Sample],
    recipe: Recipe,
    progress: ProgressCallback,
    workers: Workers | None,
) -> DecodedSet:
    """The `samples` of `source`, decoded by this process or by all `workers`."""

    def decode(some: Sequence[Sample]) -> DecodedSet:
        return decode_source(
            source, some, preprocess_of(recipe), recipe.machine.cache, progress
        )

    if workers is None:
        return decode(samples)
    everything = NoCache(preprocess_of(recipe), source.read)
    return _shared(samples, decode, everything, workers)


def _shared(
    samples: Sequence[Sample],
    decode: Callable[[Sequence[Sample]], DecodedSet],
    everything: NoCache,
    workers: Workers,
) -> DecodedSet:
    """All samples, of which each worker decodes every `workers.count`-th."""
    mine = [samples[i] for i in range(workers.index, len(samples), workers.count)]
    own = decode(mine)
    told = [_heard(x) for x in workers.gather(_told(mine, own))]
    rows: list[tuple[Sample, str, Fingerprints | None, bool]] = []
    bad = []
    for i, sample in enumerate(samples):
        part = told[i % workers.count]
        found = part.next_image()
        if isinstance(found, str):
            bad.append(BadImage(sample.name, found))
        else:
            rows.append((sample, *found, i % workers.count == workers.index))
    everything.samples = [x[0] for x in rows]
    is_own = np.array([x[3] for x in rows], bool)
    places = np.where(is_own, np.cumsum(is_own) - 1, -1)
    return DecodedSet(
        SharedCache(own.cache, places, everything),
        tuple(x[0] for x in rows),
        tuple(x[1] for x in rows),
        np.array([x[2] for x in rows if x[2] is not None], np.uint8).reshape(-1, *PRINT),
        tuple(bad),
        tuple(x for part in told for x in part.dim),
    )


class _Part:
    """What a worker told of its images, one after the other."""

    def __init__(self, told: dict[str, list[Any]], table: Fingerprints) -> None:
        self.dim: list[int] = told["dim"]
        self._found = iter(told["found"])
        self._table = iter(table)

    def next_image(self) -> str | tuple[str, Fingerprints | None]:
        """What is wrong with the next image, or its digest and its fingerprint.

        Images of shards have none: they were compared when the shards were made.
        """
        digest, reason = next(self._found)
        return reason or (digest, next(self._table, None))


def _told(mine: Sequence[Sample], own: DecodedSet) -> bytes:
    """What other workers have to know of the samples `mine`, decoded as `own`."""
    digests, reasons = iter(own.digests), iter(own.bad)
    good = {id(x) for x in own.samples}
    found = [
        (next(digests), "") if id(x) in good else ("", next(reasons).reason) for x in mine
    ]
    text = json.dumps({"found": found, "dim": own.dim}).encode()
    return _HEADER.pack(len(text)) + text + own.fingerprints.tobytes()


def _heard(data: bytes) -> _Part:
    (length,) = _HEADER.unpack_from(data)
    start = _HEADER.size
    told = json.loads(data[start : start + length])
    table = np.frombuffer(data[start + length :], np.uint8).reshape(-1, *PRINT)
    return _Part(told, table)


def shared_pairs(workers: Workers | None, search: Callable[[], NearPairs]) -> NearPairs:
    """The near-identical images that `search` gives; the chief's, where there are workers.

    It may have had no time for all.
    """
    if workers is None:
        return search()
    found = search() if workers.is_chief else None
    text = json.dumps([found.pairs, found.compared, found.count]) if found else ""
    pairs, compared, count = json.loads(workers.from_chief(text.encode()))
    return NearPairs(tuple((i, j) for i, j in pairs), compared, count)
