"""A folder of class folders, or of train, val and test folders that hold them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import DatasetError, printable
from .. import images
from ..folders import Dataset, find_parts, scan
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
        return images.read(self.root / sample.name)


def find_images(data: Path, classes: Sequence[str] = ()) -> ImageFolder:
    """The class folders of `data`, or of its train, val and test folders.

    With `classes`, only those, in that order.

    Raises:
        DatasetError: there are none, fewer than two classes, or a part has a class that
            train lacks.
    """
    folders = find_parts(data) or {TRAIN: data}
    training = scan(folders[TRAIN], classes)
    names = training.classes
    if len(names) < 2:
        raise DatasetError(
            f"{printable(folders[TRAIN])} has only one class, {names[0]!r}; "
            f"a classifier needs at least two"
        )
    found = {TRAIN: training}
    for part in (x for x in (VAL, TEST) if x in folders):
        found[part] = scan(folders[part])
        unknown = [x for x in found[part].classes if x not in names]
        if unknown and not classes:
            raise DatasetError(
                f"{printable(folders[part])} has a class {unknown[0]!r} that "
                f"{printable(folders[TRAIN])} lacks"
            )
    samples = [s for part, x in found.items() for s in _samples(data, x, part, names)]
    notes = tuple(note for x in found.values() for note in x.notes)
    return ImageFolder(data, names, tuple(found), tuple(samples), notes)


def _samples(
    root: Path, found: Dataset, part: str, classes: tuple[str, ...]
) -> list[Sample]:
    """The images of one part, labeled by class name; other classes are left out."""
    labels = {name: i for i, name in enumerate(classes)}
    return [
        Sample(file.relative_to(root).as_posix(), labels[found.classes[label]], part)
        for file, label in zip(found.files, found.labels, strict=True)
        if found.classes[label] in labels
    ]
