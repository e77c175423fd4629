"""Class folders -> Dataset: which files are images of which class. No pixels."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError, printable
from .class_names import confusable, hint, matching, quoted
from .folder_tree import FolderTree
from .levels import class_level, no_classes
from .listing import Note, is_folder, leads_nowhere, usable
from .parts import find_layout


@dataclass(frozen=True)
class Dataset:
    """Image files below `root` and, for each, the index of its class in `classes`."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, a line each."""
    confusable: tuple[tuple[str, ...], ...] = ()
    """Groups of folders whose names differ only by Unicode form, case or outer spaces."""

    def relative(self) -> tuple[str, ...]:
        """Paths of the files below `root`, with forward slashes."""
        return tuple(x.relative_to(self.root).as_posix() for x in self.files)


def find_parts(data: Path) -> dict[str, Path]:
    """{"train": folder, "val": folder, "test": folder} if `data` has such parts, else {}.

    Raises:
        DatasetError: as `parts.find_layout`.
    """
    return dict(find_layout(FolderTree(data)).parts)


def scan(folder: Path, classes: Sequence[str] = (), known: Sequence[str] = ()) -> Dataset:
    """The images in the class folders of `folder`; classes in order of their names.

    With `classes`, only those folders, in that order; names match if their NFC does. A
    folder named as one of `known` is a class, whatever is in it. Files are candidates
    until they are decoded. Links to the same file count once in a class, and in every
    class; those that lead nowhere are among the files, to be bad ones.

    Raises:
        DatasetError: `folder` does not exist or has no class folders, they are on another
            level, or one of `classes` is missing or has no file that could be an image.
    """
    notes: list[str] = []
    tree = FolderTree(folder)
    folders = tree.class_folders(notes.append)
    chosen = _chosen(folder, classes, list(folders)) if classes else list(folders)
    if not classes and not any(matching(x, folders) for x in known):
        chosen = class_level(tree, chosen, notes.append)
    files: list[Path] = []
    labels: list[int] = []
    kept: list[str] = []
    for name in chosen:
        found = list(_images(folders[name], notes.append)) if tree.holds(name) else []
        if found:
            files += found
            labels += [len(kept)] * len(found)
            kept.append(name)
        elif classes:
            raise DatasetError(
                f"{printable(folder)}: class {quoted(name)}: {tree.why_empty(name)}; "
                f"leave it out of --classes"
            )
        else:
            notes.append(f"{printable(name)}/: {tree.why_empty(name)}, not a class")
    if not files:
        raise DatasetError(no_classes(folder))
    return Dataset(
        folder, tuple(kept), tuple(files), tuple(labels), tuple(notes), confusable(kept)
    )


def _chosen(folder: Path, classes: Sequence[str], folders: Sequence[str]) -> list[str]:
    """The names of the folders that `classes` name.

    Raises:
        DatasetError: there is none of a name, or two names are of one folder.
    """
    found: list[str] = []
    for name in classes:
        # Lists lose the spaces around names.
        stripped = {x.strip(): x for x in folders}
        match = matching(name, folders) or stripped.get(matching(name, stripped) or "")
        if match is None:
            raise DatasetError(
                f"{printable(folder)} has no class folder {quoted(name)}"
                f"{hint(name, folders)}"
            )
        if match in found:
            raise DatasetError(f"--classes: {quoted(name)} is listed twice")
        found.append(match)
    return found


def _images(folder: Path, note: Note) -> Iterator[Path]:
    """Files below `folder` that could be images, each once; others are noted.

    Links to folders are followed, also out of `folder`, but never in circles.
    """
    # Not recursive: folders may be nested deeper than Python calls functions. Each entry
    # with the real path of its folder, as finding that takes time in deep ones.
    top = os.path.realpath(folder)
    names = {top: folder.name}
    rest = [(x, top) for x in usable(folder, note)[::-1]]
    while rest:
        entry, real_folder = rest.pop()
        real = f"{real_folder}{os.sep}{entry.name}"
        if entry.is_symlink():
            if leads_nowhere(entry):
                yield Path(entry.path)
                continue
            real = os.path.realpath(entry.path)
        path = Path(entry.path)
        name = f"{path.parent.name}/{entry.name}"
        if real in names:
            note(f"{printable(name)}: the same as {printable(names[real])}")
        elif not is_folder(entry):
            names[real] = name
            yield path
        elif f"{top}{os.sep}".startswith(f"{real.rstrip(os.sep)}{os.sep}"):
            note(f"{printable(name)}: a link in a circle, to {printable(real)}")
        else:
            names[real] = name
            rest += [(x, real) for x in usable(path, note)[::-1]]
