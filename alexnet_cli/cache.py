"""Decode once: picture files -> a store of pixels, with hashes and a list of bad files."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from . import images
from .duplicates import SIDE, Prints, fingerprint
from .errors import ImageError
from .images import Pixels
from .preprocess import MAX_PIXELS, Preprocess
from .store import Store, new_store

Floats = npt.NDArray[np.float32]

T = TypeVar("T")

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
    """Width and height, upright; of a JPEG decoded at reduced size those."""
    format: str
    gray: bool
    turned: bool


@dataclass(frozen=True)
class Decoded:
    """Pictures of the good files; `good` are their indices."""

    pictures: Store
    good: tuple[int, ...]
    digests: tuple[str, ...]
    fingerprints: Prints
    """uint8 [N, 32, 32]."""
    bad: tuple[tuple[int, str], ...]
    """Index and reason of each file left out."""


@dataclass(frozen=True)
class Examples:
    """Pictures `rows` of a shared store of N, with labels of all N."""

    store: Store
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """uint8 [B, R, R, 3] of `rows`, numbered as in the store."""
        return np.stack(list(self.store.pictures(rows)))

    def targets(self, rows: npt.NDArray[np.int64], classes: int) -> Floats:
        """One-hot labels [B, K] of `rows`."""
        return np.eye(classes, dtype=np.float32)[self.labels[rows]]


def decode_all(
    files: Sequence[Path], preprocess: Preprocess, cache: str, progress: Progress
) -> Decoded:
    """Every file decoded, checked, hashed and resized, in the order of `files`.

    `cache` says where pixels are kept; see `store.new_store`.
    """
    store = new_store(cache, len(files), preprocess)
    good: list[int] = []
    digests: list[str] = []
    prints: list[Prints] = []
    bad: list[tuple[int, str]] = []
    for i, loaded in enumerate(load_all(files, preprocess)):
        if isinstance(loaded, ImageError):
            bad.append((i, str(loaded)))
        elif loaded.pixels is not None:
            store.add(files[i], loaded.pixels)
            good.append(i)
            digests.append(loaded.digest)
            prints.append(loaded.fingerprint)
        progress(i + 1, len(files))
    table = np.array(prints, np.uint8).reshape(-1, SIDE, SIDE)
    return Decoded(store, tuple(good), tuple(digests), table, tuple(bad))


def load_all(
    files: Sequence[Path], preprocess: Preprocess | None = None
) -> Iterator[Loaded | ImageError]:
    """What each file holds, or what is wrong with it, in order."""
    return ahead(lambda x: _load(x, preprocess), files)


def ahead(function: Callable[[Path], T], files: Sequence[Path]) -> Iterator[T]:
    """`function` of each file, in order.

    A few files ahead are worked on by all cores, so memory does not grow with `files`.
    Threads do: Pillow releases the interpreter while it decodes and resizes.
    """
    workers = os.cpu_count() or 1
    rest = iter(files)
    with ThreadPoolExecutor(workers) as pool:
        jobs = deque(pool.submit(function, x) for x in islice(rest, 8 * workers))
        while jobs:
            yield jobs.popleft().result()
            jobs += [pool.submit(function, x) for x in islice(rest, 1)]


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
        least = images.REDUCED * preprocess.size if preprocess else 0
        picture = images.open_picture(data, limit, least)
    except ImageError as error:
        return error
    pixels = None
    if preprocess:
        pixels = images.square(picture.image, preprocess.resize, preprocess.size)
    small, gray = fingerprint(picture.image)
    sha256 = hashlib.sha256(data).hexdigest()
    kind, size = picture.format, picture.image.size
    return Loaded(pixels, sha256, small, size, kind, gray, picture.turned)
