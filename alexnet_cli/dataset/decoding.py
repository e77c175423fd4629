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

from ..arrays import Fingerprints, Pixels
from ..errors import ImageError
from ..preprocess import MAX_PIXELS, Preprocess
from . import images
from .near_duplicates import SIDE, fingerprint
from .pixel_cache import PixelCache, new_pixel_cache

T = TypeVar("T")

ProgressCallback = Callable[[int, int], None]
"""Called with pictures done and pictures in all."""


@dataclass(frozen=True)
class DecodedImage:
    """One good file: what it holds, and the facts that the doctor reports."""

    pixels: Pixels | None
    """uint8 [R, R, 3], where a preprocessing asks for them."""
    digest: str
    """SHA-256 of the file's bytes, hexadecimal."""
    fingerprint: Fingerprints
    size: tuple[int, int]
    """Width and height, upright; of a JPEG decoded at reduced size those."""
    format: str
    gray: bool
    turned: bool


@dataclass(frozen=True)
class DecodedSet:
    """Pictures of the good files; `good` are their indices."""

    pictures: PixelCache
    good: tuple[int, ...]
    digests: tuple[str, ...]
    fingerprints: Fingerprints
    """uint8 [N, 32, 32]."""
    bad: tuple[tuple[int, str], ...]
    """Index and reason of each file left out."""


def decode_all(
    files: Sequence[Path], preprocess: Preprocess, cache: str, progress: ProgressCallback
) -> DecodedSet:
    """Every file decoded, checked, hashed and resized, in the order of `files`.

    `cache` says where pixels are kept; see `store.new_store`.
    """
    store = new_pixel_cache(cache, len(files), preprocess)
    good: list[int] = []
    digests: list[str] = []
    prints: list[Fingerprints] = []
    bad: list[tuple[int, str]] = []
    for i, loaded in enumerate(decode_files(files, preprocess)):
        if isinstance(loaded, ImageError):
            bad.append((i, str(loaded)))
        elif loaded.pixels is not None:
            store.add(files[i], loaded.pixels)
            good.append(i)
            digests.append(loaded.digest)
            prints.append(loaded.fingerprint)
        progress(i + 1, len(files))
    table = np.array(prints, np.uint8).reshape(-1, SIDE, SIDE)
    return DecodedSet(store, tuple(good), tuple(digests), table, tuple(bad))


def decode_files(
    files: Sequence[Path], preprocess: Preprocess | None = None
) -> Iterator[DecodedImage | ImageError]:
    """What each file holds, or what is wrong with it, in order."""
    return parallel_map(lambda x: _load(x, preprocess), files)


def parallel_map(function: Callable[[Path], T], files: Sequence[Path]) -> Iterator[T]:
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


def _load(file: Path, preprocess: Preprocess | None) -> DecodedImage | ImageError:
    limit = preprocess.max_pixels if preprocess else MAX_PIXELS
    try:
        data = images.read(file)
        least = images.REDUCED * preprocess.size if preprocess else 0
        picture = images.open_image(data, limit, least)
    except ImageError as error:
        return error
    pixels = None
    if preprocess:
        pixels = images.square(picture.image, preprocess.resize, preprocess.size)
    small, gray = fingerprint(picture.image)
    sha256 = hashlib.sha256(data).hexdigest()
    kind, size = picture.format, picture.image.size
    return DecodedImage(pixels, sha256, small, size, kind, gray, picture.turned)
