"""The classes of labeled images: which, in which order, and their names beside the data."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...errors import DatasetError, ImageError, first_line, printable
from ..layout.disk import DISK, Files

CLASS_LISTS = (
    "classes.txt", "labels.txt", "class_names.txt", "label_names.txt", "classes.json",
    "labels.json", "class_names.json",
)  # fmt: skip
"""Files beside the data that name its classes, where labels are numbers."""
MOST_BYTES = 2**24
_NUMBERED = re.compile(r"(\d+)(?:\s*[:,;=\t]\s*|\s+)(\S.*)")


def chosen_classes(
    found: Iterable[str], classes: Sequence[str], location: str, *, least: int
) -> tuple[str, ...]:
    """The classes to use: `classes`, or all that were `found`, numbers by their value.

    Raises:
        DatasetError: one of `classes` was not found, or fewer than `least` are left.
    """
    names = set(found)
    for name in classes:
        if name not in names:
            close = get_close_matches(name, names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise DatasetError(f"{location} has no class {name!r}{hint}")
    chosen = tuple(classes) or tuple(sorted(names, key=_order(names)))
    if len(chosen) < least:
        only = f"only one class, {chosen[0]!r}" if chosen else "no labeled images"
        raise DatasetError(f"{location} has {only}; a classifier needs at least two")
    return chosen


def _order(names: Iterable[str]) -> Any:
    if all(is_number(x) for x in names):
        return int
    return lambda x: x.encode("utf-8", "surrogateescape")


def require_known(
    found: Iterable[tuple[str, str]], classes: Sequence[str], location: str
) -> None:
    """Refuse a part that has a class which train lacks; `found` are classes and parts.

    Raises:
        DatasetError: one has.
    """
    known = set(classes)
    for label, part in found:
        if label not in known:
            raise DatasetError(
                f"{location}: its {part} part has a class {label!r} that the train "
                f"part lacks"
            )


def is_number(label: str) -> bool:
    """Whether `label` is a whole number, as of a class in a list of names."""
    return label.isascii() and label.isdigit() and len(label) < 10


def class_list(folder: Path, files: Files = DISK) -> Path | None:
    """The file in `folder` that may name its classes."""
    try:
        names = {x.name for x in files.entries(folder) if x.is_file()}
    except OSError:
        return None
    return next((folder / x for x in CLASS_LISTS if x in names), None)


def listed_names(
    folder: Path, labels: Iterable[str], files: Files = DISK
) -> tuple[Mapping[str, str], str]:
    """The name of each of `labels` by the class list in `folder`, and a note of it.

    Nothing if there is no such list, or if not all labels are numbers. Labels count from
    0, or from 1 where the last is the number of names.

    Raises:
        DatasetError: the list cannot be read, or does not name every label.
    """
    wanted, file = set(labels), class_list(folder, files)
    if file is None or not wanted or not all(is_number(x) for x in wanted):
        return {}, ""
    names = read_names(file, files)
    numbers = {int(x) for x in wanted}
    if not set(names) >= numbers and 0 not in numbers and max(numbers) == len(names):
        names = {i + 1: x for i, x in names.items()}
    missing = sorted(numbers - set(names))
    if missing:
        raise DatasetError(
            f"{printable(file)} names {len(names)} classes, but there is a label "
            f"{missing[0]}; correct it, or give it another name"
        )
    first = ", ".join(f"{x} is {names[x]!r}" for x in sorted(numbers)[:3])
    note = f"labels are numbers, named by {printable(file.name)}: {first}"
    return {x: names[int(x)] for x in wanted}, note


def read_names(file: Path, files: Files = DISK) -> dict[int, str]:
    """The class names in `file` by number: a name a line, perhaps after its number.

    Raises:
        DatasetError: it cannot be read, or has a name or a number twice.
    """
    try:
        data = files.read(file)
        if len(data) > MOST_BYTES:
            raise ImageError(f"is larger than {MOST_BYTES:,} bytes")
        text = data.decode("utf-8-sig")
        pairs = _json(text) if file.suffix == ".json" else _lines(text)
    except ImageError as error:
        raise DatasetError(f"{printable(file)} {error}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{printable(file)} is no list of class names: {first_line(error)}"
        ) from error
    names = dict(pairs)
    if len(names) < len(pairs) or len(set(names.values())) < len(names):
        raise DatasetError(f"{printable(file)} has a name or a number twice")
    return names


def _lines(text: str) -> list[tuple[int, str]]:
    lines = [x.strip() for x in text.splitlines() if x.strip()]
    numbered = [_NUMBERED.fullmatch(x) for x in lines]
    if lines and all(numbered):
        return [(int(x[1]), x[2]) for x in numbered if x]
    return list(enumerate(lines))


def _json(text: str) -> list[tuple[int, str]]:
    """Of a list of names, of {"0": name}, or of {name: 0}."""
    found = json.loads(text)
    if isinstance(found, list) and all(isinstance(x, str) for x in found):
        return list(enumerate(found))
    if isinstance(found, dict):
        if all(isinstance(x, str) and is_number(k) for k, x in found.items()):
            return [(int(k), x) for k, x in found.items()]
        if all(type(x) is int for x in found.values()):
            return [(x, k) for k, x in found.items()]
    raise ValueError("neither a list of names nor an object of numbers and names")
