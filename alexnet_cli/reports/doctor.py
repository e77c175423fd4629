"""The findings of `alexnet doctor` as text, as JSON, and as one HTML page."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset import images
from ..dataset.class_names import listed_classes, quoted, shown
from ..dataset.doctor import TINY
from ..dataset.findings import Findings
from ..dataset.known_images import known_images_folder
from ..dataset.sources.kinds import remote_url
from ..dataset.sources.open import recorded_source
from ..dataset.sources.source import Sample
from ..dataset.split import TRAIN
from ..errors import ImageError, printable
from .html import data_uri, render
from .text import cells, padded

MOST_SHOWN = 40
THUMBNAIL = 128


@dataclasses.dataclass(frozen=True)
class _Section:
    """One list of Findings: its field, and its title."""

    field: str
    title: str
    problem: str = ""
    """Its name in the verdict; empty if it is harmless."""
    pairs: bool = False
    """Its rows are two files, not a file and a remark."""


SECTIONS = (
    _Section("bad", "Bad files: not read, not trained on", "bad files"),
    _Section("two_labels", "The same image under two labels", "under two labels", True),
    _Section("two_parts", "The same image in two parts", "in two parts", True),
    _Section(
        "overlap",
        "Images of the other folder that are here as well",
        "in both folders",
        True,
    ),
    _Section(
        "confusable",
        "Classes whose names differ only by case, Unicode form or spaces",
        "confusable class names",
    ),
    _Section("equal", "Files with the same content", "identical files", True),
    _Section("near", "Near duplicates (kept on one side of the split)", pairs=True),
    _Section("wrong_ending", "File extensions that do not match the content (still read)"),
    _Section("tiny", f"Tiny images: a side shorter than {TINY} pixels"),
    _Section("turned", "Images that EXIF says to turn or mirror (done when they are read)"),
    _Section("gray", "Gray images"),
    _Section(
        "dim", "Images that use less than an eighth of their range; --white-level of train"
    ),
)
"""The lists of Findings, worst first."""


def text(findings: Findings, most: int = 10) -> Iterator[str]:
    """The lines for a terminal, with the first `most` rows of each list."""
    total = sum(findings.counts.values())
    yield f"{printable(findings.root)}: {total} images in {len(findings.counts)} classes"
    width = max(cells(shown(x)) for x in findings.counts)
    for name, count in findings.counts.items():
        yield f"  {padded(shown(name), width)}  {count}"
    yield from (f"{k}: {v}" for k, v in _facts(findings))
    yield from _first([*findings.notes], most, "")
    for section in SECTIONS:
        rows = _rows(findings, section)
        if rows:
            yield ""
            yield f"{section.title}: {len(rows)}"
            lines = [f"  {'  '.join(map(printable, row))}" for row in rows]
            yield from _first(lines, most, "  ")
    yield ""
    yield _verdict(findings)


def _first(lines: list[str], most: int, indent: str) -> Iterator[str]:
    """The first `most` of `lines`, and how many more there are."""
    yield from lines[:most]
    if len(lines) > most:
        yield f"{indent}... and {len(lines) - most} more"


def to_json(findings: Findings) -> str:
    """All findings as one JSON object."""
    data = dataclasses.asdict(findings)
    return json.dumps({**data, "root": remote_url(findings.root), "wrong": findings.wrong})


def page(findings: Findings, against: Path | None) -> str:
    """The HTML page, with thumbnails; `against` is the other data set, if there is one."""
    largest = max(1, *findings.counts.values())
    shown = {
        x
        for section in SECTIONS
        for row in _rows(findings, section)[:MOST_SHOWN]
        for x in _images(findings, section, row, against)
    }
    drawn = {
        (root, name): image
        for root in {x for x, _ in shown}
        for name, image in _thumbnails(root, [x for y, x in shown if y == root])
    }
    return render(
        "doctor.html",
        title=printable(findings.root),
        fine=not findings.wrong,
        verdict=_verdict(findings),
        facts=list(_facts(findings)),
        classes=[
            {"name": printable(k), "count": n, "bar": 300 * n // largest}
            for k, n in findings.counts.items()
        ],
        sections=[
            _cards(findings, x, against, drawn) for x in SECTIONS if _rows(findings, x)
        ],
        notes=findings.notes,
    )


def _facts(findings: Findings) -> Iterator[tuple[str, str]]:
    yield "formats", ", ".join(f"{k} {v}" for k, v in findings.formats.items())
    for name, sizes in (("width", findings.widths), ("height", findings.heights)):
        smallest, median, largest = sizes
        yield name, f"{smallest} to {largest} pixels, median {median}"
    smallest, median, largest = findings.aspects
    yield (
        "aspect ratio (width/height)",
        f"{smallest:.2f} to {largest:.2f}, median {median:.2f}",
    )
    yield (
        "class imbalance",
        f"the largest class has {findings.imbalance:.1f} times the images of the smallest",
    )
    if findings.not_read:
        yield (
            "not read again",
            f"{findings.not_read} files of unchanged size and time; remove "
            f"{printable(known_images_folder())} to read all",
        )


def _verdict(findings: Findings) -> str:
    if not findings.wrong:
        near = len(findings.near)
        return "No problems found" + (f"; near duplicates: {near}." if near else ".")
    counts = [(x.problem, len(_rows(findings, x))) for x in SECTIONS if x.problem]
    problems = [f"{problem}: {n}" for problem, n in counts if n]
    small = [k for k, n in findings.counts.items() if n < 2]
    if small:
        problems.append(f"classes with fewer than 2 images: {listed_classes(small)}")
    if findings.refused:
        problems.append("too little to train on")
    return f"Problems found: {', '.join(problems)}"


def _rows(findings: Findings, section: _Section) -> list[tuple[str, ...]]:
    rows = getattr(findings, section.field)
    if section.field == "confusable":
        return [tuple(quoted(x) for x in names) for names in rows]
    return [(x,) if isinstance(x, str) else x for x in rows]


_Named = tuple[Path, str]
"""A data set, and the name of an image of it."""


def _images(
    findings: Findings, section: _Section, row: tuple[str, ...], against: Path | None
) -> list[_Named]:
    """The images that `row` is about, without those that cannot be read."""
    if section.field in ("bad", "confusable"):
        return []
    other = against if section.field == "overlap" and against else findings.root
    second = [(findings.root, row[1])] if section.pairs else []
    return [(other, row[0]), *second]


def _thumbnails(root: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and thumbnails of those images of `root` that can still be read."""
    source = recorded_source(root, (), (Sample(x, 0, TRAIN) for x in names))
    for sample in source.in_order(source.samples):
        try:
            image = images.open_image(source.read(sample)).image
        except ImageError:
            continue
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        yield sample.name, data_uri(image)


def _cards(
    findings: Findings,
    section: _Section,
    against: Path | None,
    drawn: Mapping[_Named, str],
) -> dict[str, Any]:
    """The section as its template takes it; `drawn` are thumbnails."""
    rows = _rows(findings, section)
    cards = [
        {
            "images": [
                drawn[x] for x in _images(findings, section, row, against) if x in drawn
            ],
            "names": [printable(x) for x in row],
        }
        for row in rows[:MOST_SHOWN]
    ]
    more = max(0, len(rows) - MOST_SHOWN)
    return {"title": section.title, "count": len(rows), "cards": cards, "more": more}
