"""What is wrong with a folder of images, found in one pass over its files."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Fingerprints
from ..errors import ImageError
from .decoding import ProgressCallback, decode_files
from .folders import find_parts, scan
from .near_duplicates import SIDE, copies, near_pairs

TINY = 64
"""Shorter side, pixels, below which an image has little to learn from."""

ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"), "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"), "GIF": (".gif",), "BMP": (".bmp", ".dib"), "DIB": (".dib",),
    "WEBP": (".webp",), "TIFF": (".tif", ".tiff"), "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"), "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}  # fmt: skip

_FACTS = ("digest", "format", "size", "gray", "turned")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Checked:
    """One file: its path below the root, its class, its part, and what it holds."""

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
class Look:
    """Every file of a folder, and fingerprints uint8 [N, 32, 32]; bad files' are black."""

    files: tuple[Checked, ...]
    prints: Fingerprints
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """What a look at a folder showed; names are paths below `root`."""

    root: Path
    counts: dict[str, int]
    """Readable images of each class."""
    notes: tuple[str, ...]
    formats: dict[str, int]
    widths: tuple[int, int, int]
    """Smallest, median and largest, pixels."""
    heights: tuple[int, int, int]
    aspects: tuple[float, float, float]
    """Width by height: smallest, median, largest."""
    bad: tuple[Pair, ...]
    """(file, reason)."""
    wrong_ending: tuple[Pair, ...]
    """(file, what it is)."""
    tiny: tuple[Pair, ...]
    """(file, size)."""
    turned: tuple[str, ...]
    """EXIF says that they were stored turned."""
    gray: tuple[str, ...]
    equal: tuple[Pair, ...]
    """Files of the same content."""
    near: tuple[Pair, ...]
    """Images that are almost the same."""
    two_labels: tuple[Pair, ...]
    """Of the pairs above, those in two classes."""
    two_parts: tuple[Pair, ...]
    """Of the pairs above, those in two of train, val and test."""
    overlap: tuple[Pair, ...]
    """(file of the other folder, file here) of equal or almost equal images."""

    @property
    def imbalance(self) -> float:
        """Images of the largest class by those of the smallest."""
        return max(self.counts.values()) / max(1, min(self.counts.values()))

    @property
    def wrong(self) -> bool:
        """Whether something spoils training or its numbers until it is mended."""
        return bool(
            self.bad or self.equal or self.near or self.two_labels or self.two_parts
            or self.overlap or min(self.counts.values()) < 2
        )  # fmt: skip


def examine(data: Path, against: Path | None, progress: ProgressCallback) -> Findings:
    """Look at every file of `data`, and for the same images in `against`.

    Raises:
        DatasetError: there are no class folders.
    """
    look = _look(data, progress)
    good = [x for x in look.files if not x.error]
    equal, near = _pairs(look)
    both = [*equal, *near]
    counts = dict.fromkeys([x.label for x in look.files], 0) | Counter(
        x.label for x in good
    )
    return Findings(
        root=data,
        counts={k: counts[k] for k in sorted(counts)},
        notes=look.notes,
        bad=tuple((x.name, x.error) for x in look.files if x.error),
        equal=_named(equal),
        near=_named(near),
        two_labels=_named([x for x in both if x[0].label != x[1].label]),
        two_parts=_named([x for x in both if x[0].part != x[1].part]),
        overlap=_named(_overlap(_look(against, progress), look)) if against else (),
        **_facts(good),
    )


def _look(data: Path, progress: ProgressCallback) -> Look:
    """Every file of every part of `data`, in one pass."""
    places = find_parts(data) or {"": data}
    found = [(part, scan(place)) for part, place in places.items()]
    rows = [
        (file, part, x.classes[label])
        for part, x in found
        for file, label in zip(x.files, x.labels, strict=True)
    ]
    prints = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    files = []
    for i, (row, loaded) in enumerate(
        zip(rows, decode_files([x[0] for x in rows]), strict=True)
    ):
        where = (row[0].relative_to(data).as_posix(), row[2], row[1])
        if isinstance(loaded, ImageError):
            files.append(Checked(*where, error=str(loaded)))
        else:
            prints[i] = loaded.fingerprint
            facts = {x: getattr(loaded, x) for x in _FACTS}
            files.append(Checked(*where, **facts))
        progress(i + 1, len(rows))
    return Look(tuple(files), prints, tuple(note for _, x in found for note in x.notes))


def _facts(files: list[Checked]) -> dict[str, Any]:
    sizes = np.array([x.size for x in files] or [(0, 1)])
    small = [x for x in files if min(x.size) < TINY]
    return {
        "formats": dict(Counter(x.format for x in files).most_common()),
        "widths": tuple(map(int, np.percentile(sizes[:, 0], (0, 50, 100)))),
        "heights": tuple(map(int, np.percentile(sizes[:, 1], (0, 50, 100)))),
        "aspects": tuple(
            map(float, np.percentile(sizes[:, 0] / sizes[:, 1], (0, 50, 100)))
        ),
        "wrong_ending": tuple((x.name, x.format) for x in files if _wrong_ending(x)),
        "tiny": tuple((x.name, f"{x.size[0]} x {x.size[1]}") for x in small),
        "turned": tuple(x.name for x in files if x.turned),
        "gray": tuple(x.name for x in files if x.gray),
    }


def _wrong_ending(file: Checked) -> bool:
    fitting = ENDINGS.get(file.format)
    return fitting is not None and Path(file.name).suffix.lower() not in fitting


Couples = list[tuple[Checked, Checked]]


def _pairs(look: Look) -> tuple[Couples, Couples]:
    """Pairs of equal files (each with the first of its kind), and of near-equal ones."""
    files = look.files
    first: dict[str, int] = {}
    firsts = [i if x.error else first.setdefault(x.digest, i) for i, x in enumerate(files)]
    equal = [(files[j], files[i]) for i, j in enumerate(firsts) if i != j]
    pairs = near_pairs(look.prints)
    near = [(files[i], files[j]) for i, j in pairs if firsts[i] == i and firsts[j] == j]
    return equal, near


def _overlap(other: Look, here: Look) -> Couples:
    """For each file of `other` that is also, or almost, `here`, the first such one."""
    # Files that cannot be read are like nothing, themselves included.
    one, two = (
        [x.digest or f"{k}{i}" for i, x in enumerate(y.files)]
        for k, y in enumerate((here, other))
    )
    found = copies(one, here.prints, two, other.prints)
    return [(other.files[i], here.files[j]) for i, j in found.items()]


def _named(pairs: Couples) -> tuple[Pair, ...]:
    return tuple((x.name, y.name) for x, y in pairs)
