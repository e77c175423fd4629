"""samples.csv: for each image of a folder of shards where it is, and what it was."""

import csv
import io
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ...arrays import Rows
from ...backend.regular_file import open_regular
from ...errors import DatasetError
from ..images import MAX_BYTES
from ..split import TEST, TRAIN, VAL
from .index import TABLE, Index
from .store import Store, file_digest, unreadable

COLUMNS = (
    "file", "class", "split", "sha256", "group", "reason", "format",
    "shard", "offset", "size", "crc32", "width", "height", "gray", "turned", "dim",
)  # fmt: skip
_WORDS = 7
"""The columns before those of numbers."""
_MOST = 2**53
_HEX = frozenset("0123456789abcdef")


class Row(NamedTuple):
    """One image, in the order of `COLUMNS`."""

    file: str
    """Its name in the data set."""
    label: str
    """Name of its class."""
    part: str
    """train, val or test as the data set has it."""
    sha256: str
    """Of the image in the data set; what is in the shard has only `crc32`."""
    group: str = ""
    """The same for images of equal or almost equal content; empty for a bad one."""
    reason: str = ""
    """Why it cannot be used; empty if it can. Then all that follows is as here."""
    format: str = ""
    shard: int = -1
    """The number of its shard."""
    offset: int = 0
    """Where it is in the tar."""
    size: int = 0
    """Bytes."""
    crc32: int = 0
    width: int = 0
    """Pixels, upright, in the data set."""
    height: int = 0
    gray: int = 0
    turned: int = 0
    dim: int = 0
    """These three as in `DecodedImage`."""

    def words(self) -> tuple[str, ...]:
        """The columns before "shard"; one object for equal words that are many."""
        label, part, form = (sys.intern(x) for x in (self.label, self.part, self.format))
        return self.file, label, part, self.sha256, self.group, self.reason, form

    def numbers(self) -> tuple[int, ...]:
        """The columns from "shard" on."""
        return (
            self.shard, self.offset, self.size, self.crc32,
            self.width, self.height, self.gray, self.turned, self.dim,
        )  # fmt: skip


@dataclass(frozen=True)
class Table:
    """The rows of samples.csv by columns, which take less memory."""

    files: list[str]
    labels: Rows
    """int64 [N], in the classes of the index."""
    parts: list[str]
    digests: list[str]
    groups: list[str]
    formats: list[str]
    reasons: Mapping[int, str]
    """Of bad images, by the number of their row."""
    numbers: Rows
    """int64 [N, 9]: the columns from "shard" on."""

    def place(self, row: int) -> tuple[int, int, int, int]:
        """The shard of an image, its offset there, its size and its CRC-32."""
        shard, offset, size, checksum = self.numbers[row, :4].tolist()
        return shard, offset, size, checksum

    def facts(self, row: int) -> tuple[int, int, int, int, int]:
        """Width, height, gray, turned and dim of an image."""
        width, height, gray, turned, dim = self.numbers[row, 4:].tolist()
        return width, height, gray, turned, dim


def write_table(out: IO[str], rows: Iterable[Row]) -> None:
    """Write samples.csv; names that are not UTF-8 keep their bytes, as `out` does."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)


def read_table(store: Store, index: Index) -> Table:
    """The table of the shards in `store`.

    Raises:
        DatasetError: it is missing, not what `index` says, or names what is not there.
    """
    try:
        size = store.size(TABLE)
        if size != index.samples.bytes:
            raise ValueError(f"it has {size:,} bytes, not {index.samples.bytes:,}")
        file = store.local(TABLE, size)
        if file_digest(file) != index.samples.sha256:
            raise ValueError("its SHA-256 is another one")
        return _table(file, index)
    except OSError as error:
        raise unreadable(store, TABLE, error) from error
    except (csv.Error, ValueError) as error:
        raise DatasetError(f"{store.location}/{TABLE} is damaged: {error}") from error


def _table(file: Path, index: Index) -> Table:
    """The table in `file`.

    Raises:
        ValueError, csv.Error: it is damaged.
    """
    words: list[list[str]] = [[] for _ in range(_WORDS)]
    numbers, reasons = array("q"), {}
    known = {x: i for i, x in enumerate(index.classes)}
    with open_regular(file) as raw:
        text = io.TextIOWrapper(raw, "utf-8", errors="surrogateescape", newline="")
        for i, row in enumerate(_rows(text)):
            _check(row, index, known)
            for column, word in zip(words, row.words(), strict=True):
                column.append(word)
            numbers.extend(row.numbers())
            if row.reason:
                reasons[i] = row.reason
    files, labels, parts, digests, groups, _, formats = words
    if len(files) != index.samples.rows or len(files) - len(reasons) != index.images:
        raise ValueError(f"it has {len(files)} rows, {len(reasons)} of them bad images")
    return Table(
        files,
        np.array([known[x] for x in labels], np.int64),
        parts,
        digests,
        groups,
        formats,
        reasons,
        np.array(numbers, np.int64).reshape(-1, len(COLUMNS) - _WORDS),
    )


def _rows(text: IO[str]) -> Iterator[Row]:
    """The rows of a table.

    Raises:
        ValueError, csv.Error: it is damaged.
    """
    lines = csv.reader(text, strict=True)
    if tuple(next(lines, ())) != COLUMNS:
        raise ValueError("its columns are others")
    for cells in lines:
        if len(cells) != len(COLUMNS):
            raise ValueError(f"line {lines.line_num} has {len(cells)} columns")
        numbers = [int(x) for x in cells[_WORDS:]]
        if not all(-1 <= x <= _MOST for x in numbers):
            raise ValueError(f"line {lines.line_num} has a number out of range")
        yield Row._make([*cells[:_WORDS], *numbers])


def _check(row: Row, index: Index, classes: Mapping[str, int]) -> None:
    """Check that `row` says nothing that cannot be.

    Raises:
        ValueError: it does.
    """
    wrong = ""
    if row.label not in classes:
        wrong = "its class"
    elif row.part not in (TRAIN, VAL, TEST):
        wrong = "its part"
    elif len(row.sha256) != 64 or not _HEX.issuperset(row.sha256):
        wrong = "its SHA-256"
    elif row.shard >= len(index.shards) or (row.shard < 0) != bool(row.reason):
        wrong = "its shard"
    elif row.shard >= 0 and not _fits(row, index.shards[row.shard].bytes):
        wrong = "where it is in its shard"
    if wrong:
        raise ValueError(f"{row.file[:200]!r} cannot be: {wrong}")


def _fits(row: Row, size: int) -> bool:
    return 0 <= row.offset <= size - row.size and 0 < row.size <= MAX_BYTES
