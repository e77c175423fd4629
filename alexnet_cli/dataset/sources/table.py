"""Rows of a CSV, TSV or JSON Lines file, whoever saved it: Excel, pandas, a shell."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from ...backend.regular_file import open_regular
from ...errors import DatasetError, first_line, printable
from .kinds import OBJECTS, SPACED, TABS

MOST_BYTES = 2**30
DELIMITERS = "\t,;|"
_HEAD = 4096
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
"""The first line by which Excel is told the delimiter."""


@dataclass(frozen=True)
class Row:
    """One row of a table, and where it is."""

    line: int
    """Of the file, from 1; the last one of a row of several."""
    cells: Sequence[Any]
    """Texts; of JSON Lines any values."""


@dataclass(frozen=True)
class Table:
    """A table whose rows are read as they are asked for."""

    first: Row
    """A header, or the first row where there is none; of JSON Lines the keys."""
    rows: Iterator[Row]
    """Those after it."""
    keyed: bool = False
    """The first row is a header in any case."""


@contextmanager
def open_table(file: Path) -> Iterator[Table]:
    """The table in `file`, open for the block.

    Raises:
        DatasetError: it cannot be read, is empty, or is no text in UTF-8 or UTF-16; the
            block too, where a row is not as it should be.
    """
    name = printable(file)
    try:
        with open_regular(file) as opened:
            encoding = _encoding(opened, name)
            # What is not UTF-8 may be the bytes of a file's name.
            errors = "strict" if encoding == "utf-16" else "surrogateescape"
            with io.TextIOWrapper(opened, encoding, errors, newline="") as text:
                yield _table(text, file.suffix.lower(), name)
    except OSError as error:
        raise DatasetError(f"{name}: {first_line(error)}") from error
    except UnicodeError as error:
        raise DatasetError(f"{name} is damaged UTF-16 text; save it as UTF-8") from error


def _encoding(opened: BufferedReader, name: str) -> str:
    if opened.seek(0, io.SEEK_END) > MOST_BYTES:
        raise DatasetError(f"{name} is larger than {MOST_BYTES >> 20} MiB")
    opened.seek(0)
    head = opened.read(_HEAD)
    opened.seek(0)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0\0" not in head:
        return "utf-16"
    if b"\0" in head:
        raise DatasetError(
            f"{name} has zero bytes: it is no text, or UTF-16 or UTF-32 without a mark of "
            f"it; save it as UTF-8"
        )
    return "utf-8-sig"


def _table(text: TextIO, suffix: str, name: str) -> Table:
    before = 0
    for line in text:
        if line.strip("\ufeff\r\n\t ,;"):
            break
        before += 1
    else:
        raise DatasetError(f"{name} is empty")
    if suffix in OBJECTS:
        return _objects(chain([line], text), before, name)
    if separator := _SEPARATOR.fullmatch(line):
        rows = _cells(text, before + 1, separator[1], name)
    elif delimiter := _delimiter(line, suffix):
        rows = _cells(chain([line], text), before, delimiter, name)
    else:
        rows = _words(chain([line], text), before)
    first = next(rows, None)
    if first is None:
        raise DatasetError(f"{name} is empty")
    return Table(first, rows)


def _delimiter(line: str, suffix: str) -> str:
    """What separates the cells of the first `line`; empty if spaces do."""
    if suffix in TABS:
        return "\t"
    # Not csv's Sniffer, which takes letters of file names for delimiters.
    outside = re.sub(r'"[^"]*"', "", line)
    counts = {x: outside.count(x) for x in DELIMITERS}
    # A header of several columns has as many; a name may hold a comma or a semicolon.
    best = max(counts, key=lambda x: counts[x])
    if not counts[best]:
        return "" if suffix in SPACED else ","
    return best


def _cells(lines: Iterator[str], before: int, delimiter: str, name: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DatasetError(
                f"{name}, line {before + reader.line_num}: {first_line(error)}; are all "
                f"quotes closed, and doubled within a name?"
            ) from error
        cells = [x.strip() for x in cells]
        if any(cells):
            yield Row(before + reader.line_num, cells)


def _words(lines: Iterator[str], before: int) -> Iterator[Row]:
    """The last word of each line, and what is before it."""
    for number, line in enumerate(lines, before + 1):
        if line.strip():
            yield Row(number, line.strip().rsplit(None, 1))


def _objects(lines: Iterator[str], before: int, name: str) -> Table:
    found = _each_object(lines, before, name)
    number, first = next(found)
    keys = list(first)

    def rows() -> Iterator[Row]:
        for line, x in chain([(number, first)], found):
            yield Row(line, [x.get(key) for key in keys])

    return Table(Row(number, keys), rows(), keyed=True)


def _each_object(
    lines: Iterator[str], before: int, name: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        if line.lstrip().startswith("["):
            raise DatasetError(f"{where}: an array; write one JSON object per line")
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{where}: no JSON object: {error.msg}") from error
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{where}: no JSON object: {first_line(error)}") from error
        if not isinstance(found, dict):
            raise DatasetError(f"{where}: no JSON object, but {line.strip()[:50]!r}")
        yield number, found
