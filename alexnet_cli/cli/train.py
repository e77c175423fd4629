"""`alexnet train`: a network trained on class folders, with an option for every field."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from ..errors import Interrupted, printable
from ..recipe.configs import to_toml
from .arguments import FOLDER, OVERWRITE, class_names
from .console import log
from .progress import ConsoleListener
from .recipe_options import RecipeCommand, recipe_of, recipe_options

if TYPE_CHECKING:
    from ..run.run import Run
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
@click.option("--allow-overlap", is_flag=True, help="Train on images of --against anyway.")
@click.option("--print-config", is_flag=True, help="Print the recipe as TOML and stop.")
@recipe_options
@click.pass_context
def train_command(ctx: click.Context, /, print_config: bool, **values: Any) -> None:
    """Train a network on the class folders of DATA."""
    recipe = recipe_of(ctx)
    if print_config:
        click.echo(to_toml(recipe))
        return
    from ..api.train import TrainOptions, train_recipe

    values["classes"] = class_names(values["classes"])
    names = {x.name for x in dataclasses.fields(TrainOptions)}
    options = {k: v for k, v in values.items() if k in names}
    started: float = ctx.find_root().obj
    trained = train_recipe(
        TrainOptions(**options, started=started), recipe, ConsoleListener()
    )
    _print_result(trained)


def _print_result(trained: "Trained") -> None:
    """Print why training ended, how good the network is, and where it is.

    Raises:
        Interrupted: Ctrl-C ended it.
    """
    from ..run.run import INTERRUPTED

    run, scores = trained.run, trained.scores
    log()
    if trained.reason:
        log(f"stopped: {trained.reason}")
    warn_without_litert(run)
    epoch, out = int(run.metrics["epoch"]), printable(run.path)
    click.echo(
        f"{out}: kept epoch {epoch}, validation accuracy {scores.top1:.4f} "
        f"({scores.images} images)"
    )
    if run.status == INTERRUPTED:
        raise Interrupted(f"interrupted; epoch {epoch} is kept in {out}")


def warn_without_litert(run: "Run") -> None:
    """Print a warning if `run` has no LiteRT copy."""
    if not run.litert.is_file():
        log(
            "warning: no model.tflite, because its predictions differed from the "
            "network's; TensorFlow is used instead, which starts more slowly"
        )
