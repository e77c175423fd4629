"""What is wrong with a folder of pictures, found in one pass over its files."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .cache import Loaded, Progress, load_all
from .dataset import find_parts, scan
from .duplicates import SIDE, copies, near_pairs
from .errors import ImageError

TINY = 64
"""Shorter side, pixels, below which a picture has little to learn from."""
ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"), "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"), "GIF": (".gif",), "BMP": (".bmp", ".dib"), "DIB": (".dib",),
    "WEBP": (".webp",), "TIFF": (".tif", ".tiff"), "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"), "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}  # fmt: skip
Pair = tuple[str, str]


@dataclass(frozen=True)
class Checked:
    """One file: its path below the root, its class, its part, and what it holds."""

    name: str
    label: str
    part: str
    loaded: Loaded | ImageError


@dataclass(frozen=True)
class Findings:
    """What a look at a folder showed; names are paths below `root`."""

    root: Path
    counts: dict[str, int]
    """Readable pictures of each class."""
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
    """Pictures that are almost the same."""
    two_labels: tuple[Pair, ...]
    """Of the pairs above, those in two classes."""
    two_parts: tuple[Pair, ...]
    """Of the pairs above, those in two of train, val and test."""
    overlap: tuple[Pair, ...]
    """(file of the other folder, file here) of equal or almost equal pictures."""

    @property
    def imbalance(self) -> float:
        """Pictures of the largest class by those of the smallest."""
        return max(self.counts.values()) / max(1, min(self.counts.values()))

    @property
    def wrong(self) -> bool:
        """Whether something spoils training or its numbers until it is mended."""
        return bool(
            self.bad or self.equal or self.near or self.two_labels or self.two_parts
            or self.overlap or min(self.counts.values()) < 2
        )  # fmt: skip


def examine(data: Path, against: Path | None, progress: Progress) -> Findings:
    """Look at every file of `data`, and for the same pictures in `against`.

    Raises:
        DatasetError: there are no class folders.
    """
    checked, notes = _checked(data, progress)
    good = [x for x in checked if isinstance(x.loaded, Loaded)]
    equal, near = _pairs(good)
    both = [*equal, *near]
    others: list[Checked] = []
    if against:
        others = [x for x in _checked(against, progress)[0] if isinstance(x.loaded, Loaded)]
    counts = dict.fromkeys([x.label for x in checked], 0) | Counter(x.label for x in good)
    return Findings(
        root=data,
        counts={k: counts[k] for k in sorted(counts)},
        notes=tuple(notes),
        bad=tuple(
            (x.name, str(x.loaded)) for x in checked if isinstance(x.loaded, ImageError)
        ),
        equal=_named(equal),
        near=_named(near),
        two_labels=_named([x for x in both if x[0].label != x[1].label]),
        two_parts=_named([x for x in both if x[0].part != x[1].part]),
        overlap=_named(_overlap(others, good)),
        **_facts([(x.name, x.loaded) for x in good if isinstance(x.loaded, Loaded)]),
    )


def _checked(data: Path, progress: Progress) -> tuple[list[Checked], list[str]]:
    """Every file of every part, and what the scan left out."""
    places = find_parts(data) or {"": data}
    found = [(part, scan(place)) for part, place in places.items()]
    rows = [
        (file, part, x.classes[label])
        for part, x in found
        for file, label in zip(x.files, x.labels, strict=True)
    ]
    checked = []
    for i, (row, loaded) in enumerate(
        zip(rows, load_all([x[0] for x in rows]), strict=True)
    ):
        file, part, label = row
        checked.append(Checked(file.relative_to(data).as_posix(), label, part, loaded))
        progress(i + 1, len(rows))
    return checked, [note for _, x in found for note in x.notes]


def _facts(files: list[tuple[str, Loaded]]) -> dict[str, Any]:
    sizes = np.array([x.size for _, x in files] or [(0, 1)])
    return {
        "formats": dict(Counter(x.format for _, x in files).most_common()),
        "widths": tuple(map(int, np.percentile(sizes[:, 0], (0, 50, 100)))),
        "heights": tuple(map(int, np.percentile(sizes[:, 1], (0, 50, 100)))),
        "aspects": tuple(
            map(float, np.percentile(sizes[:, 0] / sizes[:, 1], (0, 50, 100)))
        ),
        "wrong_ending": tuple(
            (n, x.format) for n, x in files if _wrong_ending(n, x.format)
        ),
        "tiny": tuple(
            (n, f"{x.size[0]} x {x.size[1]}") for n, x in files if min(x.size) < TINY
        ),
        "turned": tuple(n for n, x in files if x.turned),
        "gray": tuple(n for n, x in files if x.gray),
    }


def _wrong_ending(name: str, form: str) -> bool:
    return form in ENDINGS and Path(name).suffix.lower() not in ENDINGS[form]


def _prints(files: list[Checked]) -> np.ndarray:
    rows = [x.loaded.fingerprint for x in files if isinstance(x.loaded, Loaded)]
    return np.array(rows, np.uint8).reshape(-1, SIDE, SIDE)


def _digest(file: Checked) -> str:
    return file.loaded.digest if isinstance(file.loaded, Loaded) else ""


Couples = list[tuple[Checked, Checked]]


def _pairs(files: list[Checked]) -> tuple[Couples, Couples]:
    """Pairs of equal files (each with the first of its kind), and of near-equal ones."""
    first: dict[str, int] = {}
    firsts = [first.setdefault(_digest(x), i) for i, x in enumerate(files)]
    equal = [(files[j], files[i]) for i, j in enumerate(firsts) if i != j]
    near = [
        (files[i], files[j])
        for i, j in near_pairs(_prints(files))
        if firsts[i] == i and firsts[j] == j
    ]
    return equal, near


def _overlap(others: list[Checked], files: list[Checked]) -> Couples:
    """For each of `others` that is also, or almost, among `files`, the first such one."""
    here, there = ([_digest(x) for x in y] for y in (files, others))
    found = copies(here, _prints(files), there, _prints(others))
    return [(others[i], files[j]) for i, j in found.items()]


def _named(pairs: Couples) -> tuple[Pair, ...]:
    return tuple((x.name, y.name) for x, y in pairs)
