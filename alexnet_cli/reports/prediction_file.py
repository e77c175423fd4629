"""Predictions in a file that grows row by row, and that a later process goes on with."""

import csv
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..backend.file_lock import AlreadyLocked, release, try_lock
from ..backend.whole_file import sync
from ..errors import RunError, printable
from ..run.files import replacing, write_text
from ..run.output_path import followed
from .predictions import csv_header

PARQUET = ".parquet"
SECONDS = 5.0
"""After so long what was predicted is given to the system, and survives a kill."""
_GROUP = 20_000
"""Rows of a group in a Parquet file; so many are in memory at once."""


class Row(NamedTuple):
    """A row of an earlier process: two of its cells."""

    name: str
    error: str


class PredictionFile:
    """The rows of `alexnet predict` on their way into a CSV or Parquet file.

    Until all are there they are CSV, in a hidden file beside it; another one says what they
    are of.
    """

    def __init__(
        self, file: Path, top: int, state: Mapping[str, Any], *, resume: bool
    ) -> None:
        """Begin with rows of `top` classes, or go on; `state` must then be the same.

        Raises:
            RunError: there are rows of an earlier process, and `resume` is not set, or they
                are of another model or of other options; or another process writes some.
            OSError: it cannot be written.
        """
        self.file = followed(file)
        self.header = next(csv.reader([csv_header(top)]))
        self.rows = self.file.with_name(f".{self.file.name}.rows")
        self.note = self.file.with_name(f".{self.file.name}.rows.json")
        self.lock = self.file.with_name(f".{self.file.name}.rows.lock")
        self._lock = self._locked()
        try:
            self._begin(json.loads(json.dumps(state)), resume=resume)
            self._out = self.rows.open(
                "a", encoding="utf-8", errors="surrogateescape", newline=""
            )
            if not self.rows.stat().st_size:
                self._out.write(f"{csv_header(top)}\n")
                self._out.flush()
        except BaseException:
            release(self._lock, self.lock)
            raise
        self._saved = time.monotonic()

    def _locked(self) -> IO[str] | None:
        """Keep other processes from writing rows of this file.

        Raises:
            RunError: one does already, or nothing can be written there.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            return try_lock(self.lock)
        except AlreadyLocked as error:
            raise RunError(
                f"{printable(self.file)}: another process is writing predictions there; "
                f"wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise RunError(
                f"{printable(self.file)} cannot be written: {error.strerror}"
            ) from error

    def _begin(self, state: Mapping[str, Any], *, resume: bool) -> None:
        """Note what rows are to be of, or remove a torn one from those that are there.

        Raises:
            RunError: they are not to be gone on with, or are of something else.
            OSError: they cannot be written.
        """
        self.goes_on = self.rows.exists()
        if not self.goes_on:
            write_text(self.note, json.dumps(state))
            return
        if not resume:
            raise RunError(
                f"{printable(self.file)}: an earlier prediction of it did not end; "
                f"--resume goes on with it, or remove {printable(self.rows)}"
            )
        self._require(state)
        os.truncate(self.rows, _whole(self.rows))

    def kept(self) -> Iterator[Row]:
        """The rows that an earlier process has written, in order.

        Raises:
            RunError: they are damaged.
        """
        if self.goes_on:
            yield from (Row(*x[:2]) for x in self._cells())

    def add(self, line: str) -> None:
        """Append the row of an image, as CSV without its end.

        Raises:
            OSError: the disk is full.
        """
        self._out.write(f"{line}\n")
        if time.monotonic() - self._saved > SECONDS:
            self._out.flush()
            self._saved = time.monotonic()

    def close(self) -> None:
        """Close the file, which is gone on with later."""
        try:
            self._out.close()
        finally:
            release(self._lock, self.lock)

    def finish(self) -> None:
        """Give the file its name, as all rows are there.

        Raises:
            OSError: the disk is full.
            RunError: the rows are damaged.
        """
        self._out.close()
        if self.file.suffix.lower() == PARQUET:
            with replacing(self.file) as part:
                self._write_parquet(part)
            self.rows.unlink()
        else:
            sync(self.rows)
            self.rows.replace(self.file)
        self.note.unlink(missing_ok=True)

    def _require(self, state: Mapping[str, Any]) -> None:
        """Check that rows are of what `state` says.

        Raises:
            RunError: they are not.
        """
        before: Any = None
        with suppress(OSError, ValueError):
            before = json.loads(self.note.read_bytes())
        if not isinstance(before, dict):
            raise RunError(f"{printable(self.note)} is damaged; remove it and the rows")
        if others := [x for x in state if before.get(x) != state[x]]:
            raise RunError(
                f"{printable(self.file)} was begun with another {' and '.join(others)}; "
                f"use the same, or remove {printable(self.rows)}"
            )

    def _cells(self) -> Iterator[list[str]]:
        """The rows below the header.

        Raises:
            RunError: they are damaged.
        """
        with self.rows.open(encoding="utf-8", errors="surrogateescape", newline="") as text:
            lines = csv.reader(text, strict=True)
            try:
                if next(lines, []) != self.header:
                    raise csv.Error("its columns are others")
                for row in lines:
                    if len(row) != len(self.header):
                        raise csv.Error(f"line {lines.line_num} lacks columns")
                    yield row
            except csv.Error as error:
                raise RunError(f"{printable(self.rows)} is damaged: {error}") from error

    def _write_parquet(self, part: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        kinds = {"probability": pyarrow.float64(), "rejected": pyarrow.bool_()}
        schema = pyarrow.schema(
            (x, kinds.get(x.partition("_")[0], pyarrow.string())) for x in self.header
        )
        rows = self._cells()
        with pyarrow.parquet.ParquetWriter(part, schema) as out:
            while group := list(islice(rows, _GROUP)):
                columns = zip(*group, strict=True)
                values = [
                    [_value(x, str(field.type)) for x in column]
                    for field, column in zip(schema, columns, strict=True)
                ]
                out.write_table(pyarrow.table(values, schema=schema))


def _value(cell: str, kind: str) -> str | float | bool | None:
    """A cell as a Parquet file has it; what is empty and no text is null."""
    if kind == "string":
        # Parquet's text is UTF-8; bytes of names that are not are escaped.
        return cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if not cell:
        return None
    return cell == "true" if kind == "bool" else float(cell)


def _whole(rows: Path) -> int:
    """The bytes up to the end of the last row that is whole.

    A line end within quotes ends no row.
    """
    end = position = quotes = 0
    with rows.open("rb") as opened:
        for line in opened:
            position += len(line)
            quotes += line.count(b'"')
            if line.endswith(b"\n") and not quotes % 2:
                end = position
    return end
