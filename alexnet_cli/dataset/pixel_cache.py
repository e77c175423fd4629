"""Where decoded images are kept between epochs: memory, a scratch file, or nowhere."""

import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arrays import Floats, Labels, Pixels, Rows
from ..backend.devices import usable_cores
from ..backend.memory import free_memory
from ..errors import AlexNetError, ImageError, printable
from ..preprocess import Preprocess
from . import images
from .reused_memory import ReusedMemory
from .scratch_file import scratch_error
from .sources.source import Sample

Reader = Callable[[Sample], bytes]
"""As `Source.read`."""


class PixelCache(Protocol):
    """Images uint8 [R, R, 3], numbered from 0 in the order in which they were added."""

    def add(self, sample: Sample, pixels: Pixels) -> None:
        """Keep the image of `sample`."""

    def images(self, rows: Iterable[int]) -> Iterator[Pixels]:
        """The images numbered `rows`, in that order; not to be written to."""


def new_pixel_cache(
    cache: str, count: int, preprocess: Preprocess, read: Reader
) -> PixelCache:
    """An empty cache for `count` images; `cache` is "ram", "disk", "none" or "auto".

    "auto" is memory if they take less than a third of what is free, else disk. `read`
    gives the bytes of a sample again, for "none".
    """
    side = preprocess.stored_size
    if cache == "none":
        return NoCache(preprocess, read)
    fits = count * side * side * 3 * 3 < free_memory()
    if cache == "ram" or (cache == "auto" and fits):
        return MemoryCache(count, side)
    return DiskCache(side)


class MemoryCache:
    """All images in one array."""

    def __init__(self, count: int, side: int) -> None:
        self.array = np.empty((count, side, side, 3), np.uint8)
        self.count = 0

    def add(self, sample: Sample, pixels: Pixels) -> None:
        """Copy the image."""
        self.array[self.count] = pixels
        self.count += 1

    def images(self, rows: Iterable[int]) -> Iterator[Pixels]:
        """Views of the array."""
        return (self.array[x] for x in rows)


class DiskCache:
    """A file without a name in the system's temporary folder; gone with the process.

    Read, not mapped: pages of a mapped file count as the process's memory. The system
    keeps in memory what it has room for.
    """

    def __init__(self, side: int) -> None:
        """Make the file, for images of `side`.

        Raises:
            AlexNetError: there is no temporary folder that can be written to.
        """
        self.shape, self.size = (side, side, 3), side * side * 3
        # Padded to whole numbers of 8 bytes, for the checksum.
        self.words = -(-self.size // 8)
        self.factors = np.random.default_rng(0).integers(
            2**64, size=self.words, dtype=np.uint64
        ) | np.uint64(1)
        try:
            # Unbuffered: images are larger than a buffer, and read in random order.
            self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as error:
            raise _failed(error) from error
        # Where a system cannot read at a position, threads take turns to seek and read.
        self.lock = threading.Lock()
        weakref.finalize(self, self.file.close)
        self.checksums: list[int] = []
        self.memory = ReusedMemory()

    def add(self, sample: Sample, pixels: Pixels) -> None:
        """Append the image.

        Raises:
            AlexNetError: the disk is full.
        """
        data = np.zeros(8 * self.words, np.uint8)
        data[: self.size] = pixels.ravel()
        try:
            with self.lock:
                self.file.seek(len(self.checksums) * len(data))
                written = self.file.write(data.data)
        except OSError as error:
            raise _failed(error) from error
        if written < len(data):
            raise _failed("no space left")
        self.checksums.append(self._checksum(data))

    def images(self, rows: Iterable[int]) -> Iterator[Pixels]:
        """The images, read again.

        Raises:
            AlexNetError: the disk returned something else than was written, or nothing.
        """
        for row in rows:
            data = self.memory.empty((8 * self.words,))
            try:
                count = self._read(row * len(data), data)
            except OSError as error:
                raise _failed(error) from error
            if count < len(data) or self._checksum(data) != self.checksums[row]:
                raise _failed(f"image {row} is not what was written")
            yield data[: self.size].reshape(self.shape)

    def _read(self, position: int, data: Pixels) -> int:
        """Read `data` from there on, and return how many bytes there were."""
        if hasattr(os, "preadv"):
            return os.preadv(self.file.fileno(), [data.data], position)
        with self.lock:
            self.file.seek(position)
            return self.file.readinto(data.data)

    def _checksum(self, data: Pixels) -> int:
        """A sum in which every 8 bytes have an odd factor: none can change unnoticed.

        A CRC takes longer than to read the image.
        """
        return int(data.view(np.uint64) @ self.factors)


def _failed(problem: str | OSError) -> AlexNetError:
    return scratch_error(problem, ", or use --cache none")


class NoCache:
    """Only the samples; every image is decoded each time it is needed."""

    def __init__(self, preprocess: Preprocess, read: Reader) -> None:
        self.preprocess, self.read = preprocess, read
        self.samples: list[Sample] = []
        self.pool = ThreadPoolExecutor(usable_cores())

    def add(self, sample: Sample, pixels: Pixels) -> None:
        """Remember the sample."""
        self.samples.append(sample)

    def images(self, rows: Iterable[int]) -> Iterator[Pixels]:
        """The images, decoded again on all cores.

        Raises:
            AlexNetError: one of them can no longer be read.
        """
        return self.pool.map(self._load, [self.samples[x] for x in rows])

    def _load(self, sample: Sample) -> Pixels:
        try:
            return images.load(self.read(sample), self.preprocess)
        except ImageError as error:
            name = printable(sample.name)
            raise AlexNetError(f"{name}, which could be read before, {error}") from error


@dataclass(frozen=True)
class Examples:
    """Images `rows` of a shared cache of N images, with the labels of all N."""

    cache: PixelCache
    rows: Rows
    labels: Labels

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, rows: Rows) -> Pixels:
        """uint8 [B, R, R, 3] of `rows`, numbered as in the cache."""
        return np.stack(list(self.cache.images(rows)))

    def targets(self, rows: Rows, classes: int) -> Floats:
        """One-hot labels float32 [B, K] of `rows`."""
        targets = np.zeros((len(rows), classes), np.float32)
        targets[np.arange(len(rows)), self.labels[rows]] = 1
        return targets
