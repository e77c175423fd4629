"""Lines about the work, on standard error; results go to standard output."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

MAX_NOTES = 10


def log(text: str = "") -> None:
    """Print a line about the work."""
    show(f"{text}\n")


def show(text: str) -> None:
    """Write `text` to standard error; once that is broken, to nowhere."""
    try:
        click.echo(text, err=True, nl=False)
    except (OSError, ValueError):
        discard("stderr")


def result(text: str) -> None:
    """Print the result of work that is done, and kept elsewhere.

    A broken standard output thus is no error.
    """
    try:
        click.echo(text)
    except (OSError, ValueError) as error:
        discard("stdout")
        if not isinstance(error, BrokenPipeError):
            log(f"warning: standard output: {getattr(error, 'strerror', None) or error}")


def discard(name: str) -> None:
    """Let "stdout" or "stderr" go nowhere from now on.

    What a broken stream still holds would be written, and fail again, when Python ends.
    """
    stream = getattr(sys, name)
    try:
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
    except (OSError, ValueError):
        # It has no descriptor, or was closed.
        setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        return
    os.dup2(null, number)
    os.close(null)


def notes(lines: Sequence[str]) -> None:
    """Print indented details of the line before, the first MAX_NOTES of them."""
    for line in lines[:MAX_NOTES]:
        log(f"  {line}")
    if len(lines) > MAX_NOTES:
        log(f"  ... and {len(lines) - MAX_NOTES} more")
