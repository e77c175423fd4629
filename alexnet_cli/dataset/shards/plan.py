"""What `alexnet prepare` is to write, cut into shards, and what of it is there already."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct, convert, to_builtins

from ...arrays import Fingerprints
from ...backend.whole_file import written_whole
from ...errors import DatasetError, printable
from ...preprocess import Preprocess
from ..near_duplicates.fingerprint import PRINT
from ..sources.kinds import UNFINISHED
from ..sources.source import Sample, Source
from .index import INDEX, Kept, read_index
from .store import LocalStore, file_digest
from .table import Row

PLAN, MOST_SHARDS = "plan", 10**6


@dataclass(frozen=True)
class PrepareOptions:
    """How shards are written."""

    out: Path
    preprocess: Preprocess
    encoding: str = "jpeg"
    quality: int = 95
    """Of JPEG, 1 to 100."""
    images_per_shard: int = 2000
    group_near: bool = True
    """Look for near-identical images."""


class Finished(Struct):
    """The record of a shard that is written."""

    bytes: int
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    stamp: str
    """Of the files that it was made of; see `stamp_of`."""
    rows: list[Row]
    """Of all its images, also the bad ones."""


class Plan:
    """The shards of a data set: which images are in which, and where all is written."""

    def __init__(self, source: Source, options: PrepareOptions) -> None:
        """Cut the images of `source`, in their order.

        Raises:
            DatasetError: there are too many shards.
        """
        self.source, self.options = source, options
        self.out, self.work = options.out, options.out / UNFINISHED
        samples, each = source.samples, options.images_per_shard
        self.chunks = [samples[i : i + each] for i in range(0, len(samples), each)]
        if len(self.chunks) > MOST_SHARDS:
            raise DatasetError(
                f"--images-per-shard {each} makes {len(self.chunks):,} shards, more than "
                f"{MOST_SHARDS:,}; use a larger number"
            )
        self.digest = _digest(source, options)

    def tar(self, shard: int) -> Path:
        """The file of a shard."""
        return self.out / f"{shard:06}.tar"

    def record(self, shard: int) -> Path:
        """The record of a shard that is written."""
        return self.work / f"{shard:06}.json"

    def is_complete(self) -> bool:
        """Whether all of it is written, and nothing else.

        Raises:
            DatasetError: there are other shards, or other files, or images have changed.
        """
        if (self.out / INDEX).is_file():
            found = read_index(LocalStore(self.out))
            if found.plan != self.digest:
                raise self._others()
            stamps = map(self.stamp_of, range(len(self.chunks)))
            if found.stamp is not None and found.stamp != hashed(stamps):
                raise DatasetError(
                    f"--out {printable(self.out)} was made when images of "
                    f"{printable(self.source.location)} had other sizes or times; choose "
                    f"another folder, or remove it"
                )
            return True
        if self.out.is_dir() and any(self.out.iterdir()) and not self.work.is_dir():
            raise DatasetError(
                f"--out {printable(self.out)} is not empty; choose another folder"
            )
        return False

    def begin(self) -> None:
        """Make the folders and note what is to be written, if that is not begun already.

        Raises:
            DatasetError: another data set, or other options, were begun there.
            OSError: it cannot be written.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        note = self.work / PLAN
        if note.exists():
            if note.read_text("utf-8") != self.digest:
                raise self._others()
            return
        put(note, self.digest.encode())

    def keep(self, shard: int, record: Finished, prints: Fingerprints) -> None:
        """Note that a shard is written, with the fingerprints of its images.

        Raises:
            OSError: they cannot be written.
        """
        put(self.work / f"{shard:06}.prints", prints.tobytes())
        put(self.record(shard), json.dumps(to_builtins(record)).encode())

    def finished(self, shard: int) -> Finished:
        """The record of a shard that is written.

        Raises:
            OSError, ValueError: there is none, or it is damaged.
        """
        return convert(json.loads(self.record(shard).read_bytes()), Finished)

    def read_prints(self, shard: int) -> Fingerprints:
        """uint8 [n, 2, 32, 32] of a shard that is written.

        Raises:
            OSError, ValueError: there are none, or other ones.
        """
        data = (self.work / f"{shard:06}.prints").read_bytes()
        return np.frombuffer(data, np.uint8).reshape(len(self.chunks[shard]), *PRINT)

    def is_finished(self, shard: int) -> bool:
        """Whether a shard is written and whole, and its images are as they were then."""
        tar = self.tar(shard)
        try:
            found, _ = self.finished(shard), self.read_prints(shard)
            whole = tar.stat().st_size == found.bytes and file_digest(tar) == found.sha256
        except (OSError, ValueError):
            return False
        same = found.stamp == self.stamp_of(shard)
        return whole and same and len(found.rows) == len(self.chunks[shard])

    def stamp_of(self, shard: int) -> str:
        """What changes when a file that the shard is made of is written to."""
        root = self.source.root
        files = (root / x.name for x in self.chunks[shard]) if root.is_dir() else (root,)
        return hashed(_size_and_time(x) for x in files)

    def _others(self) -> DatasetError:
        return DatasetError(
            f"--out {printable(self.out)} has shards of other images or with other "
            f"options; choose another folder, or remove it"
        )


def put(file: Path, data: bytes) -> None:
    """Write `file` whole or not at all, for good.

    Raises:
        OSError: it cannot be written.
    """
    with written_whole(file) as part:
        part.write_bytes(data)


def _digest(source: Source, options: PrepareOptions) -> str:
    """What is the same only for the same images by name, and the same options."""
    how = (
        str(Kept.of(options.preprocess)),
        options.encoding,
        options.quality if options.encoding == "jpeg" else 0,
        options.images_per_shard,
        options.group_near,
        source.classes,
    )
    return hashed((repr(how), *(_line(x) for x in source.samples)))


def _line(sample: Sample) -> str:
    return f"{sample.part}/{sample.label}/{sample.name}"


def hashed(lines: Iterable[str]) -> str:
    """One digest of all `lines`."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _size_and_time(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"
