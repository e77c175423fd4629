"""Pickles read as data: containers, numbers, text, and records of what would be made.

A pickle is a program. Here it is read by an interpreter that can call nothing: where a
pickle names a class or function, calls it or sets its state, a record of that is kept.
"""

import codecs
import pickletools
from typing import IO, Any, BinaryIO, cast

from ...errors import WeightsError
from .pickle_machine import Damage, Machine

MAX_OPCODES = 4_000_000
"""Of one pickle, however large the file is."""

_DAMAGE = (
    ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError,
    MemoryError,
)  # fmt: skip
"""What reading or following damaged opcodes raises."""


class LimitedFile:
    """A file of which no read allocates more than is left of it."""

    def __init__(self, file: BinaryIO, size: int, whole: int = 0) -> None:
        """`whole` is the size of the archive that the file is a member of."""
        self.file, self.size, self.whole = file, size, max(size, whole)
        self.tell, self.seek = file.tell, file.seek
        self.readline = file.readline

    def read(self, count: int) -> bytes:
        if count > 2**16:
            count = max(0, min(count, self.size - self.tell()))
        return self.file.read(count)


def max_opcodes(size: int) -> int:
    """How many opcodes a pickle in a file of `size` bytes may have.

    An AlexNet with its optimizer has 2,000; a log beside it, of half a million losses,
    500,000. An opcode of one byte may take 80 bytes of memory, and 2 us.
    """
    return min(MAX_OPCODES, 300_000 + size // 8)


def unpickled(file: LimitedFile, references: list[Any] | None = None) -> Any:
    """The next pickle in `file`: containers, numbers, text, bytes and `Record`s.

    The keys of dictionaries are text, as `key_of` has them. `references` receives the ids
    of data outside of the pickle.

    Raises:
        WeightsError: it is damaged, or has more opcodes than `max_opcodes`.
    """
    machine = Machine([] if references is None else references)
    limit = max_opcodes(file.whole)
    stream = cast("IO[bytes]", file)
    try:
        for _ in range(limit):
            code = file.read(1)
            if code == b".":
                return machine.stack.pop()
            name, reader = _OPCODES[code]
            machine.run(name, reader(stream) if reader else None)
    except Damage as error:
        raise WeightsError(f"is damaged: its pickle {error}") from error
    except _DAMAGE as error:
        raise WeightsError(
            "is damaged: its pickle is cut or changed; copy or save the file again"
        ) from error
    raise WeightsError(
        f"has more than {limit:,} opcodes in its pickle, more than weights need: save "
        f"model.state_dict()"
    )


def _string(file: IO[bytes]) -> str:
    """The argument of STRING: bytes in quotes, with escapes, as text of latin1."""
    line = file.readline()
    quote, body = line[:1], line[1:-1]
    if quote not in (b"'", b'"') or body[-1:] != quote or line[-1:] != b"\n":
        raise Damage("has a string without quotes")
    return codecs.escape_decode(body[:-1])[0].decode("latin1")


_OPCODES = {
    x.code.encode("latin1"): (x.name, _string if x.name == "STRING" else reader)
    for x in pickletools.opcodes
    for reader in [x.arg.reader if x.arg else None]
}
"""Their names, and what reads their arguments; pickletools reads STRING as ASCII only."""
