"""What the rows of a manifest say: an image, its class, its part; the odd ones noted."""

import math
import sys
import unicodedata
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ...errors import DatasetError, printable
from ..class_names import quoted
from ..split import TRAIN
from .columns import READ, Columns, choose_columns
from .listed_files import ListedFiles
from .table import Row, Table


@dataclass
class Rows:
    """What the rows of a manifest say, in their order."""

    files: ListedFiles
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    label_of: dict[str, str] = field(default_factory=dict)
    unlabeled: list[int] = field(default_factory=list)
    """Lines of the rows without a label."""
    repeated: list[int] = field(default_factory=list)
    """Lines of the rows that say again what one before says."""
    contradicting: list[tuple[str, int]] = field(default_factory=list)
    """Files that are listed under two labels, and the line of the second one."""

    def add(self, name: str, label: str, part: str, line: int) -> None:
        """Take over what the row on a `line` says, unless one before has said it."""
        if (name, label, part) in self.seen:
            self.repeated.append(line)
            return
        self.seen.add((name, label, part))
        if self.label_of.setdefault(name, label) != label:
            self.contradicting.append((name, line))
        self.names.append(name)
        self.labels.append(label)
        self.parts.append(part)

    def notes(self) -> list[str]:
        """A line for each kind of row that is not as one would expect."""
        notes = []
        for what, lines in (
            ("without a label; write one to use", self.unlabeled),
            ("that say what a row before says", self.repeated),
        ):
            if lines:
                notes.append(
                    f"left out: {len(lines)} row(s), the first on line {lines[0]}: {what}"
                )
        if self.contradicting:
            name, line = self.contradicting[0]
            notes.append(
                f"{len(self.contradicting)} file(s) stand under two labels and are used "
                f"under both, the first on line {line}: {quoted(name)}"
            )
        outside = sum(x.startswith(("/", "..")) for x in self.names)
        if outside:
            notes.append(f"{outside} file(s) stand outside its folder, and are used")
        for folder, count in self.files.elsewhere.items():
            notes.append(f"{count} file(s) were found in {quoted(f'{folder}/')}")
        return notes


def read_rows(table: Table, files: ListedFiles, location: str) -> tuple[Rows, str]:
    """The rows of a manifest, and a note of its columns or nothing.

    Raises:
        DatasetError: its columns or a row are not clear; `location` begins it.
    """
    second = next(table.rows, None)
    where = f"{location}, line {table.first.line}"
    cells = second.cells if second else ()
    columns = choose_columns(table.first.cells, cells, where, keyed=table.keyed)
    rows = Rows(files)
    first = () if columns.header else (table.first,)
    for row in chain(first, (second,) if second else (), table.rows):
        where = f"{location}, line {row.line}"
        try:
            _add(rows, row, columns)
        except DatasetError as error:
            raise DatasetError(f"{where}: {error}") from error
    if not columns.header and files.problems.get(rows.names[0] if rows.names else ""):
        _require_no_header(table.first, location)
    return rows, columns.note


def _require_no_header(first: Row, location: str) -> None:
    """Refuse a first row that is a header whose words are unknown."""
    text = str(first.cells[0])
    if "." not in text and "/" not in text:
        raise DatasetError(
            f"{location}, line {first.line}: {text!r} is neither a file nor the usual name "
            f"of a column; let the first line be file,label or file,label,split; names of "
            f"columns that are read are {READ}"
        )


def _add(rows: Rows, row: Row, columns: Columns) -> None:
    """Take over what one row says.

    Raises:
        DatasetError: it is not as it should be.
    """
    cells = row.cells
    wanted = max(columns.path, columns.label, columns.split or 0) + 1
    if len(cells) < wanted:
        raise DatasetError(f"{len(cells)} column(s), not {columns.count}; complete the row")
    if any(cells[columns.count :]):
        raise DatasetError(
            f"{len(cells)} columns, not {columns.count}; put a name that holds a delimiter "
            f"in quotes"
        )
    label = _label(cells[columns.label])
    path = cells[columns.path]
    if not isinstance(path, str) or not path.strip():
        raise DatasetError(f"no file is named, but {path!r}")
    part = TRAIN if columns.split is None else columns.part(cells[columns.split])
    if not label:
        rows.unlabeled.append(row.line)
        return
    name = rows.files.find(path.strip(), row.line)
    # Bytes that are not UTF-8 may be those of a file's name, where there is such a file.
    _require_utf8(label, path if name in rows.files.problems else "")
    rows.add(name, label, part, row.line)


def _require_utf8(*texts: str) -> None:
    for text in texts:
        if not text.isascii() and any("\ud800" <= x <= "\udfff" for x in text):
            raise DatasetError(f"{printable(text)} is not UTF-8 text; save it as UTF-8")


def _label(value: Any) -> str:
    """The label that a cell holds, in normal form C; empty if it holds none.

    Raises:
        DatasetError: it holds several, or something else.
    """
    if isinstance(value, list | dict):
        raise DatasetError(f"one image has one label, not {str(value)[:50]!r}")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # Equal labels are one text in memory, of a million rows.
    text = str(value).strip()
    if text.lower() in ("nan", "<na>"):
        return ""
    return sys.intern(text if text.isascii() else unicodedata.normalize("NFC", text))
