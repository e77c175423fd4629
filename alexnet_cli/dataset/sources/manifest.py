"""A manifest: a table that names images, their classes, and perhaps their parts."""

import math
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import DatasetError, printable
from ..split import TEST, TRAIN, VAL
from .class_lists import chosen_classes, is_number, listed_names, require_known
from .columns import Columns, choose_columns
from .layout import part_named
from .listed_files import ListedFiles
from .source import ListedImages, Sample
from .table import Row, Table, open_table


@dataclass
class _Rows:
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
    contradicting: list[str] = field(default_factory=list)
    """Files that are listed under two labels."""

    def add(self, name: str, label: str, part: str, line: int) -> None:
        if (name, label, part) in self.seen:
            self.repeated.append(line)
            return
        self.seen.add((name, label, part))
        if self.label_of.setdefault(name, label) != label:
            self.contradicting.append(name)
        self.names.append(name)
        self.labels.append(label)
        self.parts.append(part)

    def notes(self) -> list[str]:
        """A line for each kind of row that is not as one would expect."""
        notes = []
        for what, lines in (
            ("without a label", self.unlabeled),
            ("said before", self.repeated),
        ):
            if lines:
                notes.append(f"{len(lines)} row(s) {what}, the first on line {lines[0]}")
        if self.contradicting:
            first = printable(self.contradicting[0])
            notes.append(
                f"{len(self.contradicting)} file(s) stand under two labels, kept under "
                f"both: {first}"
            )
        outside = sum(x.startswith(("/", "..")) for x in self.names)
        if outside:
            notes.append(f"{outside} file(s) stand outside its folder, and are used")
        for folder, count in self.files.elsewhere.items():
            notes.append(f"{count} file(s) were found in {printable(folder)}/")
        return notes


def open_manifest(
    file: Path, classes: Sequence[str] = (), *, least: int = 2
) -> ListedImages:
    """The images that the manifest `file` names, paths being relative to its folder.

    With `classes`, only those, in that order. Files that do not exist are found out when
    they are read.

    Raises:
        DatasetError: it cannot be read, its columns or rows are not clear, none of its
            files exists, or there are fewer than `least` classes.
    """
    location = printable(file)
    files = ListedFiles(file.parent)
    with open_table(file) as table:
        rows, column_note = _rows(table, files, location)
    if not rows.names:
        raise DatasetError(f"{location} names no image with a label")
    if all(x in files.problems for x in rows.names):
        raise DatasetError(
            f"{location}: none of its files exists, such as {printable(rows.names[0])!r}; "
            f"paths are relative to {printable(file.parent)}"
        )
    names, list_note = _class_names(rows.labels, file)
    labels = [names.get(x, x) for x in rows.labels]
    trained_on = {
        x for x, part in zip(labels, rows.parts, strict=True) if part == TRAIN or least == 1
    }
    # Names of numbers are in the order of the numbers.
    ordered = tuple(x for x in dict.fromkeys(names.values()) if x in trained_on)
    kept = chosen_classes(
        trained_on or labels, tuple(classes) or ordered, location, least=least
    )
    _check_parts(rows, labels, kept, location, strict=not classes and least > 1)
    index = {x: i for i, x in enumerate(kept)}
    samples = tuple(
        Sample(name, index[label], part)
        for name, label, part in zip(rows.names, labels, rows.parts, strict=True)
        if label in index
    )
    found = {x.part for x in samples}
    return ListedImages(
        root=file.parent,
        location=location,
        classes=kept,
        parts=tuple(x for x in (TRAIN, VAL, TEST) if x in found),
        samples=samples,
        reader=files.read,
        notes=tuple(x for x in (column_note, list_note, *rows.notes(), *_alike(kept)) if x),
    )


def _rows(table: Table, files: ListedFiles, location: str) -> tuple[_Rows, str]:
    second = next(table.rows, None)
    where = f"{location}, line {table.first.line}"
    cells = second.cells if second else ()
    columns = choose_columns(table.first.cells, cells, where, keyed=table.keyed)
    rows = _Rows(files)
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
            f"of a column; let the first line be file,label or file,label,split"
        )


def _add(rows: _Rows, row: Row, columns: Columns) -> None:
    """Take over what one row says.

    Raises:
        DatasetError: it is not as it should be.
    """
    cells = row.cells
    wanted = max(columns.path, columns.label, columns.split or 0) + 1
    if len(cells) < wanted or any(cells[columns.count :]):
        raise DatasetError(
            f"{len(cells)} fields, not {columns.count}; put a name that holds a delimiter "
            f"in quotes"
        )
    label = _label(cells[columns.label])
    path = cells[columns.path]
    if not isinstance(path, str) or not path.strip():
        raise DatasetError(f"no file is named, but {path!r}")
    part = TRAIN
    if columns.split is not None:
        found = part_named(str(cells[columns.split]))
        if found is None:
            raise DatasetError(
                f"part {str(cells[columns.split])!r} is none of train, val and test"
            )
        part = found
    if not label:
        rows.unlabeled.append(row.line)
        return
    name = rows.files.find(path.strip())
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
    return sys.intern(text if text.isascii() else unicodedata.normalize("NFC", text))


def _class_names(labels: Sequence[str], file: Path) -> tuple[dict[str, str], str]:
    """The name of each label where it is not the label itself, and a note of that.

    Raises:
        DatasetError: labels are measurements, or the list of names does not fit.
    """
    distinct = set(labels)
    numbers = {x: _number(x) for x in distinct}
    if all(x is not None for x in numbers.values()):
        whole = {
            x: str(int(n)) for x, n in numbers.items() if n is not None and n == int(n)
        }
        if len(whole) < len(distinct):
            first = min(distinct - set(whole))
            raise DatasetError(
                f"{printable(file)}: labels are numbers with fractions, such as {first}; "
                f"a classifier learns classes, not measurements"
            )
        # pandas writes 1 as 1.0 where a label is missing.
        if all(is_number(x) for x in whole.values()):
            names, note = listed_names(file.parent, whole.values())
            ordered = sorted(whole, key=lambda x: int(whole[x]))
            return {x: names.get(whole[x], whole[x]) for x in ordered}, note
    return {}, ""


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in label else None


def _check_parts(
    rows: _Rows, labels: Sequence[str], kept: Sequence[str], location: str, *, strict: bool
) -> None:
    """Refuse classes that train lacks, unless they were left out on purpose."""
    if not strict:
        return
    if TRAIN not in rows.parts:
        raise DatasetError(f"{location} has no image of the train part")
    require_known(zip(labels, rows.parts, strict=True), kept, location)


def _alike(classes: Sequence[str]) -> list[str]:
    """Notes of classes that differ only in case."""
    first: dict[str, str] = {}
    return [
        f"classes {first[x.casefold()]!r} and {x!r} differ only in case"
        for x in classes
        if first.setdefault(x.casefold(), x) != x
    ]
