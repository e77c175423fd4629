"""A list of files on standard input: one per line, or, as of find -print0, one per NUL.

A name that exists as it stands is always taken so. Only what does not is looked at again:
without a byte order mark, a carriage return, spaces or quotes around it, from ~ or file://.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import unquote_to_bytes, urlsplit

from ..dataset.prediction_files import Input
from ..errors import DatasetError

PIECE = 2**16
"""Bytes that are read at a time, twice what any name may have."""
URL_ERROR = "is a URL; URLs are not read, download the file first"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:image/")
_LIST = "- reads a list of files, one per line"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SIGNATURES = {
    "a JPEG image": rb"\xff\xd8\xff",
    "a PNG image": rb"\x89PNG\r\n",
    "a GIF image": rb"GIF8[79]a.{4}[\x80-\xff\x00]",
    "a WebP image": rb"RIFF.{4}WEBP",
    "a BMP image": rb"BM.{4}\x00{4}",
    "a TIFF image": rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+",
    "a HEIF or AVIF image": rb"\x00\x00\x00.ftyp(hei|hev|mif|msf|avi)",
    "a video": rb"\x00\x00\x00.ftyp",
    "a JPEG 2000 image": rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51",
    "an ICO image": rb"\x00\x00\x01\x00.\x00",
    "a PNM image": rb"P[1-6]\s+(#.*\s)?\d+\s+\d+\s",
    "a zip archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b\x08",
    "a PDF": rb"%PDF-\d",
}
"""What people send to standard input instead of a list, by how it begins."""
_TAR = re.compile(rb".{100}[0-7 ]{6}[0-7 \0]{2}.{149}ustar", re.DOTALL)
"""How a tar begins: with the name of its first file, which may be here too."""


def listed(stdin: IO[bytes]) -> Iterator[Input]:
    """The files that a list names, in order; a URL is an input with an error.

    Memory does not grow with the list.

    Raises:
        DatasetError: it is no list of files, or one in UTF-16.
    """
    first = stdin.read(PIECE)
    if b"\0" in first and not _is_utf16(first) and not _is_data(first):
        for name in _separated(first, stdin, b"\0"):
            text = os.fsdecode(name)
            if name.strip() and is_url(text) and not os.path.lexists(text):
                yield Input(Path(text), URL_ERROR, text)
            elif name.strip():
                yield Input(Path(text))
        return
    _require_list(first)
    for i, line in enumerate(_separated(first, stdin, b"\n")):
        if not i and line.startswith(_UTF8_MARK) and not os.path.lexists(line):
            line = line.removeprefix(_UTF8_MARK)
        text = os.fsdecode(line)
        if text and (text.strip() or os.path.lexists(text)):
            yield _input(text)


def without_url(text: str) -> str:
    """The path that a file:// URL or a ~ stands for; anything else as it is.

    A URL of another machine stays one.
    """
    if text.startswith("~"):
        return os.path.expanduser(text)  # noqa: PTH111
    if text.lower().startswith("file://"):
        try:
            parts = urlsplit(text)
        except ValueError:
            return text
        if parts.netloc.lower() in ("", "localhost"):
            return os.fsdecode(unquote_to_bytes(os.fsencode(parts.path)))
    return text


def is_url(text: str) -> bool:
    """Whether `text` is the address of something that is not on this machine."""
    return _URL.match(text) is not None


def _input(text: str) -> Input:
    """The file that one line of a list means."""
    if "\0" in text:
        return Input(Path(text), "is no name of a file")
    line = text.rstrip("\r")
    plain = line.strip()
    quoted = len(plain) > 2 and plain[0] == plain[-1] and plain[0] in "\"'"
    bare = plain[1:-1] if quoted else plain
    path = without_url(bare)
    for name in (text, line, plain, bare, path):
        if os.path.lexists(name):
            return Input(Path(name))
    if is_url(path):
        return Input(Path(path), URL_ERROR, path)
    return Input(Path(line if path == bare else path))


def _separated(first: bytes, stdin: IO[bytes], separator: bytes) -> Iterator[bytes]:
    rest, piece = b"", first
    while piece:
        *whole, rest = (rest + piece).split(separator)
        yield from whole
        # Longer than any name; it will not exist.
        rest = rest[:PIECE]
        piece = stdin.read(PIECE)
    yield rest


def _require_list(first: bytes) -> None:
    """Check that what standard input begins with can be a list of files.

    Raises:
        DatasetError: it cannot.
    """
    if kind := _is_data(first):
        raise DatasetError(f"standard input is {kind}; {_LIST}, not the content of a file")
    if _is_utf16(first):
        raise DatasetError(f"standard input is UTF-16 text; {_LIST}, in UTF-8")


def _is_utf16(first: bytes) -> bool:
    """Whether a list is in UTF-16; without its mark, that every other byte is NUL."""
    if first.startswith(_UTF16_MARKS):
        return not _names_a_file(first)
    return first.startswith(b"\0") or (
        # Names of one letter, separated by NUL, hold no line end.
        b"\n\0" in first and not first[1::2].strip(b"\0")
    )


def _is_data(first: bytes) -> str:
    """What else than a list standard input is; empty if it may be a list."""
    if _TAR.match(first):
        return "a tar archive"
    for kind, signature in _SIGNATURES.items():
        if re.match(signature, first, re.DOTALL) and not _names_a_file(first):
            return kind
    return ""


def _names_a_file(first: bytes) -> bool:
    return os.path.lexists(re.split(rb"[\0\n]", first)[0].rstrip(b"\r"))
