"""Class folders, and train, val and test, told from names alone, as in an archive.

The rules are those of `dataset/folders.py`, without a file system.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ...errors import DatasetError, printable
from ..file_names import JUNK_FILES, JUNK_FOLDERS, NOT_IMAGES
from ..part_names import part_of
from ..split import TEST, TRAIN, VAL

ARCHIVED = (
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".bz2",
    ".tbz2",
    ".xz",
    ".txz",
    ".7z",
    ".rar",
    ".zst",
)
"""Extensions of archives within archives, which are not opened."""


def part_named(name: str) -> str | None:
    """train, val or test, if `name` is a usual name of it, as "Validation"."""
    part, sure = part_of(name)
    return part if sure > 1 else None


@dataclass(frozen=True)
class Placed:
    """An image by its name: its class and its part."""

    name: str
    label: str
    part: str


class LeftOut:
    """Names that are left out, by reason; their number is not limited, their notes are."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.firsts: dict[str, str] = {}

    def add(self, reason: str, name: str) -> None:
        """Count `name`."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.firsts.setdefault(reason, name)

    def notes(self) -> list[str]:
        """A line for each reason."""
        return [
            f"{printable(self.firsts[reason])}: {reason}"
            + (f" (and {count - 1} more)" if count > 1 else "")
            for reason, count in self.counts.items()
        ]


def reason_to_leave_out(name: str) -> str:
    """Why the file called `name`, with its folders, is not taken for an image; or empty."""
    *folders, file = name.split("/")
    if any(x.startswith(".") or x.lower() in JUNK_FOLDERS for x in folders):
        return "in a hidden or system folder"
    if file.startswith(".") or file.lower() in JUNK_FILES:
        return "hidden or system file"
    suffix = PurePosixPath(file).suffix.lower()
    if suffix in ARCHIVED:
        return "an archive in the archive, not opened"
    return "not an image by its extension" if suffix in NOT_IMAGES else ""


def place(names: Iterable[str], location: str, left_out: LeftOut) -> list[Placed]:
    """The images among `names`, paths with forward slashes, by part, class and name.

    One wrapping folder, or several, are looked through.

    Raises:
        DatasetError: there are no class folders, or two folders could be the same part.
    """
    kept = []
    for name in names:
        if reason := reason_to_leave_out(name):
            left_out.add(reason, name)
        else:
            kept.append(tuple(name.split("/")))
    depth = _wrapping(kept)
    inside = defaultdict(list)
    for words in kept:
        if len(words) > depth + 1:
            inside[words[depth]].append(words)
        else:
            left_out.add("loose file beside the class folders", "/".join(words))
    if not inside:
        raise DatasetError(
            f"{location} has no class folders with images; put the images of each class "
            f"into a folder of its own"
        )
    parts = _parts(inside, depth, location)
    if not parts:
        return _placed(inside.items(), depth, TRAIN)
    placed = []
    for part in (x for x in (TRAIN, VAL, TEST) if x in parts):
        classes = defaultdict(list)
        for words in inside[parts[part]]:
            if len(words) > depth + 2:
                classes[words[depth + 1]].append(words)
            else:
                left_out.add("loose file beside the class folders", "/".join(words))
        placed += _placed(classes.items(), depth + 1, part)
    return placed


_Words = tuple[str, ...]


def _wrapping(names: Sequence[_Words]) -> int:
    """How many folders all of `names` are in, beyond those of class folders.

    A folder that has the images of a class in it wraps nothing.
    """
    depth = 0
    deep = [x for x in names if len(x) > 1]
    while deep and len({x[depth] for x in deep}) == 1:
        if any(len(x) == depth + 2 for x in deep) and not _has_folders(deep, depth + 1):
            break
        deep = [x for x in deep if len(x) > depth + 2]
        depth += 1
    return depth


def _has_folders(names: Sequence[_Words], depth: int) -> bool:
    """Whether there is more than one folder at `depth`."""
    return len({x[depth] for x in names if len(x) > depth + 1}) > 1


def _parts(inside: dict[str, list[_Words]], depth: int, location: str) -> dict[str, str]:
    """{part: folder} if all folders are parts with class folders, as `find_parts`."""
    parts: dict[str, str] = {}
    for folder in inside:
        part = part_named(folder)
        if part is None:
            return {}
        if part in parts:
            raise DatasetError(
                f"{location}: both {parts[part]!r} and {folder!r} could be the {part} "
                f"part; rename one"
            )
        parts[part] = folder
    nested = TRAIN in parts and any(len(x) > depth + 2 for x in inside[parts[TRAIN]])
    return parts if nested and len(parts) > 1 else {}


def _placed(
    classes: Iterable[tuple[str, list[_Words]]], depth: int, part: str
) -> list[Placed]:
    return [
        Placed("/".join(words), label, part)
        for label, members in sorted(classes)
        for words in sorted(members)
    ]
