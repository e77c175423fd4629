"""Problems of a folder of images, found in one pass over its files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Array
from ..errors import DatasetError
from ..preprocess import MAX_PIXELS
from ..recipe.recipe import Recipe
from .class_names import confusable
from .decoding import Counting, uncounted
from .dim_images import fitting
from .examined_files import ExaminedFile, ExaminedFolder, read_folder
from .findings import Findings, Pair, Range
from .layout.listing import extension
from .near_duplicates.closeups import ImageSet, image_set
from .near_duplicates.groups import content_groups
from .near_duplicates.search import MOST_SEARCHED, find_copies, group_near
from .prepare import assigned_parts
from .shards.source import ShardSource
from .sources.open import open_labeled, open_source
from .sources.source import Source
from .split import TEST

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


def examine(
    data: Path,
    against: Path | None = None,
    counting: Counting = uncounted,
    *,
    classes: Sequence[str] = (),
    parts: Mapping[str, Path] | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Findings:
    """The problems of all files of `data`, as in `open_source`, and what `against` shares.

    Raises:
        DatasetError: `data` is not what one can train on, or `against` has no images.
    """
    source = open_source(data, classes, parts=parts)
    other = open_labeled(against) if against else None
    searched = _is_searched(source)
    folder = read_folder(source, counting, max_pixels, prints=searched or other is not None)
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
        **_oddities(good),
        equal=_names(equal),
        near=_names(near),
        near_searched=searched,
        two_labels=_names([(x, y) for x, y in pairs if x.label != y.label]),
        two_parts=_names([(x, y) for x, y in pairs if x.part != y.part]),
        overlap=_names(_overlap(other, folder, counting, max_pixels)) if other else (),
        confusable=confusable(counts),
        not_read=folder.not_read,
        refused=_refused(folder, near),
    )


def _oddities(good: Sequence[ExaminedFile]) -> dict[str, Any]:
    """What Findings says of single files that can be read."""
    return {
        "wrong_ending": tuple((x.name, x.format) for x in good if _wrong_extension(x)),
        "tiny": tuple(
            (x.name, "{} x {}".format(*x.size)) for x in good if min(x.size) < TINY
        ),
        "turned": tuple(x.name for x in good if x.turned),
        "gray": tuple(x.name for x in good if x.gray),
        "dim": tuple((x.name, _dim(x.dim)) for x in good if x.dim),
    }


def _is_searched(source: Source) -> bool:
    """Whether near-identical images are, or in the case of shards were, looked for."""
    if isinstance(source, ShardSource):
        return source.index.near.compared > 0
    return len(source.samples) <= MOST_SEARCHED


def _counts(files: Sequence[ExaminedFile]) -> dict[str, int]:
    """How many files of each class are readable."""
    good = Counter(x.label for x in files if not x.error)
    return {x: good[x] for x in sorted({x.label for x in files})}


def _dim(highest: int) -> str:
    return f"up to {highest}; --white-level {fitting(highest)}"


def _sizes(good: Sequence[ExaminedFile]) -> dict[str, Any]:
    """The ranges of widths, heights and aspects of Findings."""
    sizes = np.array([x.size for x in good] or [(0, 1)])
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


def _wrong_extension(file: ExaminedFile) -> bool:
    fitting = EXTENSIONS.get(file.format)
    return fitting is not None and extension(file.name) not in fitting


_Pairs = list[tuple[ExaminedFile, ExaminedFile]]


def _refused(folder: ExaminedFolder, near: _Pairs) -> str:
    """Why these images cannot be split as training does by default; empty if they can."""
    rows = [i for i, x in enumerate(folder.files) if not x.error]
    places = {folder.files[i].name: place for place, i in enumerate(rows)}
    pairs = [(places[x.name], places[y.name]) for x, y in near]
    groups = content_groups([folder.files[i].digest for i in rows], pairs)
    samples = [folder.source.samples[i] for i in rows]
    try:
        assigned_parts(folder.source, Recipe(), samples, folder.source.classes, groups)
    except DatasetError as error:
        return str(error)
    return ""


def _duplicates(
    folder: ExaminedFolder, counting: Counting, max_pixels: int, searched: bool
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


def _overlap(
    against: Source, here: ExaminedFolder, counting: Counting, max_pixels: int
) -> _Pairs:
    """For each file of `against` that is also, or almost, `here`, the first such one.

    The part that is kept for tests is no training data, and may be `against` itself.
    """
    other = read_folder(against, counting, max_pixels)
    rows = [i for i, x in enumerate(here.files) if x.part != TEST]
    images = _images(here, rows, max_pixels)
    others = _images(other, range(len(other.files)), max_pixels)
    with counting("finding copies") as progress:
        found = find_copies(images, others, progress)
    return [(other.files[i], here.files[rows[j]]) for i, j in found.items()]


def _images(folder: ExaminedFolder, chosen: Sequence[int], max_pixels: int) -> ImageSet:
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
