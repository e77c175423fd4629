"""Problems of a folder of images, found in one pass over its files."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arrays import Array, Fingerprints
from ..errors import ImageError
from .class_names import confusable
from .decoding import Counting, DecodedImage, decode_files, uncounted
from .folders import find_parts, scan
from .near_duplicates import SIDE
from .near_search import find_copies, near_pairs

TINY = 64
"""Shorter side, pixels, below which an image has little to learn from."""

EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"), "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"), "GIF": (".gif",), "BMP": (".bmp", ".dib"), "DIB": (".dib",),
    "WEBP": (".webp",), "TIFF": (".tif", ".tiff"), "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"), "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}  # fmt: skip
"""File extensions that fit a format; those of other formats are not checked."""

Pair = tuple[str, str]


class Range(NamedTuple):
    """Of one number of all images; in JSON a list."""

    smallest: float
    median: float
    largest: float


@dataclass(frozen=True)
class Findings:
    """What was found in a folder; names are paths below `root`."""

    root: Path
    counts: dict[str, int]
    """Readable images of each class."""
    notes: tuple[str, ...]
    formats: dict[str, int]
    widths: Range
    """Pixels."""
    heights: Range
    aspects: Range
    """Width divided by height."""
    bad: tuple[Pair, ...]
    """(file, reason)."""
    wrong_ending: tuple[Pair, ...]
    """(file, its format)."""
    tiny: tuple[Pair, ...]
    """(file, its size)."""
    turned: tuple[str, ...]
    """Stored rotated or mirrored, as EXIF says."""
    gray: tuple[str, ...]
    equal: tuple[Pair, ...]
    """Files of the same content."""
    near: tuple[Pair, ...]
    """Images that are almost the same, as the fewest pairs that connect them."""
    two_labels: tuple[Pair, ...]
    """Of the pairs above, those in two classes."""
    two_parts: tuple[Pair, ...]
    """Of the pairs above, those in two of train, val and test."""
    overlap: tuple[Pair, ...]
    """(file of the other folder, file here) of equal or almost equal images."""
    confusable: tuple[tuple[str, ...], ...] = ()
    """Classes whose names differ only by Unicode form, case or spaces around them."""

    @property
    def imbalance(self) -> float:
        """Images of the largest class divided by those of the smallest."""
        return max(self.counts.values()) / max(1, min(self.counts.values()))

    @property
    def wrong(self) -> bool:
        """Whether there is a problem that spoils training or evaluation."""
        return bool(
            self.bad or self.equal or self.near or self.two_labels or self.two_parts
            or self.overlap or self.confusable or len(self.counts) < 2
            or min(self.counts.values()) < 2
        )  # fmt: skip


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


@dataclass(frozen=True)
class _Folder:
    """Every file of a folder, and fingerprints [N, 32, 32], black for bad files."""

    files: tuple[_File, ...]
    prints: Fingerprints
    notes: tuple[str, ...]


def examine(
    data: Path, against: Path | None = None, counting: Counting = uncounted
) -> Findings:
    """The problems of all files of `data`, and images that are in `against` as well.

    Raises:
        DatasetError: there are no class folders.
    """
    folder = _read(data, counting)
    good = [x for x in folder.files if not x.error]
    equal, near = _duplicates(folder, counting)
    pairs = [*equal, *near]
    sizes = np.array([x.size for x in good] or [(0, 1)])
    labels = sorted({x.label for x in folder.files})
    counts = Counter(x.label for x in good)
    return Findings(
        root=data,
        counts={x: counts[x] for x in labels},
        notes=folder.notes,
        formats=dict(Counter(x.format for x in good).most_common()),
        widths=_whole(_range(sizes[:, 0])),
        heights=_whole(_range(sizes[:, 1])),
        aspects=_range(sizes[:, 0] / sizes[:, 1]),
        bad=tuple((x.name, x.error) for x in folder.files if x.error),
        wrong_ending=tuple((x.name, x.format) for x in good if _wrong_extension(x)),
        tiny=tuple((x.name, "{} x {}".format(*x.size)) for x in good if min(x.size) < TINY),
        turned=tuple(x.name for x in good if x.turned),
        gray=tuple(x.name for x in good if x.gray),
        equal=_names(equal),
        near=_names(near),
        two_labels=_names([(x, y) for x, y in pairs if x.label != y.label]),
        two_parts=_names([(x, y) for x, y in pairs if x.part != y.part]),
        overlap=_names(_overlap(against, folder, counting)) if against else (),
        confusable=confusable(labels),
    )


def _read(data: Path, counting: Counting) -> _Folder:
    """Every file of every part of `data`, decoded once."""
    parts = {k: scan(x) for k, x in (find_parts(data) or {"": data}).items()}
    files = [
        _File(file.relative_to(data).as_posix(), found.classes[label], part)
        for part, found in parts.items()
        for file, label in zip(found.files, found.labels, strict=True)
    ]
    paths = [file for found in parts.values() for file in found.files]
    prints = np.zeros((len(files), SIDE, SIDE), np.uint8)
    with counting("examining") as progress:
        for i, decoded in enumerate(decode_files(paths)):
            files[i] = _examined(files[i], decoded)
            if isinstance(decoded, DecodedImage):
                prints[i] = decoded.fingerprint
            progress(i + 1, len(files))
    notes = tuple(note for found in parts.values() for note in found.notes)
    return _Folder(tuple(files), prints, notes)


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
    )


def _range(values: Array) -> Range:
    smallest, median, largest = np.percentile(values, (0, 50, 100)).tolist()
    return Range(smallest, median, largest)


def _whole(found: Range) -> Range:
    return Range(*(int(x) for x in found))


def _wrong_extension(file: _File) -> bool:
    fitting = EXTENSIONS.get(file.format)
    return fitting is not None and Path(file.name).suffix.lower() not in fitting


_Pairs = list[tuple[_File, _File]]


def _duplicates(folder: _Folder, counting: Counting) -> tuple[_Pairs, _Pairs]:
    """Pairs of equal files (each with the first of them), and of near-identical ones."""
    files = folder.files
    first: dict[str, int] = {}
    firsts = [i if x.error else first.setdefault(x.digest, i) for i, x in enumerate(files)]
    equal = [(files[j], files[i]) for i, j in enumerate(firsts) if i != j]
    different = [i for i, j in enumerate(firsts) if i == j]
    with counting("finding near duplicates") as progress:
        found = near_pairs(folder.prints[different], progress)
    near = [(files[different[i]], files[different[j]]) for i, j in found.pairs]
    return equal, near


def _overlap(against: Path, here: _Folder, counting: Counting) -> _Pairs:
    """For each file of `against` that is also, or almost, `here`, the first such one."""
    other = _read(against, counting)
    # A bad file has no digest; its stand-in is like no other, in either folder.
    digests, other_digests = (
        [x.digest or f"{side} {i}" for i, x in enumerate(folder.files)]
        for side, folder in (("here", here), ("other", other))
    )
    with counting("finding copies") as progress:
        found = find_copies(digests, here.prints, other_digests, other.prints, progress)
    return [(other.files[i], here.files[j]) for i, j in found.items()]


def _names(pairs: _Pairs) -> tuple[Pair, ...]:
    return tuple((x.name, y.name) for x, y in pairs)
