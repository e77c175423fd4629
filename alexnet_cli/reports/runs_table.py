"""Runs as a table, which leaves columns out where it would be too wide, and as JSON."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import one_line
from ..run.summary import RunSummary
from .models_table import size_text
from .text import cells, table

MOST_CELLS = 40
"""Of a name in the table; what is longer loses its middle."""
LEFT_OUT = ("size", "data", "date", "recipe", "network", "minutes", "epochs")
"""Columns in the order in which a narrow table loses them."""
_LEAST_CELLS = 16
"""Of a name, before the table loses a column."""
_TEXTS = ("run", "network", "recipe", "data")
"""Columns that are aligned left."""


def text(found: Sequence[RunSummary], folder: Path, width: int) -> Iterator[str]:
    """Lines about the runs below `folder`, of at most `width` cells if that can be."""
    readable = [x for x in found if not x.error]
    if not readable:
        return
    rows = [_columns(x, folder) for x in readable]
    titles = [x for x in rows[0] if any(row[x] for row in rows)]
    lost = []
    for title in LEFT_OUT:
        if _room(rows, titles, width) >= _LEAST_CELLS:
            break
        if title in titles:
            titles.remove(title)
            lost.append(title)
    room = max(_LEAST_CELLS, min(MOST_CELLS, _room(rows, titles, width)))
    names = [cut(row["run"], room) for row in rows]
    shown = [
        (name, *(row[x] or "-" for x in titles[1:]))
        for name, row in zip(names, rows, strict=True)
    ]
    heads = ["" if x == "state" else x for x in titles]
    if "state" in titles:
        shown = [(*x[:-1], "" if x[-1] == "-" else x[-1]) for x in shown]
    yield from table([heads, *shown], left=sum(x in _TEXTS for x in titles))
    yield from _remarks(readable, lost)


def _remarks(found: Sequence[RunSummary], lost: Sequence[str]) -> Iterator[str]:
    """What a reader of the table should know."""
    if lost:
        yield f"not shown at this width: {', '.join(lost)}"
    tested = {x.test.digest for x in found if x.test}
    if len(tested) > 1:
        yield f"test: of {len(tested)} different sets of images; --json has their digests"


def _room(rows: Sequence[dict[str, str]], titles: Sequence[str], width: int) -> int:
    """The cells that are left for names beside the other columns `titles`."""
    others = (max(cells(x), *(cells(row[x]) for row in rows)) for x in titles[1:])
    return width - sum(2 + x for x in others)


def to_json(found: Sequence[RunSummary]) -> str:
    """The same as one JSON object, with whole digests and paths."""
    rows = [{**dataclasses.asdict(x), "path": str(x.path)} for x in found]
    return json.dumps({"runs": rows})


def cut(text: str, most: int) -> str:
    """`text` as one line of at most `most` cells; what is longer loses its middle."""
    text = one_line(text)
    if cells(text) <= most:
        return text
    front, back = text[: most // 2], text[-(most // 2) :]
    while cells(front) > most // 2 - 2:
        front = front[:-1]
    while cells(back) > most // 2 - 1:
        back = back[1:]
    return f"{front}...{back}"


def _columns(run: RunSummary, folder: Path) -> dict[str, str]:
    """The cells of a row by their titles; what is not known is empty."""
    path = run.path if run.path == folder else run.path.relative_to(folder)
    state = "resumable" if run.resumable else run.status
    return {
        "run": str(path),
        "network": run.network,
        "recipe": cut(Path(run.recipe).name, 20),
        "data": run.data_digest[:8],
        "epochs": str(run.epochs or ""),
        "minutes": "" if run.seconds is None else f"{run.seconds / 60:.1f}",
        "val": _fraction(run.validation),
        "test": _fraction(run.test.top1 if run.test else None),
        "size": size_text(run.size),
        "date": run.created[:10],
        "state": "running" if run.busy else "" if state == "finished" else state,
    }


def _fraction(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
