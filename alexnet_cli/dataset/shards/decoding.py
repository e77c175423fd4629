"""The images of any data set, decoded for training; those of shards are known already."""

from collections.abc import Iterator, Sequence
from tokenize import TokenError

import numpy as np

from ...arrays import Fingerprints, Pixels
from ...backend.memory import free_memory
from ...errors import DatasetError, ImageError, printable
from ...preprocess import Preprocess
from .. import images
from ..decoding import (
    BadImage,
    DecodedImage,
    DecodedSet,
    ProgressCallback,
    decode_all,
    decode_samples,
    decoded_set,
)
from ..known_images import examined
from ..near_duplicates.closeups import ImageSet, image_set
from ..near_duplicates.fingerprint import PRINT
from ..parallel import parallel_map
from ..pixel_cache import NoCache, PixelCache, new_pixel_cache
from ..sources.source import Sample, Source
from .index import PRINTS
from .source import ShardSource, row_of
from .store import unreadable


def decode_source(
    source: Source,
    samples: Sequence[Sample],
    preprocess: Preprocess,
    cache: str,
    progress: ProgressCallback,
) -> DecodedSet:
    """The `samples` of `source`, as `decode_all` has it.

    Shards are not read for their digests and bad images, which their table has: with
    `cache` "none", which is what "auto" does where memory is short, not at all.

    Raises:
        DatasetError: they are shards, of images that were prepared otherwise, or damaged.
    """
    if not isinstance(source, ShardSource):
        if cache == "none":
            # Nothing is kept of their pixels, so none have to be decoded now.
            unread = NoCache(preprocess, source.read)
            known = _without_bad(unread, samples, examined(source, samples, preprocess))
            return decoded_set(unread, samples, known, progress)
        return decode_all(
            samples, source.read, preprocess, cache, progress, sequential=source.sequential
        )
    source.require(preprocess)
    bad = source.table.reasons
    good = [x for x in samples if row_of(x) >= 0 and row_of(x) not in bad]
    dim = [source.table.facts(row_of(x))[4] for x in good]
    return DecodedSet(
        _cache(source, good, preprocess, cache, progress),
        tuple(good),
        tuple(source.digest(x) for x in good),
        np.empty((0, *PRINT), np.uint8),
        _bad(source, samples),
        tuple(x for x in dim if x),
    )


def _without_bad(
    cache: NoCache, samples: Sequence[Sample], found: Iterator[DecodedImage | ImageError]
) -> Iterator[DecodedImage | ImageError]:
    """`found`, of which `cache` gets the samples that can be used."""
    for sample, image in zip(samples, found, strict=True):
        if isinstance(image, DecodedImage):
            cache.samples.append(sample)
        yield image


def _bad(source: ShardSource, samples: Sequence[Sample]) -> tuple[BadImage, ...]:
    absent = "is not in the shards"
    reasons = ((x.name, row_of(x)) for x in samples)
    return tuple(
        BadImage(name, source.table.reasons.get(row, absent))
        for name, row in reasons
        if row < 0 or row in source.table.reasons
    )


def _cache(
    source: ShardSource,
    samples: Sequence[Sample],
    preprocess: Preprocess,
    cache: str,
    progress: ProgressCallback,
) -> PixelCache:
    """The images, in memory or a scratch file, or read from the shards when needed."""
    needed = len(samples) * preprocess.stored_size**2 * 3
    if cache == "auto":
        cache = "ram" if needed * 3 < free_memory() else "none"
    kept = new_pixel_cache(cache, len(samples), preprocess, source.read)
    if isinstance(kept, NoCache):
        kept.samples.extend(samples)
        return kept

    def load(sample: Sample) -> Pixels:
        try:
            return images.load(source.read(sample), preprocess)
        except ImageError as error:
            raise DatasetError(
                f"{source.location}: {printable(sample.name)} {error}, though its checksum "
                f"is right; prepare the images again"
            ) from error

    loaded = parallel_map(load, samples)
    for done, (sample, pixels) in enumerate(zip(samples, loaded, strict=True), 1):
        kept.add(sample, pixels)
        progress(done, len(samples))
    return kept


def decoded_images(source: Source, decoded: DecodedSet, max_pixels: int) -> ImageSet:
    """What was decoded, to be searched; of shards, by the fingerprints in their folder.

    Raises:
        DatasetError: the fingerprints are missing or damaged.
    """
    prints = decoded.fingerprints
    if isinstance(source, ShardSource):
        prints = fingerprints(source)[[row_of(x) for x in decoded.samples]]
    return image_set(source, decoded.samples, prints, decoded.digests, max_pixels)


def searchable(source: Source) -> tuple[list[Sample], ImageSet]:
    """The images of `source` that can be used, to be searched; decoded if not of shards.

    Raises:
        DatasetError: as `decoded_images`.
    """
    if isinstance(source, ShardSource):
        bad = source.table.reasons
        good: list[Sample] = [x for x in source.samples if x.row not in bad]
        prints = fingerprints(source)[[row_of(x) for x in good]]
        return good, image_set(source, good, prints, [source.digest(x) for x in good])
    found = decode_samples(source.samples, source.read, sequential=source.sequential)
    decoded = zip(source.samples, found, strict=True)
    usable = [(x, d) for x, d in decoded if isinstance(d, DecodedImage)]
    table = np.array([x.fingerprint for _, x in usable], np.uint8).reshape(-1, *PRINT)
    samples = [x for x, _ in usable]
    return samples, image_set(source, samples, table, [x.digest for _, x in usable])


def fingerprints(source: ShardSource) -> Fingerprints:
    """uint8 [N, 2, 32, 32] of all rows, black for bad images; not in memory.

    Raises:
        DatasetError: they are missing or damaged.
    """
    shape = (len(source.table.files), *PRINT)
    try:
        size = source.store.size(PRINTS)
        found = np.load(source.store.local(PRINTS, size), mmap_mode="r")
    except OSError as error:
        raise unreadable(source.store, PRINTS, error) from error
    # NumPy reads the header of the file as Python's own text.
    except (ValueError, EOFError, OverflowError, SyntaxError, TokenError) as error:
        raise DatasetError(f"{source.location}/{PRINTS} is damaged: {error}") from error
    if found.shape != shape or found.dtype != np.uint8:
        raise DatasetError(f"{source.location}/{PRINTS} is damaged: it has another shape")
    prints: Fingerprints = found
    return prints
