"""Files that appear whole or not at all, for good; CSV with names of any bytes."""

import csv
import errno
import io
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..backend.regular_file import read_regular
from ..backend.whole_file import PART, written_whole
from ..errors import RunError, printable
from .output_path import copy_to_stream, followed, is_stream

_MAX_CSV = 2**30
"""Ten times the split of ImageNet."""


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` when the block succeeds.

    Until then readers see the old file or none; after an error it is as it was. A crash of
    the system afterwards does not undo it. Where a link leads to is replaced, not the link;
    the old file's permissions stay, and so do its other names (hard links) with the old
    content. A device or a pipe is given the content when the block succeeds.

    Raises:
        RunError: `file` is a pipe, and who reads it has ended.
        OSError: it cannot be written.
    """
    try:
        if is_stream(file):
            with tempfile.TemporaryDirectory(prefix="alexnet-") as folder:
                part = Path(folder, file.name)
                yield part
                copy_to_stream(part, file)
            return
        target = followed(file)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        with written_whole(target) as part:
            yield part
    except OSError as error:
        # Writing does not say what it writes to; of the part nobody knows.
        is_part = error.filename is None or PART in str(error.filename)
        if is_part and error.errno is not None:
            error.filename = str(file)
        raise


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where there are no hard links."""
    with replacing(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def write_text(file: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; names in other bytes keep them."""
    with replacing(file) as part:
        part.write_text(text, "utf-8", errors="surrogateescape")


def write_page(file: Path, text: str) -> None:
    """Write `text` as `write_text` does; its folder is made if it does not exist."""
    make_folder_of(file)
    write_text(file, text)


def make_folder_of(file: Path) -> None:
    """Make the folder that `file` is in, or that it leads into, if it does not exist."""
    followed(file).parent.mkdir(parents=True, exist_ok=True)


_FORMULA = re.compile("(^|[;\\t\\r\\n])(?=[=+@\\t\\r\\n\\uff1d\\uff0b\\uff0d\\uff20-])")
"""Where a spreadsheet, whose separator may be another, would see a formula begin.

Source: OWASP, "CSV Injection".
"""


def write_csv(
    file: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    spreadsheet: bool = False,
) -> None:
    """Write a CSV whole or not at all; names that are not UTF-8 keep their bytes.

    `spreadsheet` is as in `csv_line`; what is read again goes without.
    """
    with (
        replacing(file) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        for row in (header, *rows):
            out.write(f"{csv_line(row, spreadsheet=spreadsheet)}\n")


def csv_line(cells: Sequence[Any], *, spreadsheet: bool = False) -> str:
    """`cells` as one CSV line, without its end; quoted where CSV requires it.

    For a `spreadsheet`, text that it would take for a formula gets a ' in front; numbers
    stay as they are.
    """
    out = io.StringIO()
    if spreadsheet:
        cells = [x if _is_number(x) else _FORMULA.sub(r"\1'", str(x)) for x in cells]
    # The writer quotes line ends only if they are in its terminator; names may hold both.
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n")


def _is_number(cell: Any) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True


def read_csv(file: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a CSV that has `columns`.

    Raises:
        RunError: it cannot be read or is damaged.
    """
    try:
        text = read_regular(file, _MAX_CSV).decode("utf-8", "surrogateescape")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    except csv.Error as error:
        raise RunError(f"{printable(file)} is damaged: {error}") from error
    for row in rows:
        row.pop(None, None)  # What is beyond the columns.
        if None in row.values() or not set(columns) <= set(row):
            raise RunError(f"{printable(file)} is damaged: a row lacks a column")
    return rows
