"""The doctor's findings as text, as JSON, and as one HTML page with thumbnails."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..dataset import images
from ..dataset.doctor import TINY, Findings
from ..errors import ImageError, printable
from .html import data_uri, render

MOST_SHOWN = 40
THUMBNAIL = 128


@dataclasses.dataclass(frozen=True)
class _Finding:
    """One list of Findings: its field, what it is called, and what it means."""

    field: str
    title: str
    short: str = ""
    """What the verdict calls it; empty if it is harmless."""
    pairs: bool = False
    """Its rows are two files, not a file and a remark."""


FINDINGS = (
    _Finding("bad", "Bad files: not read, not trained on", "bad files"),
    _Finding("two_labels", "The same image under two labels", "under two labels", True),
    _Finding("two_parts", "The same image in two parts", "in two parts", True),
    _Finding(
        "overlap",
        "Images of the other folder that are here as well",
        "in both folders",
        True,
    ),
    _Finding("equal", "Files with the same content", "identical files", True),
    _Finding("near", "Images that are almost the same", "near duplicates", True),
    _Finding("wrong_ending", "File extensions that do not match the content (still read)"),
    _Finding("tiny", f"Tiny images: a side shorter than {TINY} pixels"),
    _Finding("turned", "Stored rotated; turned upright as EXIF says"),
    _Finding("gray", "Gray images"),
)
"""The lists of Findings, worst first."""


def text(found: Findings, most: int = 10) -> Iterator[str]:
    """Lines for a terminal; of each list the first `most`."""
    total = sum(found.counts.values())
    yield f"{printable(found.root)}: {total} images in {len(found.counts)} classes"
    width = max(len(printable(x)) for x in found.counts)
    for name, count in found.counts.items():
        yield f"  {printable(name):{width}}  {count}"
    yield from (f"{k}: {v}" for k, v in _facts(found))
    for note in found.notes[:most]:
        yield f"left out: {note}"
    if len(found.notes) > most:
        yield f"left out: ... and {len(found.notes) - most} more"
    for x in FINDINGS:
        rows = _rows(found, x)
        if rows:
            yield f"\n{x.title}: {len(rows)}"
            yield from (f"  {'  '.join(printable(y) for y in row)}" for row in rows[:most])
            if len(rows) > most:
                yield f"  ... and {len(rows) - most} more"
    yield "\n" + _verdict(found)


def to_json(found: Findings) -> str:
    """All findings as one JSON object."""
    data = dataclasses.asdict(found)
    return json.dumps({**data, "root": str(found.root), "wrong": found.wrong})


def page(found: Findings, against: Path | None) -> str:
    """An HTML page with thumbnails of each finding."""
    largest = max(1, *found.counts.values())
    return render(
        "doctor.html",
        title=printable(found.root),
        fine=not found.wrong,
        verdict=_verdict(found),
        facts=list(_facts(found)),
        classes=[
            {"name": printable(k), "count": n, "bar": 300 * n // largest}
            for k, n in found.counts.items()
        ],
        sections=[_section(found, x, against) for x in FINDINGS if _rows(found, x)],
        notes=found.notes,
    )


def _facts(found: Findings) -> Iterator[tuple[str, str]]:
    yield "formats", ", ".join(f"{k} {v}" for k, v in found.formats.items())
    for name, values in (("width", found.widths), ("height", found.heights)):
        yield name, f"{values[0]} to {values[2]} pixels, median {values[1]}"
    low, middle, high = found.aspects
    yield "aspect ratio (width/height)", f"{low:.2f} to {high:.2f}, median {middle:.2f}"
    yield (
        "class imbalance",
        f"the largest class has {found.imbalance:.1f} times the images of the smallest",
    )


def _verdict(found: Findings) -> str:
    counts = [(x.short, len(_rows(found, x))) for x in FINDINGS if x.short]
    wrong = [f"{short}: {n}" for short, n in counts if n]
    small = [printable(k) for k, n in found.counts.items() if n < 2]
    if small:
        wrong.append(f"classes with fewer than 2 images: {', '.join(small)}")
    return f"Problems found: {', '.join(wrong)}" if found.wrong else "No problems found."


def _rows(found: Findings, finding: _Finding) -> list[tuple[str, ...]]:
    return [(x,) if isinstance(x, str) else x for x in getattr(found, finding.field)]


def _section(found: Findings, finding: _Finding, against: Path | None) -> dict[str, Any]:
    rows = _rows(found, finding)
    cards = [
        {
            "images": list(_thumbnails(found, finding, row, against)),
            "names": [printable(x) for x in row],
        }
        for row in rows[:MOST_SHOWN]
    ]
    more = max(0, len(rows) - MOST_SHOWN)
    return {"title": finding.title, "count": len(rows), "cards": cards, "more": more}


def _thumbnails(
    found: Findings, finding: _Finding, row: tuple[str, ...], against: Path | None
) -> Iterator[str]:
    """The images of one row; none of a file that has gone bad since it was examined."""
    if finding.field == "bad":
        return
    other = against if finding.field == "overlap" and against else found.root
    files = [other / row[0]]
    if finding.pairs:
        files.append(found.root / row[1])
    for file in files:
        try:
            image = images.open_image(file).image
        except ImageError:
            continue
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        yield data_uri(image)
