"""Damaged and hostile variants of files, each from one seed: of their bytes or their parts.

Changes of bytes alone rarely get past a checksum, so containers are also taken apart: a
member of a zip, tar or gzip, a chunk of a PNG, a tag of a TIFF, a value of a JSON text, a cell
of a CSV.
"""

import copy
import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"
VALUES: tuple[Any, ...] = (
    None, True, "", "x", "\x1b[31m\x07", "../../etc/passwd", "\u202e", "=1+1", 0, -1, 1, 2**31,
    2**63, 10**400, 1e308, float("nan"), float("inf"), -0.5, [], [[]], {}, {"": {}}, [None],
    ["a", "a"], "9" * 5000, [0] * 5000,
)  # fmt: skip
"""What takes the place of a value of a JSON text or of a cell."""

TIFF_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 271, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323,
    324, 330, 338, 339, 34675, 50706,
)  # fmt: skip
"""Those that decide about pixels."""

_DAMAGE = (
    OSError, EOFError, ValueError, IndexError, zlib.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
NUMBERS = (
    b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff\xd9\xff\xd9",
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with one to four changes, in its bytes or inside what it contains."""
    inside = _inside(data)
    if inside is None or rng.random() < 0.3:
        return _bytes(data, rng)
    try:
        return inside(data, rng)
    except _DAMAGE:
        # The sample itself is a damaged one.
        return _bytes(data, rng)


def _inside(data: bytes) -> Callable[[bytes, random.Random], bytes] | None:
    """How to change a part of `data`, by its first bytes; None if it has no parts."""
    if data[:4] == b"PK\x03\x04":
        return _zip
    if data[:2] == b"\x1f\x8b":
        return lambda data, rng: gzip.compress(mutated(gzip.decompress(data), rng), 1)
    if data[257:262] == b"ustar":
        return _tar
    if data[:8] == PNG:
        return _png
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff
    if data[:1] in (b"{", b"["):
        return _json
    if data[:200].isascii() and b"," in data[:200] and b"\n" in data:
        return _csv
    return None


def _bytes(data: bytes, rng: random.Random) -> bytes:
    """One to four changes: flips, cuts, copies, numbers in the header and elsewhere."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if out:
            rng.choice(_CHANGES)(out, rng.randrange(len(out)), rng)
    return bytes(out)


def _flip(out: bytearray, at: int, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 16)):
        out[rng.randrange(len(out))] = rng.randrange(256)


def _cut(out: bytearray, at: int, rng: random.Random) -> None:
    del out[at : rng.choice((at + rng.randint(1, 200), len(out)))]


def _repeat(out: bytearray, at: int, rng: random.Random) -> None:
    out[at:at] = out[at : at + rng.randint(1, 200)]


def _number(out: bytearray, at: int, rng: random.Random) -> None:
    # Headers are where sizes and offsets stand.
    at = rng.choice((at, rng.randrange(min(len(out), 64))))
    out[at : at + 4] = rng.choice(NUMBERS)


def _noise(out: bytearray, at: int, rng: random.Random) -> None:
    out[at : at + 8] = rng.randbytes(8)


_CHANGES = (_flip, _cut, _repeat, _number, _noise)


def _zip(data: bytes, rng: random.Random) -> bytes:
    """The same archive with right checksums and one member changed, repeated or left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        entries = old.infolist()
        chosen = rng.choice(entries)
        for entry in entries:
            content = old.read(entry)
            kind = rng.choice((entry.compress_type, zipfile.ZIP_DEFLATED))
            if entry is chosen and rng.random() < 0.9:
                new.writestr(entry.filename, mutated(content, rng), kind)
            elif entry is not chosen:
                new.writestr(entry, content)
    return out.getvalue()


def _tar(data: bytes, rng: random.Random) -> bytes:
    """The same with one member changed: in its header, with a right checksum, or within.

    Where members are stays, as an index of them says.
    """
    out = bytearray(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = rng.choice(tar.getmembers())
    if rng.random() < 0.3:
        header = bytearray(_bytes(data[member.offset : member.offset_data], rng))
        header = header[:512].ljust(512, b"\0")
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        out[member.offset : member.offset + 512] = header
    else:
        end = member.offset_data + member.size
        content = mutated(data[member.offset_data : end], rng)[: member.size]
        out[member.offset_data : member.offset_data + len(content)] = content
    return bytes(out)


def _png(data: bytes, rng: random.Random) -> bytes:
    """The same chunks with right checksums and one of them changed."""
    chunks, at = [], len(PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    place = rng.randrange(len(chunks))
    name, content = chunks[place]
    if name == b"IDAT" and rng.random() < 0.5:
        content = zlib.compress(
            _bytes(zlib.decompressobj().decompress(content, 2**20), rng)
        )
    else:
        content = _bytes(content, rng)
    chunks[place] = name, content
    lines = [
        struct.pack(">I", len(x)) + k + x + struct.pack(">I", zlib.crc32(k + x))
        for k, x in chunks
    ]
    return PNG + b"".join(lines)


def _tiff(data: bytes, rng: random.Random) -> bytes:
    """The same with one to three entries of its first directory changed."""
    out, order = bytearray(data), "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for _ in range(rng.randint(1, 3)):
            entry = start + 2 + 12 * rng.randrange(max(1, count))
            what = rng.choice(["tag", "kind", "count", "value", "value", "value"])
            small = rng.choice((0, 1, 2, 3, 4, 5, 8, 12, 16, 32, 64, 255, 65535))
            if what in ("tag", "kind"):
                number = rng.choice(TIFF_TAGS) if what == "tag" else rng.randrange(19)
                struct.pack_into(f"{order}H", out, entry + 2 * (what == "kind"), number)
            elif what == "count":
                struct.pack_into(f"{order}I", out, entry + 4, rng.choice((0, 1, 3, small)))
            else:
                struct.pack_into(f"{order}H", out, entry + 8, small)
    except struct.error:
        # Its directory is not in the file.
        return _bytes(data, rng)
    return bytes(out)


def _json(data: bytes, rng: random.Random) -> bytes:
    """The same text with one to three values replaced, removed or put into another place."""
    tree = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(tree))
        if not places:
            break
        holder, key = rng.choice(places)
        if rng.random() < 0.2:
            del holder[key]
        elif rng.random() < 0.2:
            there, name = rng.choice(places)
            # A copy, since a value may hold this very place.
            holder[key] = copy.deepcopy(there[name])
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    if rng.random() < 0.02:
        return b"[" * 100_000 + b"]" * 100_000
    return json.dumps(tree, skipkeys=True, check_circular=False).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Each value in `tree` as the dictionary or list that holds it, and its key there."""
    if isinstance(tree, dict):
        own = [(tree, k) for k in tree]
    elif isinstance(tree, list):
        own = [(tree, i) for i in range(len(tree))]
    else:
        return []
    return own + [x for holder, key in own for x in _places(holder[key])]


def _csv(data: bytes, rng: random.Random) -> bytes:
    """The same table with one to three cells replaced."""
    rows = [x.split(",") for x in data.decode("latin1").splitlines()]
    for _ in range(rng.randint(1, 3)):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = str(rng.choice(VALUES))
    return "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")
