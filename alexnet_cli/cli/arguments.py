"""Options that several commands share."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path)

FOLDER = click.Path(path_type=Path)

MODEL = click.option(
    "--model", default="saved", show_default=True, type=FOLDER, help="Run directory to use."
)
