"""A folder of class folders, or of train, val and test folders that hold them."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import DatasetError, RecipeError, printable
from ..class_names import hint, matching, quoted
from ..layout.disk import DISK, Files
from ..layout.folder_tree import FolderTree
from ..layout.folders import Dataset, scan
from ..layout.left_out import LeftOut, left_out_notes
from ..layout.levels import within
from ..layout.parts import Layout, find_layout
from ..split import TEST, TRAIN, VAL
from .archive_files import files_at
from .kinds import archive_of
from .source import Sample


@dataclass(frozen=True)
class ImageFolder:
    """Images of class folders below `root`, nothing decoded yet."""

    root: Path
    classes: tuple[str, ...]
    parts: tuple[str, ...]
    """train, or train and val and perhaps test as the folder has them."""
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, a line each."""
    confusable: tuple[tuple[str, ...], ...] = ()
    """Classes whose names differ only by Unicode form, case or spaces around them."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """The folder of each part; none if `root` holds the class folders."""
    files: Files = DISK
    """Where the folders are."""

    @property
    def location(self) -> str:
        """The folder."""
        return printable(self.root)

    @property
    def sequential(self) -> bool:
        """Whether samples are to be read one at a time and in their order."""
        return self.files.sequential

    def in_order(self, samples: Iterable[Sample]) -> list[Sample]:
        """`samples` in an order in which they can be read fast."""
        if not self.sequential:
            return list(samples)
        return sorted(samples, key=lambda x: self.files.place(self.root / x.name))

    def counts(self, part: str) -> list[int]:
        """Images of each class in `part`, in class order."""
        labels = Counter(x.label for x in self.samples if x.part == part)
        return [labels[i] for i in range(len(self.classes))]

    def read(self, sample: Sample) -> bytes:
        """The bytes of the file.

        Raises:
            ImageError: it cannot be read.
        """
        return self.files.read(self.root / sample.name)


def find_images(
    data: Path,
    classes: Sequence[str] = (),
    *,
    parts: Mapping[str, Path] | None = None,
    files: Files = DISK,
) -> ImageFolder:
    """The class folders of `data`, or of its train, val and test folders.

    With `classes`, only those, in that order. `parts` are folders below `data`, by the part
    that they are, for a data set whose layout does not say so; see `chosen_parts`.

    Raises:
        DatasetError: there are none, fewer than two classes, they are on another level, or
            a part has a class that train lacks.
    """
    left_out: list[LeftOut] = []
    top = data if parts else within(data, files, left_out.append, classes)
    layout = Layout(parts) if parts else find_layout(FolderTree(top, files))
    folders = dict(layout.parts) or {TRAIN: top}
    found = _scanned(folders, classes, files)
    names = found[TRAIN].classes
    left_out += [*layout.left_out, *(y for x in found.values() for y in x.left_out)]
    images = ImageFolder(
        data,
        names,
        tuple(found),
        tuple(s for part, x in found.items() for s in _samples(data, x, part, names)),
        notes=left_out_notes(data, left_out),
        confusable=tuple(dict.fromkeys(y for x in found.values() for y in x.confusable)),
        folders=folders if layout.parts else {},
        files=files,
    )
    return replace(images, samples=tuple(images.in_order(images.samples)))


def _scanned(
    folders: Mapping[str, Path], classes: Sequence[str], files: Files
) -> dict[str, Dataset]:
    """What is in the folder of each part.

    Raises:
        DatasetError: as `find_images`.
    """
    found = {TRAIN: scan(folders[TRAIN], classes, files=files)}
    names = found[TRAIN].classes
    if len(names) < 2:
        message = (
            f"{printable(folders[TRAIN])} has only one class, {quoted(names[0])}; "
            f"a classifier needs at least two"
        )
        beside = [x for x in found[TRAIN].left_out if x.is_folder]
        notes = left_out_notes(folders[TRAIN], [*files.left_out, *beside])
        raise DatasetError("; ".join((message, *notes[:1])))
    for part in (x for x in (VAL, TEST) if x in folders):
        found[part] = scan(folders[part], known=names, files=files)
        unknown = [x for x in found[part].classes if matching(x, names) is None]
        if unknown and not classes:
            raise DatasetError(
                f"{printable(folders[part])} has a class {quoted(unknown[0])} that "
                f"{printable(folders[TRAIN])} lacks{hint(unknown[0], names)}"
            )
    return found


def labeled_folder(
    data: Path, known: Sequence[str] = (), *, files: Files = DISK
) -> ImageFolder:
    """The class folders of `data`, of however many classes.

    A folder that is named as one of `known` is a class, whatever is in it.

    Raises:
        DatasetError: as `folders.scan`.
    """
    left_out: list[LeftOut] = []
    top = within(data, files, left_out.append, known)
    if find_layout(FolderTree(top, files)).parts:
        return find_images(data, files=files)
    found = scan(top, known=known, files=files)
    images = ImageFolder(
        data,
        found.classes,
        (TRAIN,),
        tuple(_samples(data, found, TRAIN, found.classes)),
        left_out_notes(data, [*left_out, *found.left_out]),
        files=files,
    )
    return replace(images, samples=tuple(images.in_order(images.samples)))


def chosen_parts(
    data: Path | None, given: Mapping[str, Path | None]
) -> tuple[Path, dict[str, Path]]:
    """The data set of --data and the folders of --train, --val and --test, and its parts.

    The first is the folder that all parts are in, whose images are named from there. There
    are no parts if none is given; --data is then the data set as it is. Beside --val and
    --test it may be the training part, or have the others.

    Raises:
        RecipeError: --data has the part already, or there is no training part.
    """
    folders = {part: x for part, x in given.items() if x is not None}
    for part, folder in folders.items():
        if folder.is_file():
            raise RecipeError(
                f"--{part} {printable(folder)} is not a folder; --data takes a manifest "
                f"with a split column, or an archive; a folder in an archive is named "
                f"as photos.zip/train"
            )
    if len({x.resolve() for x in folders.values()}) < len(folders):
        raise RecipeError("--train, --val and --test name the same folder twice")
    if not folders:
        if data is None:
            raise RecipeError("neither --data nor --train names a folder of images")
        return data, {}
    if data is not None:
        folders = {**_own_parts(data, folders), **folders}
    if len({archive_of(x) for x in folders.values()}) > 1:
        raise RecipeError(
            "--data, --train, --val and --test must be folders, or be in one archive"
        )
    if TRAIN not in folders:
        raise RecipeError(f"--{next(iter(folders))} needs --train, or --data")
    resolved = {part: x.absolute() for part, x in folders.items()}
    try:
        root = Path(os.path.commonpath(resolved.values()))
    except ValueError as error:
        raise RecipeError("--train, --val and --test must be on one drive") from error
    return root, {x: resolved[x] for x in (TRAIN, VAL, TEST) if x in resolved}


def _own_parts(data: Path, given: Iterable[str]) -> dict[str, Path]:
    """The folders of the parts that --data has beside those that are `given`.

    Raises:
        RecipeError: it has one of these too.
    """
    files = files_at(data)
    top = within(data, files, lambda _: None)
    parts = dict(find_layout(FolderTree(top, files)).parts)
    if again := [x for x in given if x in (parts or (TRAIN,))]:
        what = f"has a {again[0]} part" if parts else "is the training part"
        raise RecipeError(
            f"--{again[0]} cannot be given here: --data {printable(data)} {what}"
        )
    return parts or {TRAIN: top}


def _samples(
    root: Path, found: Dataset, part: str, classes: tuple[str, ...]
) -> list[Sample]:
    """The images of one part, labeled by class name; other classes are left out."""
    matches = {x: matching(x, classes) for x in found.classes}
    labels = {x: classes.index(y) for x, y in matches.items() if y is not None}
    return [
        Sample(_below(root, file), labels[found.classes[label]], part)
        for file, label in zip(found.files, found.labels, strict=True)
        if found.classes[label] in labels
    ]


def _below(root: Path, file: Path) -> str:
    """The path of `file` below `root`, with forward slashes."""
    path, start = str(file), f"{root}/"
    if path.startswith(start):
        # As pathlib has it, which takes most of the time that a million take.
        return path[len(start) :]
    return file.relative_to(root).as_posix()
