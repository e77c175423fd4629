"""`alexnet sample`: a small synthetic data set, for a first try offline."""

from pathlib import Path

import click

from .arguments import FOLDER
from .console import output


@click.command("sample")
@click.argument("folder", type=FOLDER)
@click.option(
    "--photos",
    default=100,
    show_default=True,
    type=click.IntRange(2),
    help="Training images per class.",
)
@click.option(
    "--tests",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Test images per class.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Random seed."
)
def sample_command(folder: Path, photos: int, tests: int, seed: int) -> None:
    """Draw a small synthetic data set into FOLDER, to try things out offline."""
    from ..dataset.synthetic import draw_sample

    output(str(x) for x in draw_sample(folder, photos, tests, seed).values())
