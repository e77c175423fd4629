"""What is packed into exported files, run.json and LiteRT files: no more than fits."""

import base64
import gzip
import io
import re
import struct
import zipfile
import zlib
from pathlib import Path

from ..backend.regular_file import open_regular, read_regular
from ..model.architecture import trace
from ..run.run import Run
from ..run.run_json import MAX_BYTES

UNREADABLE = (
    OSError, ValueError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
    struct.error,
)  # fmt: skip
"""What damaged archives raise."""
_GZIP = b"\x1f\x8b"


def packed_run(file: Path) -> bytes | None:
    """run.json inside a LiteRT file or a zip application; None if there is none."""
    try:
        return entry(file, "run.json", MAX_BYTES)
    except UNREADABLE:
        return None


def entry(file: Path, name: str, most: int) -> bytes:
    """The content of `name` in a zip archive, which is at most `most` bytes.

    Raises:
        UNREADABLE: there is none, or it cannot be read, or is larger.
    """
    with open_regular(file) as opened, zipfile.ZipFile(opened) as archive:
        if archive.getinfo(name).file_size > most:
            raise ValueError(f"{name} in it is larger than {most:,} bytes")
        return archive.read(name)


def members(file: Path) -> set[str]:
    """The names in a zip archive, each of which is there once.

    Raises:
        UNREADABLE: it cannot be read, or has a name twice.
    """
    with open_regular(file) as opened, zipfile.ZipFile(opened) as archive:
        names = archive.namelist()
    if len({*names}) < len(names):
        raise ValueError("a name is in it twice")
    return {*names}


def packed_model(file: Path, most: int) -> bytes:
    """The LiteRT file of at most `most` bytes in a zip application.

    Raises:
        UNREADABLE: there is none, or it cannot be read, or is larger.
    """
    return entry(file, "model.tflite", most)


def web_model(folder: Path, most: int) -> bytes:
    """The LiteRT file of at most `most` bytes in a web page.

    Raises:
        UNREADABLE: there is none, or it cannot be read, or is larger.
    """
    text = read_regular(folder / "model.js", 2 * most).decode("ascii")
    pieces = re.findall(r'add\("model", "([^"]*)"\)', text)
    content = b"".join(base64.b64decode(x) for x in pieces)
    if content.startswith(_GZIP):
        with gzip.open(io.BytesIO(content)) as opened:
            content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"its model is larger than {most:,} bytes")
    return content


def most_bytes(run: Run) -> int:
    """How large a file with the network of `run` can be, unpacked."""
    layers = trace(run.architecture, len(run.classes))
    size = run.preprocess.stored_size
    return 8 * sum(x.parameters for x in layers) + 4 * size * size * 3 + 2**24
