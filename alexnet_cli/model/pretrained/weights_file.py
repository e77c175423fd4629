"""A file of weights, open: of bounded size, and what is wrong with it in one line."""

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from zipfile import BadZipFile

from ...backend.regular_file import open_regular
from ...errors import WeightsError, printable

MAX_BYTES = 4 * 2**30
"""Larger files are not read; an AlexNet with the state of its optimizer has 0.7 GiB."""

_DAMAGE = (
    BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, MemoryError,
    ValueError, OverflowError,
)  # fmt: skip
"""What zipfile raises for damaged archives, and what memory that is too small raises."""


@contextmanager
def opened_weights(path: Path) -> Iterator[BufferedReader]:
    """The file of weights at `path`, which a pipe or a device is not.

    Raises:
        WeightsError: it cannot be read or is too large, or the block raises what damage
            does; the message names it.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise WeightsError(f"is larger than {MAX_BYTES >> 30} GiB")
            yield file
    except OSError as error:
        raise WeightsError(f"{printable(path)}: {error.strerror or error}") from error
    except WeightsError as error:
        raise WeightsError(f"{printable(path)} {printable(str(error))}") from error
    except _DAMAGE as error:
        text = printable(" ".join(str(error).split()))[:200] or type(error).__name__
        raise WeightsError(f"{printable(path)} is damaged: {text}") from error
