"""Lines about the work, on standard error; results go to standard output."""

from collections.abc import Sequence

import click

MAX_NOTES = 10


def log(text: str = "") -> None:
    """Print a line about the work."""
    click.echo(text, err=True)


def notes(lines: Sequence[str]) -> None:
    """Print indented details of the line before, the first MAX_NOTES of them."""
    for line in lines[:MAX_NOTES]:
        log(f"  {line}")
    if len(lines) > MAX_NOTES:
        log(f"  ... and {len(lines) - MAX_NOTES} more")
