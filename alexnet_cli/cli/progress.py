"""Progress: a bar that is overwritten, or a line now and then; and one for each epoch."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..api.listener import Counter, Listener
from ..reports.text import cells, table
from .console import log, notes, output, overwrite, raw

if TYPE_CHECKING:
    from ..api.export import ExportReport
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.progress import Progress

HIDDEN = ("epoch", "learning_rate", "side", "images_per_second")
"""Columns of history.csv that an epoch's line does not show."""
MOST_CLASSES = 30
"""Whose numbers of images are printed."""
SECONDS_BETWEEN_LINES = 30
"""Of progress in a file, or on a terminal that overwrites nothing."""


class Line:
    """A line on a terminal that is overwritten; elsewhere one is printed now and then."""

    def __init__(self) -> None:
        try:
            self.live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        except ValueError:
            # Standard error was closed.
            self.live = False
        self.last = 0.0 if self.live else time.monotonic()
        self.shown = 0

    def update(self, text: str) -> None:
        """Show `text`, at most ten times per second; where it stays, twice per minute."""
        now = time.monotonic()
        if now - self.last <= (0.1 if self.live else SECONDS_BETWEEN_LINES):
            return
        self.last = now
        if not self.live:
            log(text)
            return
        # A line that is longer than the terminal could not be overwritten.
        text = text[: shutil.get_terminal_size().columns - 1]
        overwrite(text, self.shown)
        self.shown = cells(text)

    def clear(self) -> None:
        """Remove the line, before something else is printed."""
        if self.live:
            overwrite(shown=self.shown)
            self.shown = 0


def too_many(images: int) -> str:
    """A line on near-identical images that were not looked for.

    Source of the time: docs/data.md, comparing the fingerprints of 100,000 photos.
    """
    hours = 131 / 3600 * (images / 100_000) ** 2
    return (
        f"near-identical images were not looked for, which takes about "
        f"{hours:.1f} hours of one core for {images:,} images, and more to compare what "
        f"looks alike; the parts may share some"
    )


@contextmanager
def counting(what: str) -> Iterator[Counter]:
    """A Counter that shows a bar for `what` on a terminal; a line after it if slow."""
    line, started = Line(), time.monotonic()

    def counter(done: int, count: int) -> None:
        seconds = time.monotonic() - started
        left = ""
        # Before that it is a guess.
        if seconds > 5 and 0 < done < count:
            left = f"  {duration(seconds * (count - done) / done)} left"
        line.update(f"{what} {bar(done / max(count, 1))} {done}/{count}{left}")

    try:
        yield counter
    finally:
        line.clear()
    seconds = time.monotonic() - started
    if seconds > 5:
        log(f"{what}: {seconds:.0f} s")


def bar(fraction: float, width: int = 24) -> str:
    """`fraction` (0..1) as a bar of `width` characters."""
    full = round(min(fraction, 1.0) * width)
    return f"[{'=' * full}{' ' * (width - full)}]"


def duration(seconds: float) -> str:
    """`seconds` as 2:03, or from an hour on as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ConsoleListener(Listener):
    """Prints what happens: a live line within an epoch, a lasting one after it."""

    def __init__(self) -> None:
        self.line = Line()

    def log(self, text: str) -> None:
        """Print a line about the work."""
        log(text)

    def notes(self, lines: Sequence[str]) -> None:
        """Print details of the line before."""
        notes(lines)

    counting = staticmethod(counting)

    def images_found(self, source: "Source") -> None:
        """Print how many images each class has."""
        from ..dataset.class_names import shown

        log(
            f"{source.location}: {len(source.samples)} files "
            f"in {len(source.classes)} classes"
        )
        header = ("class", *source.parts) if source.parts[1:] else ("class", "files")
        counts = [source.counts(x) for x in source.parts]
        rows = [
            (shown(name), *(str(x[i]) for x in counts))
            for i, name in enumerate(source.classes)
        ]
        for line in table([header, *rows[:MOST_CLASSES]]):
            log(f"  {line}")
        if rows[MOST_CLASSES:]:
            log(f"  ... and {len(rows) - MOST_CLASSES} more classes")
        notes([f"left out: {x}" for x in source.notes])

    def images_prepared(self, data: "PreparedData") -> None:
        """Print which files cannot be used, and how many images each part has."""
        if data.bad:
            log(
                f"{len(data.bad)} file(s) cannot be used and are left out (bad_images.csv):"
            )
            notes([f"{x.file} {x.reason}" for x in data.bad])
        if data.dim:
            from ..dataset.dim_images import remark

            log(f"warning: {remark(data.dim)}")
        if data.near.count and not data.near.compared:
            log(f"warning: {too_many(len(data.split))}")
        elif data.near.compared < data.near.count:
            log(
                f"warning: near-identical images were looked for in a tenth of "
                f"--max-minutes, by {data.near.compared:,} of {data.near.count:,} "
                f"comparisons; the parts may share others (--deterministic makes all)"
            )
        if data.shared:
            log(
                f"warning: {data.shared} held-out image(s) have a copy, or almost one, "
                f"in the training part"
            )
        counts = data.counts()
        names = {"train": "training", "val": "validation", "test": "test"}
        parts = [f"{n} {names[x]}" for x, n in counts.items() if n]
        log(f"{', '.join(parts)} images")

    def weights_matched(
        self, weights: "PretrainedWeights", matches: "Sequence[LayerMatch]"
    ) -> None:
        """Print which layers the weights fill, and which arrays no layer takes."""
        log(f"weights in {weights.layout} layout")
        rows = [("layer", "shape", ""), *((x.layer, x.shape, x.result) for x in matches)]
        for line in table(rows, left=3):
            log(line)

    def progress(self, now: "Progress") -> None:
        """Show how far training is."""
        name = f"epoch {now.epoch:>{len(str(now.epochs))}}/{now.epochs}"
        left = now.left or 0.0
        remaining = f"  {duration(left)} left" if round(left) else ""
        speed = f"{now.rate:.0f} images/s"
        if now.logs is None:
            done = f"{bar(now.done / now.images)} {now.done}/{now.images}"
            self.line.update(f"{name} {done}  {speed}{remaining}")
            return
        self.line.clear()
        values = "  ".join(f"{k} {v:.4f}" for k, v in now.logs.items() if k not in HIDDEN)
        log(f"{name}  {values}  {speed}{remaining}{'  best' if now.best else ''}")


def show_models(report: "ExportReport", *, as_json: bool) -> None:
    """Print the models of `report` side by side, and why others were left out."""
    from ..reports.models_table import text, to_json

    rows = report.own, report.exported
    if as_json:
        raw(to_json(*rows, report.images.text, report.left_out))
    else:
        output(text(*rows))
    if report.left_out:
        log("left out:")
        notes(report.left_out)


def say_undrawable(names: Iterable[str], *, bitmaps: bool = False) -> None:
    """Print a line if no font has some characters of `names`; as `fonts.undrawable`."""
    odd = [x for x in names if not x.isascii()]
    if odd:
        from ..reports.fonts import undrawable

        if missing := undrawable(odd, bitmaps=bitmaps):
            log(missing)
