"""A data set of TensorFlow Datasets, by its name; its images keep their encoding."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...errors import DatasetError, ImageError, first_line
from ..layout.left_out import left_out_line
from ..split import TEST, TRAIN, VAL
from .class_lists import chosen_classes, require_known
from .source import ListedImages, Sample
from .tfds_builder import DataSet, open_data_set, silently, tried

_SAMPLE = re.compile(r"(?P<split>[^/]+)/(?P<index>\d+)(\.\w+)?")
_ENDINGS = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"GI": ".gif", b"BM": ".bmp"}


class _Reader:
    """Reads samples of a data set onwards; from its start again for one before."""

    def __init__(self, data: DataSet) -> None:
        self.data = data
        self.lock = threading.Lock()
        self.split, self.position = "", 0
        self.examples: Iterator[tuple[bytes, int]] = iter(())

    def read(self, sample: Sample) -> bytes:
        """The encoded image.

        Raises:
            ImageError: it cannot be read.
        """
        place = _SAMPLE.fullmatch(sample.name)
        if place is None or place["split"] not in self.data.splits.values():
            raise ImageError("is not in the data set")
        with self.lock:
            found = tried(lambda: self._read(place["split"], int(place["index"])))
        if isinstance(found, Exception):
            raise ImageError(f"cannot be read: {first_line(found)}") from found
        return found

    def _read(self, split: str, index: int) -> bytes:
        if split != self.split or index < self.position:
            self.split, self.position = split, 0
            self.examples = self.data.examples(split)
        for image, _ in self.examples:
            self.position += 1
            if self.position > index:
                return image
        self.split = ""
        raise ImageError("is not in the data set")


def open_tfds(name: str, classes: Sequence[str] = (), *, least: int = 2) -> ListedImages:
    """The images of the data set `name`, "beans" or "name/config:1.2.3", read once to list.

    With `classes`, only those, in that order. It is fetched and prepared if it is not.

    Raises:
        DatasetError: it is unknown, cannot be fetched, or has not one image and one class
            for each example, or fewer than `least` classes.
    """
    data = open_data_set(name)
    location = f"tfds:{name}"
    listed = silently(lambda: list(_listed(data)))
    if isinstance(listed, Exception):
        raise DatasetError(f"{location} is damaged: {first_line(listed)}") from listed
    labeled = [x for x in listed if x.label >= 0]
    used = {x.label for x in labeled if x.part == TRAIN or least == 1}
    names = [x for i, x in enumerate(data.names) if i in used]
    kept = chosen_classes(names, classes or names, location, least=least)
    if not classes and least > 1:
        require_known(((data.names[x.label], x.part) for x in labeled), kept, location)
    index = {data.names.index(x): i for i, x in enumerate(kept)}
    samples = tuple(
        Sample(x.name, index[x.label], x.part) for x in labeled if x.label in index
    )
    found = {x.part for x in samples}
    return ListedImages(
        root=Path(location),
        location=location,
        classes=kept,
        parts=tuple(x for x in (TRAIN, VAL, TEST) if x in found),
        samples=samples,
        reader=_Reader(data).read,
        notes=_notes(data, len(listed) - len(labeled)),
        place=_place(data),
    )


def recorded_tfds(
    name: str, classes: tuple[str, ...], samples: tuple[Sample, ...]
) -> ListedImages:
    """The `samples` of the data set `name` that an earlier look has listed.

    Raises:
        DatasetError: as `open_tfds`.
    """
    data = open_data_set(name)
    return ListedImages(
        root=Path(f"tfds:{name}"),
        location=f"tfds:{name}",
        classes=classes,
        parts=tuple(dict.fromkeys(x.part for x in samples)),
        samples=samples,
        reader=_Reader(data).read,
        place=_place(data),
    )


def _listed(data: DataSet) -> Iterator[Sample]:
    for part, split in data.splits.items():
        for i, (image, label) in enumerate(data.examples(split)):
            yield Sample(f"{split}/{i:06}{_ENDINGS.get(image[:2], '')}", label, part)


def _notes(data: DataSet, unlabeled: int) -> tuple[str, ...]:
    others = [x for x in data.builder.info.splits if x not in data.splits.values()]
    notes = []
    if others:
        notes.append(left_out_line(others, len(others), "a split that is no part"))
    if unlabeled:
        notes.append(f"left out: {unlabeled} example(s): without a label")
    return tuple(notes)


def _place(data: DataSet) -> Callable[[Sample], tuple[int, ...]]:
    """The number of a sample's part, and where it stands in that."""
    splits = list(data.splits.values())

    def place(sample: Sample) -> tuple[int, ...]:
        found = _SAMPLE.fullmatch(sample.name)
        if found is None or found["split"] not in splits:
            return (len(splits),)
        return splits.index(found["split"]), int(found["index"])

    return place
