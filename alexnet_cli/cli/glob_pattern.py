"""Glob patterns, as Python's glob has them, which end where links lead in circles."""

import fnmatch
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..dataset.prediction_files import MOST_NAMES, Folder, Input, below, is_folder


def matching(pattern: str) -> list[Input]:
    """What `pattern` matches but folders, sorted, and folders in it that cannot be read.

    `*` matches no name that begins with a dot, `**` folders at any depth.
    """
    path = Path(pattern)
    if pattern.endswith((os.sep, f"{os.sep}.")):
        return []  # Only folders are meant.
    anchor = len(path.parts[:1]) if path.anchor else 0
    found, errors = [Path(path.anchor)], list[Input]()
    rest = path.parts[anchor:]
    for i, part in enumerate(rest, 1):
        if part == "**":
            found = list(_at_any_depth(found, errors, files=i == len(rest)))
        elif glob.has_magic(part):
            found = list(_matches(found, part, errors))
        else:
            found = [x / part for x in found if os.path.lexists(x / part)]
    # What several ** reach in two ways is one match.
    files = [Input(x) for x in dict.fromkeys(found) if not x.is_dir()]
    return sorted([*files, *dict.fromkeys(errors)], key=lambda x: str(x.file))


def _matches(folders: Iterable[Path], part: str, errors: list[Input]) -> Iterator[Path]:
    """The entries of `folders` whose name matches one `part` of a pattern."""
    for folder in folders:
        for entry in _entries(folder, errors):
            hidden = entry.name.startswith(".") and not part.startswith(".")
            if not hidden and fnmatch.fnmatch(entry.name, part):
                yield folder / entry.name


def _at_any_depth(
    folders: Iterable[Path], errors: list[Input], *, files: bool
) -> Iterator[Path]:
    """`folders` and all folders below them, with their `files` too; none hidden."""
    names: Counter[str] = Counter()
    rest = [Folder(x, os.path.realpath(x)) for x in folders if x.is_dir()]
    while rest:
        folder = rest.pop()
        names[folder.real] += 1
        if folder.is_in_a_circle() or names[folder.real] > MOST_NAMES:
            continue
        yield folder.path
        for entry in _entries(folder.path, errors):
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                rest.append(below(entry, folder))
            elif files:
                yield folder.path / entry.name


def _entries(folder: Path, errors: list[Input]) -> list[os.DirEntry[str]]:
    """What is in `folder`; nothing if it is none, or cannot be read, which is an error."""
    if not folder.is_dir():
        return []
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        errors.append(Input(folder, f"cannot be read: {error.strerror}"))
        return []
