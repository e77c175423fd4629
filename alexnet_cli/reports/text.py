"""Text in aligned columns."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from ..errors import one_line

_JAMO = (range(0x1160, 0x1200), range(0xD7B0, 0xD800))
"""Hangul vowels and final consonants, which join the consonant before them."""


def table(rows: Iterable[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Lines of columns, the first `left` of them aligned left, the others right.

    Cells are made printable before they are aligned.
    """
    rows = [tuple(map(one_line, x)) for x in rows]
    widths = [max(cells(x[i]) for x in rows) for i in range(len(rows[0]))]
    for row in rows:
        columns = (
            padded(x, w) if i < left else f"{' ' * (w - cells(x))}{x}"
            for i, (x, w) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(columns).rstrip()


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it, so that it fills `width` cells of a terminal."""
    return f"{text}{' ' * (width - cells(text))}"


def cells(text: str) -> int:
    """How many cells of a terminal the printable `text` takes.

    Source: Unicode Standard Annex 11, "East Asian Width".
    """
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    joins = any(ord(character) in x for x in _JAMO)
    if joins or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
