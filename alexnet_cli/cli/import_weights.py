"""`alexnet import`: a run directory made from weights that others trained."""

from pathlib import Path

import click

from .arguments import FOLDER, OVERWRITE, class_names
from .console import log, output
from .progress import ConsoleListener


@click.command("import")
@click.argument("weights")
@click.option("--out", required=True, type=FOLDER, help="Run directory to write.")
@click.option(
    "--classes",
    help="Names of the network's outputs: a,b,c or @FILE. [default: ImageNet's 1000]",
)
@OVERWRITE
def import_command(weights: str, out: Path, classes: str | None, overwrite: bool) -> None:
    """Make a run directory from WEIGHTS that others trained.

    WEIGHTS is a file, or imagenet to download those of torchvision's AlexNet.
    """
    from ..api.pretrained import import_weights

    names = class_names(classes)
    run = import_weights(
        weights, out, classes=names, overwrite=overwrite, listener=ConsoleListener()
    )
    if not run.litert.is_file():
        log(
            "warning: no model.tflite, because its predictions differed from the "
            "network's; TensorFlow is used instead, which starts more slowly"
        )
    output([f"{out}: {run.recipe.network.arch} with {len(run.classes)} classes"])
