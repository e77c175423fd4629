"""`alexnet train`: a network trained on class folders, with an option for every field."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Interrupted, printable
from ..recipe.configs import to_toml
from ..run.run import INTERRUPTED
from .arguments import FOLDER, OVERWRITE, class_names
from .console import log
from .progress import ConsoleListener
from .recipe_options import RecipeCommand, recipe_of, recipe_options

if TYPE_CHECKING:
    from ..trainer.finalize import Trained


@click.command("train", cls=RecipeCommand)
@click.option(
    "--data",
    required=True,
    type=FOLDER,
    help="Folder of class folders, or of train/ and val/ with class folders in them.",
)
@click.option(
    "--classes", help="Use only these class folders, in this order: a,b,c or @FILE."
)
@click.option(
    "--out", default="saved", show_default=True, type=FOLDER, help="Run directory to write."
)
@OVERWRITE
@click.option("--run-name", default="", help="Name of the run in TensorBoard.")
@click.option("--strict", is_flag=True, help="Refuse to train if a file cannot be used.")
@click.option(
    "--against", type=FOLDER, help="Refuse to train on images of this (test) folder."
)
@click.option("--allow-overlap", is_flag=True, help="Train on them anyway.")
@click.option("--print-config", is_flag=True, help="Print the recipe as TOML and stop.")
@recipe_options
@click.pass_context
def train_command(ctx: click.Context, /, print_config: bool, **options: Any) -> None:
    """Train a network on the class folders of DATA."""
    recipe = recipe_of(ctx)
    if print_config:
        click.echo(to_toml(recipe))
        return
    from ..api.train import TrainOptions, train_recipe

    beside = {x: options[x] for x in TrainOptions.__annotations__ if x in options}
    beside["classes"] = class_names(options["classes"])
    asked = TrainOptions(**beside, started=ctx.find_root().obj)
    trained = train_recipe(asked, recipe, ConsoleListener())
    _print_result(trained, asked.out)


def _print_result(trained: "Trained", out: Path) -> None:
    """What came of training, and where it is.

    Raises:
        Interrupted: Ctrl-C ended it.
    """
    log()
    if trained.reason:
        log(f"stopped: {trained.reason}")
    print_litert(trained.litert)
    epoch = int(trained.run.metrics["epoch"])
    scores = trained.scores
    click.echo(
        f"{printable(out)}: kept epoch {epoch}, validation accuracy {scores.top1:.4f} "
        f"({scores.images} images)"
    )
    if trained.run.status == INTERRUPTED:
        raise Interrupted(f"interrupted; epoch {epoch} is kept in {printable(out)}")


def print_litert(agrees: bool) -> None:
    """Say so if there is no LiteRT copy."""
    if not agrees:
        log(
            "no model.tflite: its predictions differed from the network's; "
            "TensorFlow is used instead, which starts more slowly"
        )
