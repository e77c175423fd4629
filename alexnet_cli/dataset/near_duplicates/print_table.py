"""The fingerprints of many images: in memory, or in a scratch file if they are too many."""

import tempfile
import weakref

import numpy as np

from ...arrays import Fingerprints
from ..scratch_file import scratch_error
from .fingerprint import PRINT

IN_MEMORY = 250_000
"""Images whose fingerprints take 500 MB; of more the file is read, and only if need be."""


class PrintTable:
    """Fingerprints in the order in which they were added."""

    def __init__(self, most: int) -> None:
        """Of at most so many images.

        Raises:
            AlexNetError: there is no temporary folder that can be written to.
        """
        self._count, self._file = 0, None
        if most > IN_MEMORY:
            try:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
            except OSError as error:
                raise scratch_error(error) from error
            weakref.finalize(self, self._file.close)
        # Memory that is not written to is not taken.
        self._rows = np.empty((0 if self._file else most, *PRINT), np.uint8)

    def add(self, one: Fingerprints) -> None:
        """Append the fingerprint uint8 [2, 32, 32] of an image.

        Raises:
            AlexNetError: the disk is full.
        """
        if self._file is None:
            self._rows[self._count] = one
        else:
            try:
                self._file.write(one.tobytes())
            except OSError as error:
                raise scratch_error(error) from error
        self._count += 1

    def all(self) -> Fingerprints:
        """uint8 [N, 2, 32, 32]: what was added; of many images a view of the file.

        Raises:
            AlexNetError: the disk is full.
        """
        if self._file is None or not self._count:
            # An empty file cannot be mapped.
            return self._rows[: self._count]
        try:
            self._file.flush()
            found: Fingerprints = np.memmap(
                self._file, np.uint8, "r", shape=(self._count, *PRINT)
            )
        except OSError as error:
            raise scratch_error(error) from error
        return found
