"""A folder of class folders, or of train, val and test folders that hold them."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import DatasetError, ImageError, RecipeError, printable
from .. import images
from ..class_names import hint, matching, quoted
from ..folder_tree import FolderTree
from ..folders import Dataset, scan
from ..parts import Layout, find_layout
from ..split import TEST, TRAIN, VAL
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

    @property
    def location(self) -> str:
        """The folder."""
        return printable(self.root)

    @property
    def sequential(self) -> bool:
        """Files are read in any order."""
        return False

    def in_order(self, samples: Iterable[Sample]) -> list[Sample]:
        """`samples` as they are."""
        return list(samples)

    def counts(self, part: str) -> list[int]:
        """Images of each class in `part`, in class order."""
        labels = Counter(x.label for x in self.samples if x.part == part)
        return [labels[i] for i in range(len(self.classes))]

    def read(self, sample: Sample) -> bytes:
        """The bytes of the file.

        Raises:
            ImageError: it cannot be read.
        """
        path = self.root / sample.name
        try:
            return images.read(path)
        except ImageError as error:
            if path.is_symlink() and str(error) == "does not exist":
                raise ImageError(
                    f"is a link to nothing: {printable(path.readlink())}"
                ) from error
            raise


def find_images(
    data: Path, classes: Sequence[str] = (), *, parts: Mapping[str, Path] | None = None
) -> ImageFolder:
    """The class folders of `data`, or of its train, val and test folders.

    With `classes`, only those, in that order. `parts` are folders below `data`, by the part
    that they are, for a data set whose layout does not say so; see `chosen_parts`.

    Raises:
        DatasetError: fewer than two classes, or on another level, or a part has another.
    """
    layout = Layout(parts) if parts else find_layout(FolderTree(data))
    folders = dict(layout.parts) or {TRAIN: data}
    training = scan(folders[TRAIN], classes)
    names = training.classes
    if len(names) < 2:
        raise DatasetError(
            f"{printable(folders[TRAIN])} has only one class, {quoted(names[0])}; "
            f"a classifier needs at least two"
        )
    found = {TRAIN: training}
    for part in (x for x in (VAL, TEST) if x in folders):
        found[part] = scan(folders[part], known=names)
        unknown = [x for x in found[part].classes if matching(x, names) is None]
        if unknown and not classes:
            raise DatasetError(
                f"{printable(folders[part])} has a class {quoted(unknown[0])} that "
                f"{printable(folders[TRAIN])} lacks{hint(unknown[0], names)}"
            )
    samples = [s for part, x in found.items() for s in _samples(data, x, part, names)]
    return ImageFolder(
        data,
        names,
        tuple(found),
        tuple(samples),
        notes=(*layout.notes, *(note for x in found.values() for note in x.notes)),
        confusable=tuple(dict.fromkeys(y for x in found.values() for y in x.confusable)),
        folders=folders if layout.parts else {},
    )


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
                f"with a split column, or an archive with train, val and test folders"
            )
    if len({x.resolve() for x in folders.values()}) < len(folders):
        raise RecipeError("--train, --val and --test name the same folder twice")
    if not folders:
        if data is None:
            raise RecipeError("neither --data nor --train names a folder of images")
        return data, {}
    if data is not None:
        own = dict(find_layout(FolderTree(data)).parts) or {TRAIN: data}
        if again := [x for x in folders if x in own]:
            what = (
                "is the training part" if own == {TRAIN: data} else f"has a {again[0]} part"
            )
            raise RecipeError(
                f"--{again[0]} cannot be given here: --data {printable(data)} {what}"
            )
        folders = {**own, **folders}
    if TRAIN not in folders:
        raise RecipeError(f"--{next(iter(folders))} needs --train, or --data")
    resolved = {part: x.absolute() for part, x in folders.items()}
    try:
        root = Path(os.path.commonpath(resolved.values()))
    except ValueError as error:
        raise RecipeError("--train, --val and --test must be on one drive") from error
    return root, {x: resolved[x] for x in (TRAIN, VAL, TEST) if x in resolved}


def _samples(
    root: Path, found: Dataset, part: str, classes: tuple[str, ...]
) -> list[Sample]:
    """The images of one part, labeled by class name; other classes are left out."""
    matches = {x: matching(x, classes) for x in found.classes}
    labels = {x: classes.index(y) for x, y in matches.items() if y is not None}
    return [
        Sample(file.relative_to(root).as_posix(), labels[found.classes[label]], part)
        for file, label in zip(found.files, found.labels, strict=True)
        if found.classes[label] in labels
    ]
