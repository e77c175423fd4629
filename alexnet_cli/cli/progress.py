"""Progress: a bar that is overwritten, or a line now and then; and one for each epoch."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..api.lines import HIDDEN, LineListener, duration, epoch_name
from ..api.listener import Counter
from ..api.recording import SLOW
from ..reports.text import cells
from .console import columns, log, notes, output, overwrite, raw

if TYPE_CHECKING:
    from ..api.export import ExportReport
    from ..trainer.progress import Progress

SECONDS_BETWEEN_LINES = 30
"""Of progress in a file, or on a terminal that overwrites nothing."""


SECONDS_BEFORE_ESTIMATE = 2
"""Of the time that is left."""


class Line:
    """A line on a terminal that is overwritten; elsewhere one is printed now and then."""

    def __init__(self) -> None:
        try:
            terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
            # A notebook keeps all that was overwritten, and shows what was longer.
            self.live = terminal and "JPY_PARENT_PID" not in os.environ
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
        text = text[: columns() - 1]
        overwrite(text, self.shown)
        self.shown = cells(text)

    def clear(self) -> None:
        """Remove the line, before something else is printed."""
        if self.live:
            overwrite(shown=self.shown)
            self.shown = 0


@contextmanager
def counting(what: str) -> Iterator[Counter]:
    """A Counter that shows a bar for `what` on a terminal; a line after it if slow."""
    line, started = Line(), time.monotonic()

    def counter(done: int, count: int) -> None:
        passed = time.monotonic() - started
        line.update(f"{what} {_how_far(done, count, passed)}")

    try:
        yield counter
    finally:
        line.clear()
    seconds = time.monotonic() - started
    if seconds > SLOW:
        log(f"{what}: {seconds:.0f} s")


def _how_far(done: int, count: int, seconds: float) -> str:
    """How many are done of `count`, 0 if that is not known, and how long the rest takes."""
    if not count and done:
        return f"{done}  {done / max(seconds, 1e-3):.0f} per second"
    text = f"{bar(done / max(count, 1))} {done}/{count}"
    # What is decoded first also starts threads and fills caches.
    if seconds < SECONDS_BEFORE_ESTIMATE or not 0 < done < count:
        return text
    return f"{text}  {duration(seconds / done * (count - done))} left"


def folded(parts: Sequence[str], width: int | None) -> list[str]:
    """`parts` in a line of `width`, or in several below what follows the first part."""
    lines, indent = [parts[0]], " " * cells(parts[0])
    for part in parts[1:]:
        longer = f"{lines[-1]}  {part}"
        if width and cells(longer) > width:
            lines.append(f"{indent}  {part}")
        else:
            lines[-1] = longer
    return lines


def bar(fraction: float, width: int | None = None) -> str:
    """`fraction` (0..1) as a bar of `width` characters, by default as there is room for."""
    if width is None:
        width = max(6, min(24, columns() - 52))
    full = round(min(fraction, 1.0) * width)
    return f"[{'=' * full}{' ' * (width - full)}]"


class ConsoleListener(LineListener):
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

    def progress(self, now: "Progress") -> None:
        """Show how far training is."""
        name = epoch_name(now)
        left = now.left or 0.0
        rest = [f"{now.rate:.0f} images/s"]
        rest += [f"{duration(left)} left"] if round(left) else []
        if now.logs is None:
            done = f"{bar(now.done / now.images)} {now.done}/{now.images}"
            self.line.update("  ".join([f"{name} {done}", *rest]))
            return
        self.line.clear()
        values = [f"{k} {v:.4f}" for k, v in now.logs.items() if k not in HIDDEN]
        best = ["best"] if now.best else []
        width = columns() if self.line.live else None
        *lines, last = folded([name, *values, *rest, *best], width)
        for line in lines:
            log(line)
        log(last.removesuffix("best"), *best)


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
