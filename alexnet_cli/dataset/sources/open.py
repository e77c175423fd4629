"""What --data names, whatever kind of data set it is: the one way to a Source."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...errors import DatasetError, printable
from ..folders import find_parts, scan
from ..split import TRAIN
from .class_folders import ImageFolder, find_images
from .class_lists import chosen_classes, class_list, listed_names
from .kinds import (
    ARCHIVES,
    OTHER_ARCHIVES,
    OTHER_TABLES,
    READ,
    TABLES,
    TFDS,
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
    kind = _kind(data)
    if kind == "table":
        from .manifest import open_manifest

        return open_manifest(data, classes)
    if kind == "archive":
        from .archive import open_archive

        return open_archive(data, classes)
    if kind == "shards":
        from ..shards.open import open_shards

        return open_shards(data, classes)
    return find_images(data, classes, parts=parts) if parts else _folder(data, classes)


def open_labeled(data: Path, known: Sequence[str] = ()) -> Source:
    """The images that `data` names, of however many classes, to look at or to test on.

    A folder that is named as one of `known` is a class, whatever is in it.

    Raises:
        DatasetError: as `open_source`.
    """
    if is_tfds(data):
        from .tfds import open_tfds

        return open_tfds(str(data).removeprefix(TFDS), least=1)
    kind = _kind(data)
    if kind == "table":
        from .manifest import open_manifest

        return open_manifest(data, least=1)
    if kind == "archive":
        from .archive import open_archive

        return open_archive(data, least=1)
    if kind == "shards":
        from ..shards.open import open_shards

        return open_shards(data, least=1)
    parts = find_parts(data)
    if parts:
        return _folder(data, ())
    found = scan(data, known=known)
    samples = (
        Sample(name, label, TRAIN)
        for name, label in zip(found.relative(), found.labels, strict=True)
    )
    return _named(ImageFolder(data, found.classes, (TRAIN,), tuple(samples), found.notes))


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
    if kind == "archive":
        from .archive import recorded_archive

        return recorded_archive(data, classes, chosen)
    if kind == "shards":
        from ..shards.open import recorded_shards

        return recorded_shards(data, classes, chosen)
    root = data.parent if kind == "table" else data
    parts = tuple(dict.fromkeys(x.part for x in chosen))
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
    if not data.exists():
        raise DatasetError(f"{shown} does not exist")
    if name.endswith(TABLES):
        return "table"
    if name.endswith(ARCHIVES):
        return "archive"
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


def _folder(data: Path, classes: Sequence[str]) -> Source:
    """Class folders; those that are numbers are named by the class list in `data`."""
    if not class_list(data):
        return find_images(data, classes)
    found = find_images(data)
    named = _named(found)
    if named is found:
        return find_images(data, classes) if classes else found
    return _with_classes(named, classes) if classes else named


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
    names, note = listed_names(found.root, found.classes)
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
