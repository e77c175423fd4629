"""Lines about the work, to standard error; results go to standard output."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..errors import printable
from ..reports.text import table

if TYPE_CHECKING:
    from ..dataset.prepare import ImageFolder, PreparedData
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch

MOST_NOTES = 10


def log(text: str = "") -> None:
    """A line about the work, to stderr; results go to stdout."""
    click.echo(text, err=True)


def found(what: "ImageFolder") -> None:
    """Pictures, classes and counts of a folder that is about to be decoded."""
    log(f"{printable(what.root)}: {len(what)} files in {len(what.classes)} classes")
    counts = [x.counts() for x in what.parts.values()]
    header = ("class", *what.parts) if len(counts) > 1 else ("class", "files")
    rows = [(printable(name), *(str(x[name]) for x in counts)) for name in what.classes]
    for line in table([header, *rows]):
        log(f"  {line}")
    notes([f"left out: {x}" for data in what.parts.values() for x in data.notes])


def weights(what: "PretrainedWeights", rows: "Sequence[LayerMatch]") -> None:
    """What became of every array of a file of weights."""
    log(f"weights in {what.layout} layout")
    log(
        "\n".join(
            table(
                [("layer", "shape", ""), *((x.layer, x.shape, x.what) for x in rows)],
                left=3,
            )
        )
    )


def gathered(what: "PreparedData") -> None:
    """Which files could not be read, and how the others are shared out."""
    if what.bad:
        log(f"{len(what.bad)} file(s) cannot be used and are left out (bad_images.csv):")
        notes([f"{printable(file)} {reason}" for file, reason in what.bad])
    if what.shared:
        log(f"warning: {what.shared} held-out picture(s) are also in the train folder")
    counts = what.counts()
    rest = "".join(f", {n} for {x}" for x, n in counts.items() if n and x != "train")
    log(f"{counts['train']} pictures to train on{rest}")


def notes(lines: Sequence[str]) -> None:
    """Indented remarks, not more than a screen can bear."""
    for line in lines[:MOST_NOTES]:
        log(f"  {line}")
    if len(lines) > MOST_NOTES:
        log(f"  ... and {len(lines) - MOST_NOTES} more")
