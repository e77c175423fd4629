"""`alexnet import`: a run made of weights that others trained."""

from pathlib import Path

import click

from .arguments import FOLDER


@click.command("import")
@click.argument("weights")
@click.option("--out", required=True, type=FOLDER, help="Run directory to write.")
@click.option(
    "--classes",
    help="Names of the outputs, a,b,c or @FILE. [default: ImageNet's 1000]",
)
@click.option("--overwrite", is_flag=True, help="Replace a Run that is at --out.")
def import_command(weights: str, out: Path, classes: str | None, overwrite: bool) -> None:
    """Make a Run of WEIGHTS that others trained: a file, or imagenet to download."""
    from ..api import import_weights

    import_weights(weights, classes, out, overwrite)
