"""What commands print: text of results, and lines about work going on. No TensorFlow."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .errors import printable
from .reports.text import table

if TYPE_CHECKING:
    from .dataset.prepare import ImageFolder, PreparedData
    from .model.pretrained.layouts import PretrainedWeights
    from .model.pretrained.matching import LayerMatch
    from .trainer.callbacks import Progress

MOST_NOTES = 10


def say(text: str = "") -> None:
    """A line about the work, to stderr; results go to stdout."""
    click.echo(text, err=True)


def found(what: "ImageFolder") -> None:
    """Pictures, classes and counts of a folder that is about to be decoded."""
    say(f"{printable(what.root)}: {len(what)} files in {len(what.classes)} classes")
    counts = [x.counts() for x in what.parts.values()]
    header = ("class", *what.parts) if len(counts) > 1 else ("class", "files")
    rows = [(printable(name), *(str(x[name]) for x in counts)) for name in what.classes]
    for line in table([header, *rows]):
        say(f"  {line}")
    notes([f"left out: {x}" for data in what.parts.values() for x in data.notes])


def weights(what: "PretrainedWeights", rows: "Sequence[LayerMatch]") -> None:
    """What became of every array of a file of weights."""
    say(f"weights in {what.layout} layout")
    say(
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
        say(f"{len(what.bad)} file(s) cannot be used and are left out (bad_images.csv):")
        notes([f"{printable(file)} {reason}" for file, reason in what.bad])
    if what.shared:
        say(f"warning: {what.shared} held-out picture(s) are also in the train folder")
    counts = what.counts()
    rest = "".join(f", {n} for {x}" for x, n in counts.items() if n and x != "train")
    say(f"{counts['train']} pictures to train on{rest}")


def notes(lines: Sequence[str]) -> None:
    """Indented remarks, not more than a screen can bear."""
    for line in lines[:MOST_NOTES]:
        say(f"  {line}")
    if len(lines) > MOST_NOTES:
        say(f"  ... and {len(lines) - MOST_NOTES} more")


class Line:
    """One line on a terminal that is written over; nothing where output is piped."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.last = 0.0

    def update(self, text: str) -> None:
        """Show `text`, at most ten times a second."""
        now = time.monotonic()
        if self.live and now - self.last > 0.1:
            self.last = now
            click.echo(f"\r{text}\x1b[K", err=True, nl=False)

    def clear(self) -> None:
        """Make room for what is said next."""
        if self.live:
            click.echo("\r\x1b[K", err=True, nl=False)


@contextmanager
def counting(what: str) -> Iterator[Any]:
    """A function of (done, all) that shows a bar for `what` on a terminal."""
    line, started = Line(), time.monotonic()

    def progress(done: int, count: int) -> None:
        line.update(f"{what} {bar(done / max(count, 1))} {done}/{count}")

    try:
        yield progress
    finally:
        line.clear()
    seconds = time.monotonic() - started
    if seconds > 5:
        say(f"{what}: {seconds:.0f} s")


def bar(share: float, width: int = 24) -> str:
    """`share` (0..1) as a bar of `width` characters."""
    full = round(min(share, 1.0) * width)
    return f"[{'=' * full}{' ' * (width - full)}]"


def span(seconds: float) -> str:
    """1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class EpochLine:
    """Reports training: a live line within an epoch, one line that stays for each."""

    def __init__(self) -> None:
        self.line = Line()

    def __call__(self, now: "Progress") -> None:
        """Show `now`."""
        name = f"epoch {now.epoch:>{len(str(now.epochs))}}/{now.epochs}"
        speed = f"{now.rate:.0f} images/s"
        if now.logs is None:
            done = f"{now.done}/{now.pictures}"
            rest = f"{speed}{_left(now)}"
            self.line.update(f"{name} {bar(now.done / now.pictures)} {done}  {rest}")
            return
        self.line.clear()
        hidden = ("epoch", "learning_rate", "side", "images_per_second")
        values = "  ".join(f"{k} {v:.4f}" for k, v in now.logs.items() if k not in hidden)
        best = "  best" if now.best else ""
        say(f"{name}  {values}  {speed}{_left(now)}{best}")


def _left(now: "Progress") -> str:
    return "" if now.left is None else f"  {span(now.left)} left"
