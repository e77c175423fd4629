"""Netpbm files (PBM, PGM, PPM): headers of bounded length, digits made binary at once.

Pillow reads headers byte by byte and digits number by number, in Python.
"""

import re

import numpy as np

from ...errors import ImageError

MAX_HEADER = 2**16
"""Bytes before the pixels, comments included."""
_HEADER = re.compile(rb"P[1-7FfyY]|Pf|PF")
_TOKEN = re.compile(rb"(?:\s|#[^\r\n]*(?:[\r\n]|\Z))*([^\s#]+)")
_COMMENT = re.compile(rb"#[^\r\n]*")
DIGITS = (b"P1", b"P2", b"P3")
_BINARY = {b"P1": b"P4", b"P2": b"P5", b"P3": b"P6"}
_NO_BITS = bytes(set(range(256)) - {*b"01"})


def binary(data: bytes) -> bytes:
    """`data`, or if that is a Netpbm file in digits, the same image in binary.

    What is damaged stays as it is: Pillow says what is wrong with it.

    Raises:
        ImageError: the header of any Netpbm file is too long.
    """
    magic = data[:2]
    if not _HEADER.fullmatch(magic):
        return data
    count = 2 if magic in (b"P1", b"P4") else 3
    numbers, start = _header(data, count)
    if magic not in _BINARY or len(numbers) < count or not all(numbers):
        return data
    body = data[start:]
    if b"#" in body:
        body = _COMMENT.sub(b"", body)
    width, height, *most = numbers
    pixels = _bits(body, width, height) if magic == b"P1" else _levels(body, magic, numbers)
    head = b" ".join([_BINARY[magic], *(b"%d" % x for x in (width, height, *most))])
    return data if pixels is None else head + b"\n" + pixels


def _header(data: bytes, count: int) -> tuple[list[int], int]:
    """The first `count` numbers after the magic one, and the place after them.

    Fewer where something else stands.

    Raises:
        ImageError: they do not end within MAX_HEADER bytes.
    """
    numbers: list[int] = []
    place = 2
    for _ in range(count):
        found = _TOKEN.match(data, place, MAX_HEADER)
        if found is None or found.end() == MAX_HEADER:
            if len(data) > MAX_HEADER:
                raise ImageError(
                    f"has a header of more than {MAX_HEADER >> 10} KiB; save it again"
                )
            return numbers, place
        if not found[1].isdigit() or len(found[1]) > 10:
            return numbers, place
        numbers.append(int(found[1]))
        place = found.end()
    return numbers, place


def _levels(body: bytes, magic: bytes, numbers: list[int]) -> bytes | None:
    """The pixels of a PGM or PPM in binary; None if digits are missing or wrong."""
    width, height, most = numbers
    count = width * height * (3 if magic == b"P3" else 1)
    # Each takes a digit and a space, but the last.
    if most > 65535 or count > len(body) // 2 + 1:
        return None
    if body.strip(b"0123456789 \t\r\n\v\f"):
        return None  # There is something else than numbers.
    # Of 64 bits: larger numbers become the largest, not any other.
    found = np.fromstring(body, np.int64, sep=" ")
    if len(found) < count or found[:count].max(initial=0) > most:
        return None
    return found[:count].astype("u1" if most < 256 else ">u2").tobytes()


def _bits(body: bytes, width: int, height: int) -> bytes | None:
    """The pixels of a PBM in binary; None if digits are missing."""
    if width * height > len(body) or body.strip(b"01 \t\r\n\v\f"):
        return None
    digits = np.frombuffer(body.translate(None, _NO_BITS), np.uint8) - ord("0")
    if len(digits) < width * height:
        return None
    rows = digits[: width * height].reshape(height, width)
    return np.packbits(rows, axis=1).tobytes()
