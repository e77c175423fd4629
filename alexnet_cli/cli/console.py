"""Lines about the work, to standard error; results go to standard output."""

from collections.abc import Sequence

import click

MOST_NOTES = 10


def log(text: str = "") -> None:
    """Print a line about the work."""
    click.echo(text, err=True)


def notes(lines: Sequence[str]) -> None:
    """Print indented details, not more than a screen can hold."""
    for line in lines[:MOST_NOTES]:
        log(f"  {line}")
    if len(lines) > MOST_NOTES:
        log(f"  ... and {len(lines) - MOST_NOTES} more")
