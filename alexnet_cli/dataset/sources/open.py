"""What --data names, whatever kind of data set it is: the one way to a Source."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...errors import DatasetError, printable
from ..layout.disk import Files
from ..layout.levels import within
from .archive_files import files_at
from .class_folders import ImageFolder, find_images, labeled_folder
from .class_lists import chosen_classes, class_list, is_number, listed_names
from .kinds import (
    OTHER_ARCHIVES,
    OTHER_TABLES,
    READ,
    TABLES,
    TFDS,
    archive_of,
    is_shards,
    is_tfds,
)
from .listed_files import ListedFiles
from .source import ListedImages, Sample, Source


def open_source(
    data: Path, classes: Sequence[str] = (), *, parts: Mapping[str, Path] | None = None
) -> Source:
    """The images to train on that `data` names, a folder, file, or data set of TFDS.

    With `classes`, only those, in that order. `parts` is as in `find_images`.

    Raises:
        DatasetError: `data` does not exist, is of no kind that is read, or does not hold
            images of at least two classes.
    """
    if is_tfds(data):
        from .tfds import open_tfds

        return open_tfds(str(data).removeprefix(TFDS), classes)
    if _kind(data) == "table":
        from .manifest import open_manifest

        return open_manifest(data, classes)
    if _kind(data) == "shards":
        from ..shards.open import open_shards

        return open_shards(data, classes)
    files = files_at(data)
    if parts:
        return find_images(data, classes, parts=parts, files=files)
    return _folder(data, classes, files)


def open_labeled(data: Path, known: Sequence[str] = ()) -> Source:
    """The images that `data` names, of however many classes, to look at or to test on.

    A folder that is named as one of `known` is a class, whatever is in it.

    Raises:
        DatasetError: as `open_source`.
    """
    if is_tfds(data):
        from .tfds import open_tfds

        return open_tfds(str(data).removeprefix(TFDS), least=1)
    if _kind(data) == "table":
        from .manifest import open_manifest

        return open_manifest(data, least=1)
    if _kind(data) == "shards":
        from ..shards.open import open_shards

        return open_shards(data, least=1)
    return _named(labeled_folder(data, known, files=files_at(data)))


def recorded_source(
    data: Path, classes: tuple[str, ...], samples: Iterable[Sample]
) -> Source:
    """The `samples` that an earlier training found in `data`; a folder is not listed again.

    Raises:
        DatasetError: `data` does not exist, or cannot be opened.
    """
    chosen = tuple(samples)
    if is_tfds(data):
        from .tfds import recorded_tfds

        return recorded_tfds(str(data).removeprefix(TFDS), classes, chosen)
    kind = _kind(data)
    if kind == "shards":
        from ..shards.open import recorded_shards

        return recorded_shards(data, classes, chosen)
    parts = tuple(dict.fromkeys(x.part for x in chosen))
    if kind == "archive":
        return ImageFolder(data, classes, parts, chosen, files=files_at(data))
    root = data.parent if kind == "table" else data
    return ListedImages(
        root=root,
        location=printable(data),
        classes=classes,
        parts=parts,
        samples=chosen,
        reader=ListedFiles(root).read,
    )


def _kind(data: Path) -> str:
    """folder, shards, table or archive.

    Raises:
        DatasetError: none of these.
    """
    if is_shards(data):
        return "shards"
    if data.is_dir():
        return "folder"
    name, shown = data.name.lower(), printable(data)
    if archive_of(data):
        return "archive"
    if not data.exists():
        raise DatasetError(f"{shown} does not exist")
    if name.endswith(TABLES):
        return "table"
    if name.endswith(OTHER_ARCHIVES):
        raise DatasetError(
            f"{shown} is an archive of a kind that is not read; unpack it, or repack it as "
            f".zip or .tar.gz"
        )
    if name.endswith(OTHER_TABLES):
        raise DatasetError(
            f"{shown} is a table of a kind that is not read; save it as .csv, or as .jsonl "
            f"with one JSON object per line"
        )
    raise DatasetError(
        f"{shown} is not a folder, and not of another kind that is read: {READ}"
    )


def _folder(data: Path, classes: Sequence[str], files: Files) -> Source:
    """Class folders; those that are numbers are named by a class list beside them."""
    if not classes:
        return _named(find_images(data, files=files))
    if not class_list(within(data, files, lambda _: None), files):
        return find_images(data, classes, files=files)
    found = find_images(data, files=files)
    named = _named(found)
    if named is found:
        return find_images(data, classes, files=files)
    return _with_classes(named, classes)


def _with_classes(found: ImageFolder, classes: Sequence[str]) -> ImageFolder:
    """Only the images of `classes`, in that order."""
    kept = chosen_classes(found.classes, classes, found.location, least=2)
    index = {found.classes.index(x): i for i, x in enumerate(kept)}
    samples = (
        dataclasses.replace(x, label=index[x.label])
        for x in found.samples
        if x.label in index
    )
    return dataclasses.replace(found, classes=kept, samples=tuple(samples))


def _named(found: ImageFolder) -> ImageFolder:
    """`found` with the names of its classes, if they are numbers that a list names."""
    if not all(is_number(x) for x in found.classes):
        return found
    folder = within(found.root, found.files, lambda _: None)
    names, note = listed_names(folder, found.classes, found.files)
    if not names:
        return found
    order = sorted(range(len(found.classes)), key=lambda i: int(found.classes[i]))
    index = {label: i for i, label in enumerate(order)}
    return dataclasses.replace(
        found,
        classes=tuple(names[found.classes[i]] for i in order),
        samples=tuple(dataclasses.replace(x, label=index[x.label]) for x in found.samples),
        notes=(*found.notes, note),
    )
