"""`alexnet runs`: one table of all runs below a folder."""

import shutil
from pathlib import Path

import click

from ..api.runs import SORT_KEYS, runs
from .arguments import FOLDER, JSON
from .console import log, notes, output, raw
from .progress import ConsoleListener

_ENDLESS = 10_000
"""Width of what is no terminal."""


@click.command("runs")
@click.argument("folder", default=".", metavar="[DIR]", type=FOLDER)
@click.option(
    "--sort",
    type=click.Choice(SORT_KEYS),
    default="val",
    show_default=True,
    help="Column to sort by: texts from A to Z, the others from the highest or newest.",
)
@JSON
def runs_command(folder: Path, sort: str, as_json: bool) -> None:
    """List all runs below DIR in one table.

    \b
    alexnet runs
    alexnet runs experiments --sort test
    """
    from ..reports.runs_table import text, to_json

    found = runs(folder, sort=sort, listener=ConsoleListener())
    if as_json:
        raw(to_json(found))
    else:
        width = shutil.get_terminal_size((_ENDLESS, 0)).columns
        output(text(found, folder, width))
    if damaged := [x.error for x in found if x.error]:
        log(f"{len(damaged)} run(s) cannot be read:")
        notes(damaged)
    if not found:
        log(f"no run directories below {folder}")
