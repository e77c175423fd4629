"""Paths for TensorFlow, which takes no other names than those in UTF-8."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import AlexNetError, printable


@contextmanager
def utf8_path(folder: Path) -> Iterator[Path]:
    """A path of the existing `folder` in UTF-8, which is valid in the block.

    That is `folder` itself, or if its name is not UTF-8, an open descriptor of it.

    Raises:
        AlexNetError: the name is not UTF-8, and the system has no paths of descriptors.
    """
    if _is_utf8(folder):
        yield folder
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        path = Path(f"/proc/self/fd/{opened}")
        if not path.is_dir():
            raise AlexNetError(f"the name of {printable(folder)} is not UTF-8; change it")
        yield path
    finally:
        os.close(opened)


def _is_utf8(path: Path) -> bool:
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
