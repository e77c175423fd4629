"""A data set of TensorFlow Datasets, by its name; its images keep their encoding."""

import contextlib
import io
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...backend.startup import quiet, start_tensorflow
from ...errors import DatasetError, ImageError, first_line
from ..split import TEST, TRAIN, VAL
from .class_lists import chosen_classes, require_known
from .layout import part_named
from .source import ListedImages, Sample

R = TypeVar("R")
HOST = "storage.googleapis.com"
"""From where most data sets and what is known of them come."""
_NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\d*][\w.*]*)?", re.ASCII)
_SAMPLE = re.compile(r"(?P<split>[^/]+)/(?P<index>\d+)(\.\w+)?")
_ENDINGS = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"GI": ".gif", b"BM": ".bmp"}


@dataclass(frozen=True)
class _DataSet:
    """A prepared data set: its builder, and the names of its features."""

    builder: Any
    image: str
    label: str
    names: tuple[str, ...]

    @property
    def splits(self) -> dict[str, str]:
        """The split that is each part, in the order of parts."""
        parts = {part_named(x): x for x in self.builder.info.splits}
        return {x: parts[x] for x in (TRAIN, VAL, TEST) if x in parts}

    def place(self, sample: Sample) -> tuple[int, ...]:
        """The number of a sample's part, and where it stands in that."""
        place = _SAMPLE.fullmatch(sample.name)
        splits = list(self.splits.values())
        if place is None or place["split"] not in splits:
            return (len(splits),)
        return splits.index(place["split"]), int(place["index"])

    def examples(self, split: str) -> Iterator[tuple[bytes, int]]:
        """The encoded images of `split` and the numbers of their classes."""
        import tensorflow_datasets as tfds

        decoders = tfds.decode.PartialDecoding(
            {self.image: True, self.label: True},
            decoders={self.image: tfds.decode.SkipDecoding()},
        )
        # In the order in which they were written, every time.
        how = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        found = self.builder.as_dataset(
            split=split, decoders=decoders, shuffle_files=False, read_config=how
        )
        for x in found.as_numpy_iterator():
            yield bytes(x[self.image]), int(x[self.label])


class _Reader:
    """Reads samples of a data set onwards; from its start again for one before."""

    def __init__(self, data: _DataSet) -> None:
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
            found = _result(lambda: self._read(place["split"], int(place["index"])))
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
    data = _data_set(name)
    location = f"tfds:{name}"
    listed = _tried(lambda: list(_listed(data)))
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
        place=data.place,
    )


def recorded_tfds(
    name: str, classes: tuple[str, ...], samples: tuple[Sample, ...]
) -> ListedImages:
    """The `samples` of the data set `name` that an earlier look has listed.

    Raises:
        DatasetError: as `open_tfds`.
    """
    data = _data_set(name)
    return ListedImages(
        root=Path(f"tfds:{name}"),
        location=f"tfds:{name}",
        classes=classes,
        parts=tuple(dict.fromkeys(x.part for x in samples)),
        samples=samples,
        reader=_Reader(data).read,
        place=data.place,
    )


def _listed(data: _DataSet) -> Iterator[Sample]:
    for part, split in data.splits.items():
        for i, (image, label) in enumerate(data.examples(split)):
            yield Sample(f"{split}/{i:06}{_ENDINGS.get(image[:2], '')}", label, part)


def _notes(data: _DataSet, unlabeled: int) -> tuple[str, ...]:
    others = [x for x in data.builder.info.splits if x not in data.splits.values()]
    notes = [f"split {x!r} is no part" for x in others]
    if unlabeled:
        notes.append(f"{unlabeled} example(s) without a label")
    return tuple(notes)


def _data_set(name: str) -> _DataSet:
    """The prepared data set.

    Raises:
        DatasetError: as `open_tfds`.
    """
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"tfds:{name} is no name of a data set; it is as in tfds:beans, "
            f"tfds:name/config or tfds:name:1.0.0"
        )
    start_tensorflow()
    folder = os.environ.get("TFDS_DATA_DIR") or None
    builder = _tried(lambda: _builder(name, folder))
    if isinstance(builder, ImportError):
        raise DatasetError(
            f"tfds:{name} needs TensorFlow Datasets ({first_line(builder)}): "
            f"pip install 'alexnet[tfds]'"
        ) from builder
    if isinstance(builder, Exception):
        raise DatasetError(f"tfds:{name}: {first_line(builder)}") from builder
    data = _with_features(name, builder)
    if not builder.is_prepared():
        _prepare(name, builder)
    if not data.splits:
        raise DatasetError(f"tfds:{name} has no split train, validation or test")
    return data


def _builder(name: str, folder: str | None) -> Any:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    return tfds.builder(name, data_dir=folder)


def _with_features(name: str, builder: Any) -> _DataSet:
    """The data set, if each example is one image and its class.

    Raises:
        DatasetError: it is not so.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    found = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    images = [k for k, x in found.items() if type(x) is tfds.features.Image]
    labels = [k for k, x in found.items() if type(x) is tfds.features.ClassLabel]
    images = ["image"] if "image" in images else images
    labels = ["label"] if "label" in labels else labels
    if len(images) != 1 or len(labels) != 1:
        raise DatasetError(
            f"tfds:{name} is not a data set of one image and one class for each example; "
            f"it has {', '.join(sorted(found)) or 'other features'}"
        )
    if np.dtype(found[images[0]].np_dtype).kind != "u":
        raise DatasetError(f"tfds:{name} has images of numbers with fractions")
    return _DataSet(builder, images[0], labels[0], tuple(found[labels[0]].names))


def _prepare(name: str, builder: Any) -> None:
    """Fetch the data set and write it into its folder.

    Raises:
        DatasetError: there is no network, or it could not be fetched or prepared.
    """
    folder = builder.data_path
    what_to_do = (
        f"prepare it with `tfds build {name}`, or set TFDS_DATA_DIR to where it is prepared"
    )
    if not _has_network():
        raise DatasetError(
            f"tfds:{name} is not in {folder}, and there is no network to fetch it; "
            f"where there is, {what_to_do}"
        )
    failure = _tried(builder.download_and_prepare)
    if isinstance(failure, Exception):
        raise DatasetError(
            f"tfds:{name} could not be fetched ({first_line(failure)}); {what_to_do}"
        ) from failure


def _has_network() -> bool:
    """Whether a download may succeed. TFDS itself would try for minutes, and say little."""
    if urllib.request.getproxies():
        return True
    try:
        socket.getaddrinfo(HOST, 443)
    except OSError:
        return False
    return True


def _tried(work: Callable[[], R]) -> R | Exception:
    """What `work` returns or raises, without what it writes to the terminal."""
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        return _result(work)


def _result(work: Callable[[], R]) -> R | Exception:
    """What `work` returns, or what of it fails in TFDS, in TensorFlow or in a file."""
    import tensorflow as tf

    failures = (
        OSError, ValueError, RuntimeError, ImportError, LookupError, TypeError,
        AssertionError, AttributeError, tf.errors.OpError,
    )  # fmt: skip
    try:
        return work()
    except failures as error:
        return error
