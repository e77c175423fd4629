"""shards.json: what a folder of shards holds, and how its images were prepared."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, ValidationError, convert, to_builtins

from ...errors import DatasetError
from ...preprocess import MAX_WHITE_LEVEL, Preprocess
from ..sources.kinds import SHARDS
from .store import Store, unreadable

INDEX, TABLE, PRINTS = SHARDS, "samples.csv", "fingerprints.npy"
MAX_BYTES = 2**26
"""Of shards.json; a hundred thousand shards and as many classes take 20 MB."""

# Bytes that are not UTF-8 are U+DC80 to U+DCFF; other surrogates are no text at all.
_TEXT = r"\A[^\0\ud800-\udc7f\udd00-\udfff]*\Z"
_Text = Annotated[str, Meta(max_length=10_000, pattern=_TEXT)]
_ClassName = Annotated[str, Meta(min_length=1, max_length=1000, pattern=_TEXT)]
_Size = Annotated[int, Meta(ge=0, le=2**50)]
_Count = Annotated[int, Meta(ge=0, le=2**40)]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Parts = Annotated[
    tuple[Literal["train", "val", "test"], ...], Meta(min_length=1, max_length=3)
]


class Shard(Struct, frozen=True):
    """One tar file."""

    file: Annotated[str, Meta(pattern=r"\A[0-9]{6,9}\.tar\Z")]
    """A plain name: no index can lead to another folder."""
    bytes: _Size
    sha256: _Digest
    images: _Count


class SampleTable(Struct, frozen=True):
    """samples.csv."""

    bytes: _Size
    sha256: _Digest
    rows: _Count


class Kept(Struct, frozen=True):
    """How images were brought to the size that is kept."""

    resize: Literal["squash", "crop", "pad"]
    size: Annotated[int, Meta(ge=1, le=4096)]
    max_pixels: Annotated[int, Meta(ge=1, le=2 * 10**9)]
    white_level: Annotated[int, Meta(ge=1, le=MAX_WHITE_LEVEL)] | None = None

    @classmethod
    def of(cls, preprocess: Preprocess) -> "Kept":
        """What of `preprocess` decides which pixels are kept."""
        values = {
            "resize": preprocess.resize_mode,
            "size": preprocess.stored_size,
            "max_pixels": preprocess.max_pixels,
            "white_level": preprocess.white_level,
        }
        return convert(values, cls)

    def __str__(self) -> str:
        """As the options of `alexnet prepare`."""
        level = f" --white-level {self.white_level}" if self.white_level else ""
        return (
            f"--size {self.size} --resize {self.resize} --max-megapixels "
            f"{self.max_pixels / 1e6:g}{level}"
        )


class Near(Struct, frozen=True):
    """How far near-identical images were looked for."""

    compared: _Count = 0
    count: _Count = 0
    """All pairs; 0 where none were looked for."""


class Index(Struct, frozen=True):
    """The content of shards.json."""

    format: Literal[1]
    encoding: Literal["jpeg", "raw"]
    quality: Annotated[int, Meta(ge=1, le=100)] | None
    kept: Kept
    classes: Annotated[tuple[_ClassName, ...], Meta(min_length=1, max_length=100_000)]
    parts: Parts
    samples: SampleTable
    shards: Annotated[tuple[Shard, ...], Meta(max_length=10**6)]
    near: Near
    plan: _Digest
    by_class: bool
    """Whether images are in the order of their parts and classes, as those of folders."""
    data: _Text = ""
    """What was prepared."""
    notes: tuple[_Text, ...] = ()
    """What was left out of it and why, a line each."""
    stamp: _Digest | None = None
    """Of the sizes and times that its files had; not in folders of earlier versions."""

    @property
    def images(self) -> int:
        """Images in all shards."""
        return sum(x.images for x in self.shards)


def to_json(index: Index) -> str:
    """The text of shards.json."""
    return f"{json.dumps(to_builtins(index), indent=1)}\n"


def read_index(store: Store) -> Index:
    """The index of the shards in `store`.

    Raises:
        DatasetError: there is none, or it is damaged.
    """
    try:
        size = store.size(INDEX)
        if size > MAX_BYTES:
            raise _damaged(store, f"is larger than {MAX_BYTES:,} bytes")
        text = store.read(INDEX, 0, size)
        index = _index(store, text)
        sizes = {x.file: x.bytes for x in index.shards}
        store.pin(hashlib.sha256(text).hexdigest(), {**sizes, TABLE: index.samples.bytes})
        return index
    except FileNotFoundError as error:
        raise DatasetError(
            f"{store.location} is not complete; the same `alexnet prepare` goes on with it"
        ) from error
    except OSError as error:
        raise unreadable(store, INDEX, error) from error


def _index(store: Store, text: bytes) -> Index:
    try:
        # Not msgspec's: names that are not UTF-8 are halves of surrogate pairs here.
        found = json.loads(text)
        version = found.get("format") if isinstance(found, Mapping) else None
        if isinstance(version, int) and version > 1:
            raise DatasetError(
                f"{store.location}/{INDEX} was written by a later version; update alexnet"
            )
        return _checked(convert(found, Index))
    except (ValueError, RecursionError, ValidationError) as error:
        said = re.sub(r" matching regex .* - at", " of another form - at", str(error))
        raise _damaged(store, f"is damaged: {said}") from error


def _checked(index: Index) -> Index:
    names: list[Any] = [x.file for x in index.shards]
    for values in (names, index.classes, index.parts):
        if len(set(values)) < len(values):
            raise ValueError("a name is in it twice")
    return index


def _damaged(store: Store, reason: str) -> DatasetError:
    return DatasetError(f"{store.location}/{INDEX} {reason}")
