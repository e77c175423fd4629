"""Files of others: read only if they are files, and no more of them than makes sense."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_FLAGS = os.O_RDONLY | sum(
    getattr(os, x, 0) for x in ("O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK")
)


def open_regular(file: Path) -> BufferedReader:
    """`file`, opened to read bytes; a pipe or a device is never waited for.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    opened = os.open(file, _FLAGS)
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


def read_regular(file: Path, most: int) -> bytes:
    """The bytes of `file`, at most `most` of them.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger.
    """
    with open_regular(file) as opened:
        return read_at_most(opened, most)


def read_at_most(opened: BufferedReader, most: int) -> bytes:
    """What is left of the file `opened`.

    Raises:
        OSError: it cannot be read, or is more than `most` bytes.
    """
    # Its size first: what is too large takes no memory.
    large = os.fstat(opened.fileno()).st_size > most
    data = b"" if large else opened.read(most + 1)
    if large or len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", opened.name)
    return data
