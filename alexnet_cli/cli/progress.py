"""Progress on a terminal: bars, and a line per epoch."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .console import log

if TYPE_CHECKING:
    from ..trainer.callbacks import Progress


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
        log(f"{what}: {seconds:.0f} s")


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
        log(f"{name}  {values}  {speed}{_left(now)}{best}")


def _left(now: "Progress") -> str:
    return "" if now.left is None else f"  {span(now.left)} left"
