"""Class folders -> Dataset: which files are images of which class. No pixels."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DatasetError, printable
from ..class_names import confusable, hint, matching, quoted
from .disk import DISK, Files
from .folder_tree import FolderTree
from .left_out import LeftOut, Note, left_out_notes
from .levels import class_level, no_classes
from .listing import is_folder, leads_nowhere, usable
from .parts import find_layout


@dataclass(frozen=True)
class Dataset:
    """Image files below `root` and, for each, the index of its class in `classes`."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]
    left_out: tuple[LeftOut, ...] = ()
    confusable: tuple[tuple[str, ...], ...] = ()
    """Groups of folders whose names differ only by Unicode form, case or outer spaces."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, a line for each reason."""
        return left_out_notes(self.root, self.left_out)

    def relative(self) -> tuple[str, ...]:
        """Paths of the files below `root`, with forward slashes."""
        return tuple(x.relative_to(self.root).as_posix() for x in self.files)


def find_parts(data: Path, files: Files = DISK) -> dict[str, Path]:
    """{"train": folder, "val": folder, "test": folder} if `data` has such parts, else {}.

    Raises:
        DatasetError: as `parts.find_layout`.
    """
    return dict(find_layout(FolderTree(data, files)).parts)


def scan(
    folder: Path,
    classes: Sequence[str] = (),
    known: Sequence[str] = (),
    *,
    files: Files = DISK,
) -> Dataset:
    """The images in the class folders of `folder`; classes in order of their names.

    With `classes`, only those folders, in that order; names match if their NFC does. A
    folder named as one of `known` is a class, whatever is in it. Links to one file count
    once in a class; those that lead nowhere are among the files.

    Raises:
        DatasetError: there are no class folders, they are on another level, or one of
            `classes` has no file that could be an image.
    """
    left_out: list[LeftOut] = []
    tree = FolderTree(folder, files)
    tree.note_files(left_out.append, "the class folders")
    folders = tree.class_folders(left_out.append)
    chosen = _chosen(folder, classes, list(folders)) if classes else list(folders)
    if not classes and not any(matching(x, folders) for x in known):
        chosen = class_level(tree, chosen, left_out.append)
    images: dict[str, list[Path]] = {}
    for name in chosen:
        if found := _images_of(tree, folders[name], left_out.append):
            images[name] = found
        elif classes:
            raise _empty(folder, name, tree.why_empty(name))
        else:
            reason = f"{tree.why_empty(name)}; not a class"
            left_out.append(LeftOut(folders[name], reason, is_folder=True))
    if not images:
        raise DatasetError(no_classes(tree, left_out))
    return _dataset(folder, images, left_out)


def _dataset(
    folder: Path, images: Mapping[str, Sequence[Path]], left_out: Iterable[LeftOut]
) -> Dataset:
    return Dataset(
        folder,
        tuple(images),
        tuple(file for x in images.values() for file in x),
        tuple(i for i, x in enumerate(images.values()) for _ in x),
        tuple(left_out),
        confusable(images),
    )


def _empty(folder: Path, name: str, reason: str) -> DatasetError:
    return DatasetError(
        f"{printable(folder)}: class {quoted(name)}: {reason}; leave it out of --classes"
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


def _images_of(tree: FolderTree, folder: Path, note: Note) -> list[Path]:
    """The possible images of a class folder; none if there is no image in it."""
    return list(_images(folder, tree.files, note)) if tree.holds(folder.name) else []


def _images(folder: Path, files: Files, note: Note) -> Iterator[Path]:
    """Files below `folder` that could be images, each once; others are noted.

    Links to folders are followed, also out of `folder`, but never in circles.
    """
    # Not recursive: folders may be nested deeper than Python calls functions. Each entry
    # with the real path of its folder, as finding that takes time in deep ones.
    top = files.real(folder)
    names = {top}
    rest = [(x, top) for x in usable(folder, files, note)[::-1]]
    while rest:
        entry, real_folder = rest.pop()
        real = f"{real_folder}{os.sep}{entry.name}"
        if entry.is_symlink():
            if leads_nowhere(entry):
                yield Path(entry.path)
                continue
            real = files.real(entry.path)
        path = Path(entry.path)
        if real in names:
            note(LeftOut(path, "linked into the class twice, used once", is_folder(entry)))
        elif not is_folder(entry):
            names.add(real)
            yield path
        elif f"{top}{os.sep}".startswith(f"{real.rstrip(os.sep)}{os.sep}"):
            note(LeftOut(path, "a link in a circle", is_folder=True))
        else:
            names.add(real)
            rest += [(x, real) for x in usable(path, files, note)[::-1]]
