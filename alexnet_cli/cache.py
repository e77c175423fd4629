"""Decode once: picture files -> one uint8 array, with hashes and a list of bad files."""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import images
from .duplicates import SIDE, Prints, fingerprint
from .errors import ImageError
from .images import Pixels
from .recipe import MAX_PIXELS, Preprocess

Floats = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Called with pictures done and pictures in all."""


@dataclass(frozen=True)
class Loaded:
    """One good file: what it holds, and the facts that the doctor reports."""

    pixels: Pixels | None
    """uint8 [R, R, 3], where a preprocessing asks for them."""
    digest: str
    """SHA-256 of the file's bytes, hexadecimal."""
    fingerprint: Prints
    size: tuple[int, int]
    """Width and height, upright."""
    format: str
    gray: bool
    turned: bool


@dataclass(frozen=True)
class Decoded:
    """Pixels of the good files, uint8 [N, R, R, 3]; `good` are their indices."""

    pixels: Pixels
    good: tuple[int, ...]
    digests: tuple[str, ...]
    fingerprints: Prints
    """uint8 [N, 32, 32]."""
    bad: tuple[tuple[int, str], ...]
    """Index and reason of each file left out."""


@dataclass(frozen=True)
class Examples:
    """Pictures `rows` of a shared uint8 array [N, R, R, 3], with labels of all N."""

    pixels: Pixels
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: npt.NDArray[np.int64], classes: int) -> tuple[Pixels, Floats]:
        """Pixels [B, R, R, 3] and one-hot labels [B, K] of `rows`."""
        return self.pixels[rows], np.eye(classes, dtype=np.float32)[self.labels[rows]]


def decode_all(
    files: Sequence[Path], preprocess: Preprocess, progress: Progress
) -> Decoded:
    """Every file decoded, checked, hashed and resized, in the order of `files`.

    The pixels are kept in memory while they take less than a third of what is free,
    else in a scratch file of the system's temporary folder that has no name.
    """
    side = preprocess.size
    pixels = _room((len(files), side, side, 3))
    good: list[int] = []
    digests: list[str] = []
    prints: list[Prints] = []
    bad: list[tuple[int, str]] = []
    for i, loaded in enumerate(load_all(files, preprocess)):
        if isinstance(loaded, ImageError):
            bad.append((i, str(loaded)))
        elif loaded.pixels is not None:
            pixels[len(good)] = loaded.pixels
            good.append(i)
            digests.append(loaded.digest)
            prints.append(loaded.fingerprint)
        progress(i + 1, len(files))
    table = np.array(prints, np.uint8).reshape(-1, SIDE, SIDE)
    return Decoded(pixels[: len(good)], tuple(good), tuple(digests), table, tuple(bad))


def load_all(
    files: Sequence[Path], preprocess: Preprocess | None = None
) -> Iterator[Loaded | ImageError]:
    """What each file holds, or what is wrong with it, in order.

    A few files ahead are decoded on all cores, so memory does not grow with `files`.
    Threads do: Pillow releases the interpreter while it decodes and resizes.
    """
    workers = os.cpu_count() or 1
    rest = iter(files)
    with ThreadPoolExecutor(workers) as pool:
        jobs = deque(pool.submit(_load, x, preprocess) for x in islice(rest, 8 * workers))
        while jobs:
            yield jobs.popleft().result()
            jobs += [pool.submit(_load, x, preprocess) for x in islice(rest, 1)]


def digest(file: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal; of nothing where it cannot be read."""
    try:
        return hashlib.sha256(images.read(file)).hexdigest()
    except ImageError:
        return hashlib.sha256().hexdigest()


def _load(file: Path, preprocess: Preprocess | None) -> Loaded | ImageError:
    limit = preprocess.max_pixels if preprocess else MAX_PIXELS
    try:
        data = images.read(file)
        picture = images.open_picture(data, limit)
    except ImageError as error:
        return error
    pixels = None
    if preprocess:
        pixels = images.square(picture.image, preprocess.resize, preprocess.size)
    small, gray = fingerprint(picture.image)
    sha256 = hashlib.sha256(data).hexdigest()
    kind, size = picture.format, picture.image.size
    return Loaded(pixels, sha256, small, size, kind, gray, picture.turned)


def _room(shape: tuple[int, ...]) -> Pixels:
    needed = int(np.prod(shape))
    if needed * 3 < _free_memory():
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as scratch:
        # Claimed at once: a full disk is an error now, not a bus error in an epoch.
        os.posix_fallocate(scratch.fileno(), 0, needed)
        return np.memmap(scratch, np.uint8, "r+", shape=shape)


def _free_memory() -> int:
    """Bytes that programs could take without swapping; macOS and others: half of all."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(x.split(":", 1) for x in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
