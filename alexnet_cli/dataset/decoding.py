"""Decode once: encoded images -> a cache of pixels, with hashes and a list of bad ones."""

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
from .pixel_cache import PixelCache, Reader, new_pixel_cache
from .sources.source import Sample

T = TypeVar("T")
R = TypeVar("R")

ProgressCallback = Callable[[int, int], None]
"""Called with images done and images in all."""


@dataclass(frozen=True)
class DecodedImage:
    """One image: its pixels, and the facts that the doctor reports."""

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
    """Pixels of the images that can be used; `good` are their indices."""

    cache: PixelCache
    good: tuple[int, ...]
    digests: tuple[str, ...]
    fingerprints: Fingerprints
    """uint8 [N, 32, 32]."""
    bad: tuple[tuple[int, str], ...]
    """Index and reason of each one left out."""


def decode_all(
    samples: Sequence[Sample],
    read: Reader,
    preprocess: Preprocess,
    cache: str,
    progress: ProgressCallback,
) -> DecodedSet:
    """Every sample read, decoded, checked, hashed and resized, in order.

    `cache` says where pixels are kept; see `pixel_cache.new_pixel_cache`.
    """
    kept = new_pixel_cache(cache, len(samples), preprocess, read)
    good: list[int] = []
    digests: list[str] = []
    fingerprints: list[Fingerprints] = []
    bad: list[tuple[int, str]] = []
    for i, found in enumerate(decode_samples(samples, read, preprocess)):
        if isinstance(found, ImageError):
            bad.append((i, str(found)))
        elif found.pixels is not None:
            kept.add(samples[i], found.pixels)
            good.append(i)
            digests.append(found.digest)
            fingerprints.append(found.fingerprint)
        progress(i + 1, len(samples))
    table = np.array(fingerprints, np.uint8).reshape(-1, SIDE, SIDE)
    return DecodedSet(kept, tuple(good), tuple(digests), table, tuple(bad))


def decode_files(
    files: Sequence[Path], preprocess: Preprocess | None = None
) -> Iterator[DecodedImage | ImageError]:
    """What each file holds, or what is wrong with it, in order."""
    return decode_samples(files, images.read, preprocess)


def decode_samples(
    samples: Sequence[T], read: Callable[[T], bytes], preprocess: Preprocess | None = None
) -> Iterator[DecodedImage | ImageError]:
    """What each of `samples` holds, or what is wrong with it, in order."""

    def decode(sample: T) -> DecodedImage | ImageError:
        try:
            return _decoded(read(sample), preprocess)
        except ImageError as error:
            return error

    return parallel_map(decode, samples)


def parallel_map(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """`function` of each item, in order.

    A few items ahead are worked on by all cores, so memory does not grow with `items`.
    Threads do: Pillow releases the interpreter while it decodes and resizes.
    """
    workers = os.cpu_count() or 1
    rest = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        jobs = deque(pool.submit(function, x) for x in islice(rest, 8 * workers))
        while jobs:
            yield jobs.popleft().result()
            jobs += [pool.submit(function, x) for x in islice(rest, 1)]


def digest(sample: T, read: Callable[[T], bytes]) -> str:
    """SHA-256 of the sample's bytes, hexadecimal; of nothing if it cannot be read."""
    try:
        return hashlib.sha256(read(sample)).hexdigest()
    except ImageError:
        return hashlib.sha256().hexdigest()


def _decoded(data: bytes, preprocess: Preprocess | None) -> DecodedImage:
    limit = preprocess.max_pixels if preprocess else MAX_PIXELS
    least = images.REDUCED * preprocess.stored_size if preprocess else 0
    found = images.open_image(data, limit, least)
    pixels = None
    if preprocess:
        pixels = images.square(found.image, preprocess.resize_mode, preprocess.stored_size)
    small, gray = fingerprint(found.image)
    return DecodedImage(
        pixels=pixels,
        digest=hashlib.sha256(data).hexdigest(),
        fingerprint=small,
        size=found.image.size,
        format=found.format,
        gray=gray,
        turned=found.turned,
    )
