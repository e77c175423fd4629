"""train.log: the lines that trainings of a run have printed, each on the disk at once."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ..backend.regular_file import read_regular
from ..errors import one_line
from ..version import __version__
from .digests import TRAIN_LOG
from .files import replacing

_MAX_BYTES = 2**28


class TrainLog:
    """Lines for train.log, which wait until there is a folder to write it into.

    An error ends the writing, not the training.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        """`warn` gets a line if nothing more can be written."""
        self.warn, self.waiting = warn, list[str]()
        self.file: TextIO | None = None
        self.broken = False

    def write(self, line: str) -> None:
        """Append a line, which a kill of this process does not undo."""
        if self.broken:
            return
        if self.file is None:
            self.waiting.append(line)
            return
        try:
            self.file.write(f"{one_line(line)}\n")
            self.file.flush()
        except OSError as error:
            self._break(error)

    def open(self, folder: Path, command: str) -> None:
        """Append to train.log in `folder`, which is made: first what `command` this is."""
        path = folder / TRAIN_LOG
        now = datetime.now(UTC).isoformat(" ", timespec="seconds")
        try:
            before = read_regular(path, _MAX_BYTES) if os.path.lexists(path) else b""
            # A new file: another name of the old one keeps its content. A kill may have
            # cut off its last line.
            with replacing(path) as part:
                part.write_bytes(before + b"\n" * bool(before and before[-1:] != b"\n"))
            self.file = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            self._break(error)
            return
        lines, self.waiting = self.waiting, []
        for line in (f"--- {now}: {command}, alexnet {__version__}", *lines):
            self.write(line)

    def close(self) -> None:
        """Close the file, before its folder gets another name."""
        file, self.file = self.file, None
        try:
            if file is not None:
                file.close()
        except OSError as error:
            self._break(error)

    def _break(self, error: OSError) -> None:
        self.file, self.broken = None, True
        self.warn(f"warning: nothing more in {TRAIN_LOG}: {error.strerror or error}")
