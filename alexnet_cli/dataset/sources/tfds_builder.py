"""A data set of TensorFlow Datasets: found, checked, prepared, read; all of it silent."""

import contextlib
import io
import os
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ...backend.startup import quiet, start_tensorflow
from ...errors import DatasetError, first_line
from ..layout.part_names import part_named
from ..split import TEST, TRAIN, VAL

R = TypeVar("R")
HOST = "storage.googleapis.com"
"""From where most data sets and what is known of them come."""
_NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\d*][\w.*]*)?", re.ASCII)


@dataclass(frozen=True)
class DataSet:
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


def open_data_set(name: str) -> DataSet:
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
    builder = silently(lambda: _builder(name, folder))
    if isinstance(builder, ImportError):
        raise DatasetError(
            f"tfds:{name} needs TensorFlow Datasets ({first_line(builder)}): "
            f"pip install 'alexnet[tfds]'"
        ) from builder
    if isinstance(builder, Exception):
        raise DatasetError(f"tfds:{name}: {first_line(builder)}") from builder
    data = _with_features(name, builder)
    if silently(builder.is_prepared) is not True:
        _prepare(name, builder)
    if not data.splits:
        raise DatasetError(f"tfds:{name} has no split train, validation or test")
    return data


def _builder(name: str, folder: str | None) -> Any:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    return tfds.builder(name, data_dir=folder)


def _with_features(name: str, builder: Any) -> DataSet:
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
    return DataSet(builder, images[0], labels[0], tuple(found[labels[0]].names))


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
    failure = silently(builder.download_and_prepare)
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


def silently(work: Callable[[], R]) -> R | Exception:
    """What `work` returns or raises, without what it writes to the terminal."""
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        return tried(work)


def tried(work: Callable[[], R]) -> R | Exception:
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
