"""Decode once: encoded images -> a cache of pixels, with hashes and a list of bad ones."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..arrays import Fingerprints, Pixels
from ..errors import ImageError
from ..preprocess import MAX_PIXELS, Preprocess
from . import images
from .near_duplicates.fingerprint import fingerprint
from .near_duplicates.print_table import PrintTable
from .parallel import parallel_map
from .pixel_cache import PixelCache, Reader, new_pixel_cache
from .sources.source import Sample, readers

T = TypeVar("T")
R = TypeVar("R")

ProgressCallback = Callable[[int, int], None]
"""Called with the number of images (or of comparisons) done and of all."""
Counting = Callable[[str], AbstractContextManager[ProgressCallback]]
"""Called with what is counted, such as "decoding"; gives what counts it."""


def uncounted(what: str) -> AbstractContextManager[ProgressCallback]:
    """A Counting that ignores everything."""
    return nullcontext(lambda done, count: None)


@dataclass(frozen=True)
class DecodedImage:
    """One image: its pixels, and the facts that the doctor reports."""

    pixels: Pixels | None
    """uint8 [R, R, 3]; None where no preprocessing was given."""
    digest: str
    """SHA-256 of the encoded image, hexadecimal."""
    fingerprint: Fingerprints
    """uint8 [2, 32, 32]."""
    size: tuple[int, int]
    """Width and height, upright, as in the file."""
    format: str
    gray: bool
    turned: bool
    """EXIF orientation was applied."""
    dim: int = 0
    """Its highest level, where that is below an eighth of the range; 0 elsewhere."""


@dataclass(frozen=True)
class BadImage:
    """One row of bad_images.csv: an image that is not used."""

    file: str
    reason: str


@dataclass(frozen=True)
class DecodedSet:
    """The images that can be used, in order, and those that cannot."""

    cache: PixelCache
    samples: tuple[Sample, ...]
    digests: tuple[str, ...]
    fingerprints: Fingerprints
    """uint8 [N, 2, 32, 32]."""
    bad: tuple[BadImage, ...]
    dim: tuple[int, ...]
    """`DecodedImage.dim` of the images where it is not 0."""


def decode_all(
    samples: Sequence[Sample],
    read: Reader,
    preprocess: Preprocess,
    cache: str,
    progress: ProgressCallback,
    *,
    sequential: bool = False,
) -> DecodedSet:
    """Every sample read, decoded, checked, hashed and resized, in order.

    `cache` says where pixels are kept; see `pixel_cache.new_pixel_cache`. `sequential` is
    that of the source.
    """
    pixel_cache = new_pixel_cache(cache, len(samples), preprocess, read)

    def kept() -> Iterator[DecodedImage | ImageError]:
        found = decode_samples(samples, read, preprocess, sequential=sequential)
        for sample, image in zip(samples, found, strict=True):
            if isinstance(image, DecodedImage) and image.pixels is not None:
                pixel_cache.add(sample, image.pixels)
            yield image

    return decoded_set(pixel_cache, samples, kept(), progress)


def decoded_set(
    cache: PixelCache,
    samples: Sequence[Sample],
    decoded: Iterator[DecodedImage | ImageError],
    progress: ProgressCallback,
) -> DecodedSet:
    """What the `samples` were `decoded` to; their pixels are in `cache`."""
    good: list[Sample] = []
    digests: list[str] = []
    prints = PrintTable(len(samples))
    bad: list[BadImage] = []
    dim: list[int] = []
    for done, (sample, found) in enumerate(zip(samples, decoded, strict=True), 1):
        if isinstance(found, ImageError):
            bad.append(BadImage(sample.name, str(found)))
        else:
            good.append(sample)
            digests.append(found.digest)
            prints.add(found.fingerprint)
            dim += [found.dim] if found.dim else []
        progress(done, len(samples))
    return DecodedSet(
        cache, tuple(good), tuple(digests), prints.all(), tuple(bad), tuple(dim)
    )


def decode_files(
    files: Sequence[Path], preprocess: Preprocess | None = None
) -> Iterator[DecodedImage | ImageError]:
    """Each file decoded, or what is wrong with it, in order."""
    return decode_samples(files, images.read, preprocess)


def decode_samples(
    samples: Sequence[T],
    read: Callable[[T], bytes],
    preprocess: Preprocess | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    sequential: bool = False,
) -> Iterator[DecodedImage | ImageError]:
    """Each of `samples` decoded, or what is wrong with it, in order.

    `max_pixels` is the limit where no preprocessing, which has one, is given.

    If `sequential`, they are read one at a time and in their order, by the caller.
    """

    def decode(reader: Callable[[], bytes]) -> DecodedImage | ImageError:
        try:
            return decoded_image(reader(), preprocess, max_pixels)
        except ImageError as error:
            return error

    return parallel_map(decode, readers(samples, read, sequential=sequential))


def digest(sample: T, read: Callable[[T], bytes]) -> str:
    """SHA-256 of the sample's bytes, hexadecimal; that of no bytes if it cannot be read."""
    try:
        return hashlib.sha256(read(sample)).hexdigest()
    except ImageError:
        return hashlib.sha256().hexdigest()


def decoded_image(
    data: bytes, preprocess: Preprocess | None, max_pixels: int = MAX_PIXELS
) -> DecodedImage:
    """The image that `data` encodes, with pixels if there is a preprocessing.

    Raises:
        ImageError: it is none, damaged, or has too many pixels.
    """
    limit = preprocess.max_pixels if preprocess else max_pixels
    min_side = images.REDUCED * preprocess.stored_size if preprocess else images.VIEWED
    white_level = preprocess.white_level if preprocess else None
    with images.opened_image(data, limit, min_side, white_level) as found:
        pixels = None
        if preprocess:
            mode, side = preprocess.resize_mode, preprocess.stored_size
            pixels = images.square(found.image, mode, side)
        small, gray = fingerprint(found.image)
    return DecodedImage(
        pixels=pixels,
        digest=hashlib.sha256(data).hexdigest(),
        fingerprint=small,
        size=found.stored_size,
        format=found.format,
        gray=gray,
        turned=found.turned,
        dim=found.dim,
    )
