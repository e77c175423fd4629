"""What the files of a folder were found to be: only those that change are read again.

A database in the user's cache, one for each folder; never in the data folder. A file is
what it was if its size and its time are those that it had.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL

from ..errors import ImageError
from ..preprocess import MAX_PIXELS, Preprocess
from ..version import __version__
from .decoding import DecodedImage, decoded_image
from .download import cache_folder
from .near_duplicates.fingerprint import PRINT
from .parallel import parallel_map
from .sources.source import Sample, Source, readers
from .unused_databases import mark_used, remove_damaged, remove_unused

SETTLED = 2_000_000_000
"""Nanoseconds that a file must have been left alone for: clocks of disks are coarse."""
_BATCH, _FEW, _VIEW = 2000, 32, PRINT[1] * PRINT[2]
_Row = tuple[Any, ...]
"""As _TABLE has it."""
_TABLE = """
CREATE TABLE IF NOT EXISTS images (
  name BLOB UNIQUE, size INTEGER, time INTEGER, reason BLOB, digest BLOB, print BLOB,
  width INTEGER, height INTEGER, format TEXT, gray INTEGER, turned INTEGER, dim INTEGER
)
"""
_SELECT = "SELECT * FROM images WHERE name = ? AND size = ? AND time = ?"
_INSERT = f"INSERT OR REPLACE INTO images VALUES ({', '.join('?' * 12)})"


def known_images_folder() -> Path:
    """Where the databases are; what is removed there is found again."""
    return cache_folder() / "images"


class Stamp(NamedTuple):
    """What changes when a file is written to."""

    size: int
    time: int
    """Nanoseconds."""


@dataclass(frozen=True)
class _Found:
    """What became of one image."""

    result: DecodedImage | ImageError
    name: str = ""
    stamp: Stamp | None = None
    """None where nothing is to be kept: it is known already, or could not be read."""
    is_known: bool = False


class KnownImages:
    """What is known of the files below a folder; nothing where no cache can be written."""

    def __init__(self, root: Path, how: str) -> None:
        """Open or make the database of `root`, for images that are looked at in one way."""
        key = os.fsencode(os.path.realpath(root)) + how.encode()
        name = hashlib.sha256(key).hexdigest()
        self._file = known_images_folder() / f"{name[:32]}.sqlite"
        self._open: sqlite3.Connection | None = None
        for _ in range(2):
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._open = sqlite3.connect(self._file, timeout=1)
                # Rows of 2 KB waste less of large pages.
                self._open.execute("PRAGMA page_size = 32768")
                # What is lost when the system stops is found again.
                self._open.execute("PRAGMA synchronous = OFF")
                self._open.execute(_TABLE)
                mark_used(self._file)
                remove_unused(self._file.parent, time.time())
                return
            except (sqlite3.OperationalError, OSError):
                break
            except sqlite3.DatabaseError as error:
                self._give_up(error)
        self.close()

    def get(self, name: str, stamp: Stamp) -> DecodedImage | ImageError | None:
        """What the file `name` was found to be, if it is as it was then."""
        if self._open is None:
            return None
        try:
            with suppress(ValueError, TypeError):
                row = self._open.execute(_SELECT, (os.fsencode(name), *stamp)).fetchone()
                return _result(row) if row else None
        except sqlite3.DatabaseError as error:
            # Not once for each image: another process may hold it for long.
            self._give_up(error)
        return None

    def keep(self, found: list[_Found]) -> None:
        """Note what was found; nothing if the disk is full or another process writes."""
        rows = [_row(x.name, x.stamp, x.result) for x in found if x.stamp]
        if self._open is not None:
            try:
                # Where there is no room, the next images may find some.
                with suppress(sqlite3.OperationalError), self._open:
                    self._open.executemany(_INSERT, rows)
            except sqlite3.DatabaseError as error:
                self._give_up(error)

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """Close the database; remove it if it is damaged, so that a new one is made."""
        self.close()
        remove_damaged(self._file, error)

    def close(self) -> None:
        """Close the database."""
        if self._open is not None:
            self._open.close()
            self._open = None


def examined(
    source: Source,
    samples: Sequence[Sample],
    preprocess: Preprocess | None = None,
    max_pixels: int = MAX_PIXELS,
    *,
    not_read: Callable[[int], object] = lambda count: None,
) -> Iterator[DecodedImage | ImageError]:
    """Each of `samples` without its pixels, or what is wrong with it, in order.

    Not read, and counted by `not_read`, are files that were looked at before in the same
    way and have not changed.
    """
    if preprocess:
        preprocess = replace(preprocess, mean=None, std=(1.0, 1.0, 1.0), input_size=1)
    how = f"{__version__} {PIL.__version__} {preprocess} {max_pixels}"
    with closing(KnownImages(source.root, how)) as known:
        items = _items(source, samples, known)
        found: list[_Found] = []
        look = _looker(preprocess, max_pixels)
        try:
            with closing(parallel_map(look, _several(items))) as looked_at:
                for several in looked_at:
                    found += several
                    not_read(sum(x.is_known for x in several))
                    if len(found) >= _BATCH:
                        known.keep(found)
                        found.clear()
                    yield from (x.result for x in several)
        finally:
            known.keep(found)


_Item = tuple[str, Callable[[], bytes], Stamp | None, DecodedImage | ImageError | None]


def _items(
    source: Source, samples: Sequence[Sample], known: KnownImages
) -> Iterator[_Item]:
    """For each image its name, what reads it, its stamp, and what is known of it.

    In the caller's thread, which the database belongs to.
    """
    reading = readers(samples, source.read, sequential=source.sequential)
    for sample, read in zip(samples, reading, strict=True):
        stamp = _stamp(source.root, sample)
        yield sample.name, read, stamp, stamp and known.get(sample.name, stamp)


def _stamp(root: Path, sample: Sample) -> Stamp | None:
    """That of a file which has not been written to just now."""
    try:
        status = os.stat(f"{root}{os.sep}{sample.name}")  # noqa: PTH116, as Path is slow.
    except (OSError, ValueError):
        return None
    if time.time_ns() - status.st_mtime_ns < SETTLED:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def _several(items: Iterator[_Item]) -> Iterator[list[_Item]]:
    """Lists of a few of `items`: to hand over one may take longer than to look at it."""
    while few := list(islice(items, _FEW)):
        yield few


def _looker(
    preprocess: Preprocess | None, max_pixels: int
) -> Callable[[list[_Item]], list[_Found]]:
    def look(item: _Item) -> _Found:
        name, read, stamp, known = item
        if known is not None:
            return _Found(known, is_known=True)
        try:
            data = read()
        except ImageError as error:
            return _Found(error)
        try:
            image = decoded_image(data, preprocess, max_pixels)
        except ImageError as error:
            return _Found(error, name, stamp)
        return _Found(replace(image, pixels=None), name, stamp)

    return lambda items: [look(x) for x in items]


def _row(name: str, stamp: Stamp | None, found: DecodedImage | ImageError) -> _Row:
    """What is kept of one file."""
    key = (os.fsencode(name), *(stamp or ()))
    if isinstance(found, ImageError):
        return (*key, os.fsencode(str(found)), *[None] * 8)
    print_ = found.fingerprint
    # Most images have no margins, and one view.
    kept = print_[:1] if (print_[0] == print_[1]).all() else print_
    facts = *found.size, found.format, found.gray, found.turned, found.dim
    return (*key, None, bytes.fromhex(found.digest), kept.tobytes(), *facts)


def _result(row: _Row) -> DecodedImage | ImageError:
    """What was kept of one file.

    Raises:
        ValueError, TypeError: the database is damaged.
    """
    reason, digest, prints, width, height, form, gray, turned, dim = row[3:]
    if reason is not None:
        return ImageError(os.fsdecode(reason))
    both = prints if len(prints) > _VIEW else prints + prints
    return DecodedImage(
        pixels=None,
        digest=memoryview(digest).hex(),
        fingerprint=np.frombuffer(both, np.uint8).reshape(PRINT),
        size=(width, height),
        format=form,
        gray=bool(gray),
        turned=bool(turned),
        dim=dim,
    )
