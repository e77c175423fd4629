"""The doctor's findings as text, JSON, and one HTML file that needs nothing beside it."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from ..dataset import images
from ..dataset.doctor import TINY, Findings
from ..errors import ImageError, printable
from . import html
from .html import safe

MOST_SHOWN = 40

THUMBNAIL = 128

LISTS = {
    "bad": "Bad files: not read, not trained on",
    "two_labels": "The same picture under two labels",
    "two_parts": "The same picture in two parts",
    "overlap": "Pictures of the other folder that are here as well",
    "equal": "Files of equal content",
    "near": "Pictures that are almost the same",
    "wrong_ending": "Endings that do not fit the content (read all the same)",
    "tiny": f"Tiny pictures: a side below {TINY} pixels",
    "turned": "Turned upright as EXIF says",
    "gray": "Gray pictures",
}
"""Fields of Findings that are lists, worst first, and what they are called."""

HARMLESS = ("wrong_ending", "tiny", "turned", "gray")


def text(found: Findings, most: int = 10) -> Iterator[str]:
    """Lines for a terminal; of each list the first `most`."""
    yield f"{printable(found.root)}: {sum(found.counts.values())} pictures in {len(found.counts)} classes"
    width = max(len(printable(x)) for x in found.counts)
    for name, count in found.counts.items():
        yield f"  {printable(name):{width}}  {count}"
    yield from (f"{k}: {v}" for k, v in _facts(found))
    for note in found.notes[:most]:
        yield f"left out: {note}"
    if len(found.notes) > most:
        yield f"left out: ... and {len(found.notes) - most} more"
    for field, title in LISTS.items():
        rows = _rows(found, field)
        if rows:
            yield f"\n{title}: {len(rows)}"
            yield from (f"  {'  '.join(printable(x) for x in row)}" for row in rows[:most])
            if len(rows) > most:
                yield f"  ... and {len(rows) - most} more"
    yield "\n" + _verdict(found)


def to_json(found: Findings) -> str:
    """All findings as one JSON object."""
    data = dataclasses.asdict(found)
    return json.dumps({**data, "root": str(found.root), "wrong": found.wrong})


def page(found: Findings, against: Path | None) -> str:
    """A self-contained HTML page with thumbnails of each finding."""
    facts = "".join(f"<tr><th>{safe(k)}<td>{safe(v)}" for k, v in _facts(found))
    largest = max(1, *found.counts.values())
    classes = "".join(
        f"<tr><th>{safe(printable(k))}<td>{n}<td><div class=bar style='width:{300 * n // largest}px'></div>"
        for k, n in found.counts.items()
    )
    sections = "".join(_section(found, field, against) for field in LISTS)
    notes = "".join(f"<li>{safe(x)}" for x in found.notes)
    body = (
        f"<p class='{'wrong' if found.wrong else 'fine'}'>{safe(_verdict(found))}"
        f"<table>{facts}</table><h2>Classes</h2><table>{classes}</table>{sections}"
        + (f"<h2>Left out</h2><ul>{notes}</ul>" if notes else "")
    )
    return html.page(printable(found.root), body)


def _facts(found: Findings) -> Iterator[tuple[str, str]]:
    yield "formats", ", ".join(f"{k} {v}" for k, v in found.formats.items())
    for name, values in (("width", found.widths), ("height", found.heights)):
        yield name, f"{values[0]} to {values[2]} pixels, median {values[1]}"
    low, middle, high = found.aspects
    yield "width by height", f"{low:.2f} to {high:.2f}, median {middle:.2f}"
    yield "imbalance", f"largest class {found.imbalance:.1f} times the smallest"


def _verdict(found: Findings) -> str:
    counts = {x: len(_rows(found, x)) for x in LISTS if x not in HARMLESS}
    wrong = ", ".join(f"{_SHORT[x]}: {n}" for x, n in counts.items() if n)
    small = [printable(k) for k, n in found.counts.items() if n < 2]
    if small:
        wrong = ", ".join(
            filter(None, (wrong, f"fewer than 2 pictures of {', '.join(small)}"))
        )
    return f"Something is wrong: {wrong}" if found.wrong else "Nothing is wrong."


_SHORT = {
    "bad": "bad files",
    "two_labels": "under two labels",
    "two_parts": "in two parts",
    "overlap": "in both folders",
    "equal": "equal files",
    "near": "almost equal",
}


def _rows(found: Findings, field: str) -> list[tuple[str, ...]]:
    return [(x,) if isinstance(x, str) else x for x in getattr(found, field)]


def _section(found: Findings, field: str, against: Path | None) -> str:
    rows = _rows(found, field)
    if not rows:
        return ""
    other: Path | None = against if field == "overlap" else found.root
    pictured: Callable[[tuple[str, ...]], list[Path]] = lambda row: (  # noqa: E731
        [(other or found.root) / row[0], found.root / row[1]]
        if field in ("two_labels", "two_parts", "overlap", "equal", "near")
        else [found.root / row[0]]
    )
    cards = []
    for row in rows[:MOST_SHOWN]:
        thumbnails = "".join(map(_thumbnail, pictured(row))) if field != "bad" else ""
        names = "<br>".join(safe(printable(x)) for x in row)
        cards.append(f"<div class=card>{thumbnails}<div class=name>{names}</div></div>")
    more = f"<p>... and {len(rows) - MOST_SHOWN} more" if len(rows) > MOST_SHOWN else ""
    return f"<h2>{safe(LISTS[field])}: {len(rows)}</h2><div class=cards>{''.join(cards)}</div>{more}"


def _thumbnail(file: Path) -> str:
    """An <img> with its data; empty if the file has gone bad since it was examined."""
    try:
        picture = images.open_image(file).image
    except ImageError:
        return ""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return html.picture(picture)
