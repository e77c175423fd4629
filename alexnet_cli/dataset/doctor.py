"""Problems of a folder of images, found in one pass over its files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..arrays import Array, Fingerprints
from ..errors import ImageError
from ..preprocess import MAX_PIXELS
from .class_names import confusable
from .closeups import ImageSet, image_set
from .decoding import Counting, DecodedImage, uncounted
from .dim_images import fitting
from .findings import Findings, Pair, Range
from .known_images import examined
from .near_duplicates import PRINT
from .near_groups import MOST_SEARCHED, group_near
from .near_search import find_copies
from .shards.decoding import fingerprints
from .shards.source import ShardSource
from .sources.open import open_labeled, open_source
from .sources.source import Source

TINY = 64
"""Shorter side, pixels, below which an image has little to learn from."""

EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"), "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"), "GIF": (".gif",), "BMP": (".bmp", ".dib"), "DIB": (".dib",),
    "WEBP": (".webp",), "TIFF": (".tif", ".tiff"), "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"), "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}  # fmt: skip
"""File extensions that fit a format; those of other formats are not checked."""


@dataclass(frozen=True)
class _File:
    """One file: its path below the root, its class, its part, and what is in it."""

    name: str
    label: str
    part: str
    error: str = ""
    digest: str = ""
    format: str = ""
    size: tuple[int, int] = (0, 0)
    gray: bool = False
    turned: bool = False
    dim: int = 0


@dataclass(frozen=True)
class _Folder:
    """Every file of a data set, and fingerprints [N, 2, 32, 32], black for bad files."""

    source: Source
    files: tuple[_File, ...]
    prints: Fingerprints


def examine(
    data: Path,
    against: Path | None = None,
    counting: Counting = uncounted,
    *,
    max_pixels: int = MAX_PIXELS,
) -> Findings:
    """The problems of all files of `data`, and images that are in `against` as well.

    Raises:
        DatasetError: `data` is not what one can train on, or `against` has no images.
    """
    source = open_source(data)
    other = open_labeled(against) if against else None
    searched = _is_searched(source)
    folder = _read(source, counting, max_pixels, prints=searched or other is not None)
    good = [x for x in folder.files if not x.error]
    equal, near = _duplicates(folder, counting, max_pixels, searched)
    pairs = equal + near
    return Findings(
        root=data,
        counts=(counts := _counts(folder.files)),
        notes=folder.source.notes,
        formats=dict(Counter(x.format for x in good).most_common()),
        **_sizes(good),
        bad=tuple((x.name, x.error) for x in folder.files if x.error),
        wrong_ending=tuple((x.name, x.format) for x in good if _wrong_extension(x)),
        tiny=tuple((x.name, "{} x {}".format(*x.size)) for x in good if min(x.size) < TINY),
        turned=tuple(x.name for x in good if x.turned),
        gray=tuple(x.name for x in good if x.gray),
        dim=tuple((x.name, _dim(x.dim)) for x in good if x.dim),
        equal=_names(equal),
        near=_names(near),
        near_searched=searched,
        two_labels=_names([(x, y) for x, y in pairs if x.label != y.label]),
        two_parts=_names([(x, y) for x, y in pairs if x.part != y.part]),
        overlap=_names(_overlap(other, folder, counting, max_pixels)) if other else (),
        confusable=confusable(counts),
    )


def _is_searched(source: Source) -> bool:
    """Whether near-identical images are, or in the case of shards were, looked for."""
    if isinstance(source, ShardSource):
        return source.index.near.compared > 0
    return len(source.samples) <= MOST_SEARCHED


def _counts(files: Sequence[_File]) -> dict[str, int]:
    """How many files of each class are readable."""
    good = Counter(x.label for x in files if not x.error)
    return {x: good[x] for x in sorted({x.label for x in files})}


def _read(
    source: Source, counting: Counting, max_pixels: int, *, prints: bool = True
) -> _Folder:
    """Every file of every part of `source`, decoded once; of shards as it was then.

    Without `prints`, which take 2 KB for each, they cannot be searched.
    """
    if isinstance(source, ShardSource):
        return _read_shards(source, counting, prints=prints)
    samples = source.samples
    files = [_File(x.name, source.classes[x.label], x.part) for x in samples]
    table = np.zeros((len(files) if prints else 0, *PRINT), np.uint8)
    with counting("examining") as progress:
        for i, decoded in enumerate(examined(source, samples, max_pixels=max_pixels)):
            files[i] = _examined(files[i], decoded)
            if prints and isinstance(decoded, DecodedImage):
                table[i] = decoded.fingerprint
            progress(i + 1, len(files))
    return _Folder(source, tuple(files), table)


def _read_shards(source: ShardSource, counting: Counting, *, prints: bool) -> _Folder:
    """What the table of shards says of every file, once all shards are as written."""
    with counting("checking shards") as progress:
        source.verify(progress)
    files = []
    for x in source.samples:
        width, height, gray, turned, dim = source.table.facts(x.row)
        file = _File(x.name, source.classes[x.label], x.part)
        if error := source.table.reasons.get(x.row):
            files.append(replace(file, error=error))
            continue
        known = replace(file, digest=source.digest(x), format=source.table.formats[x.row])
        size, gray, turned = (width, height), bool(gray), bool(turned)
        files.append(replace(known, size=size, gray=gray, turned=turned, dim=dim))
    table = fingerprints(source)[[x.row for x in source.samples if prints]]
    return _Folder(source, tuple(files), table)


def _examined(file: _File, decoded: DecodedImage | ImageError) -> _File:
    if isinstance(decoded, ImageError):
        return replace(file, error=str(decoded))
    return replace(
        file,
        digest=decoded.digest,
        format=decoded.format,
        size=decoded.size,
        gray=decoded.gray,
        turned=decoded.turned,
        dim=decoded.dim,
    )


def _dim(highest: int) -> str:
    return f"up to {highest}; --white-level {fitting(highest)}"


def _sizes(files: Sequence[_File]) -> dict[str, Range]:
    """The ranges of widths, heights and aspects."""
    sizes = np.array([x.size for x in files] or [(0, 1)])
    return {
        "widths": _whole(_range(sizes[:, 0])),
        "heights": _whole(_range(sizes[:, 1])),
        "aspects": _range(sizes[:, 0] / sizes[:, 1]),
    }


def _range(values: Array) -> Range:
    smallest, median, largest = np.percentile(values, (0, 50, 100)).tolist()
    return Range(smallest, median, largest)


def _whole(found: Range) -> Range:
    return Range(*(int(x) for x in found))


def _wrong_extension(file: _File) -> bool:
    fitting = EXTENSIONS.get(file.format)
    return fitting is not None and Path(file.name).suffix.lower() not in fitting


_Pairs = list[tuple[_File, _File]]


def _duplicates(
    folder: _Folder, counting: Counting, max_pixels: int, searched: bool
) -> tuple[_Pairs, _Pairs]:
    """Pairs of equal files (each with the first of them), and of near-identical ones.

    Of the latter none if they are not to be `searched` for.
    """
    files = folder.files
    first: dict[str, int] = {}
    firsts = [i if x.error else first.setdefault(x.digest, i) for i, x in enumerate(files)]
    equal = [(files[j], files[i]) for i, j in enumerate(firsts) if i != j]
    different = [i for i, j in enumerate(firsts) if i == j]
    if isinstance(folder.source, ShardSource):
        found = folder.source.near([folder.source.samples[i] for i in different])
    elif not searched:
        return equal, []
    else:
        found = group_near(_images(folder, different, max_pixels), counting)
    near = [(files[different[i]], files[different[j]]) for i, j in found.pairs]
    return equal, near


def _overlap(against: Source, here: _Folder, counting: Counting, max_pixels: int) -> _Pairs:
    """For each file of `against` that is also, or almost, `here`, the first such one."""
    other = _read(against, counting, max_pixels)
    sets = [
        _images(folder, range(len(folder.files)), max_pixels) for folder in (here, other)
    ]
    with counting("finding copies") as progress:
        found = find_copies(sets[0], sets[1], progress)
    return [(other.files[i], here.files[j]) for i, j in found.items()]


def _images(folder: _Folder, chosen: Sequence[int], max_pixels: int) -> ImageSet:
    """The files numbered `chosen` of a folder, to be searched."""
    return image_set(
        folder.source,
        [folder.source.samples[i] for i in chosen],
        folder.prints[list(chosen)],
        [folder.files[i].digest for i in chosen],
        max_pixels,
    )


def _names(pairs: _Pairs) -> tuple[Pair, ...]:
    return tuple((x.name, y.name) for x, y in pairs)
