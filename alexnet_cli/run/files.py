"""Files that appear whole or not at all, and CSV with names of any bytes."""

import csv
import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..errors import RunError, printable


def write_text(file: Path, text: str) -> None:
    """Write `text` beside `file`, then rename: readers see all of it or the old one."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(text, "utf-8", errors="surrogateescape")
    beside.replace(file)


def write_page(file: Path, text: str) -> None:
    """Write `text` as `write_text` does; its folder is made if it does not exist."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, text)


def write_csv(file: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a CSV whole or not at all; names that are no UTF-8 keep their bytes."""
    beside = file.with_name(f".{file.name}.part")
    with beside.open("w", encoding="utf-8", errors="surrogateescape", newline="") as x:
        x.writelines(f"{csv_line(row)}\n" for row in (header, *rows))
    beside.replace(file)


def csv_line(cells: Sequence[Any]) -> str:
    """`cells` as CSV; quoted where they hold commas, quotes or ends of line."""
    out = io.StringIO()
    # Only what stands in the terminator is quoted, and names hold either of its characters.
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def read_csv(file: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a CSV that has `columns`.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as x:
            rows = list(csv.DictReader(x))
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    except csv.Error as error:
        raise RunError(f"{printable(file)} is damaged: {error}") from error
    for row in rows:
        if None in row.values() or not set(columns) <= set(row):
            raise RunError(f"{printable(file)} is damaged: a row lacks a column")
    return rows
