"""Text in aligned columns."""

from collections.abc import Iterable, Iterator, Sequence

from ..errors import one_line


def table(rows: Iterable[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Lines of columns, the first `left` of them aligned left, the others right.

    Cells are made printable before they are aligned.
    """
    rows = [tuple(map(one_line, x)) for x in rows]
    widths = [max(len(x[i]) for x in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (
            x.ljust(w) if i < left else x.rjust(w)
            for i, (x, w) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
