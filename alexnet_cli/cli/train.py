"""`alexnet train`: the command with an option for every field of a Recipe."""

from pathlib import Path
from typing import Any

import click

from ..errors import RecipeError
from ..recipe.configs import to_toml
from .arguments import FOLDER
from .recipe_options import RecipeCommand, recipe_of, recipe_options


@click.command("train", cls=RecipeCommand)
@click.option(
    "--data",
    required=True,
    type=FOLDER,
    help="Folder of class folders, or of train/ and val/.",
)
@click.option(
    "--classes", help="Take only these class folders, in this order: a,b,c or @FILE."
)
@click.option(
    "--out", default="saved", show_default=True, type=FOLDER, help="Run directory to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a Run that is at --out.")
@click.option("--run-name", default="", help="Name of the run in TensorBoard.")
@click.option("--strict", is_flag=True, help="Refuse to train when a file cannot be used.")
@click.option(
    "--against", type=FOLDER, help="Refuse to train on pictures of this (test) folder."
)
@click.option("--allow-overlap", is_flag=True, help="Train all the same.")
@click.option("--print-config", is_flag=True, help="Print the recipe as TOML and stop.")
@recipe_options
@click.pass_context
def train_command(ctx: click.Context, print_config: bool, **options: Any) -> None:
    """Train a network on the class folders of DATA."""
    recipe = recipe_of(ctx)
    if print_config:
        click.echo(to_toml(recipe))
        return
    name = options["run_name"]
    if Path(name).name != name:
        raise RecipeError(f"--run-name {name!r} must be a plain name")
    if options["allow_overlap"] and not options["against"]:
        raise RecipeError("--allow-overlap has no effect without --against")
    from ..api import TrainOptions, train

    limit = recipe.max_minutes
    options["deadline"] = limit and ctx.find_root().obj + 60 * limit
    train(TrainOptions(**{x: options[x] for x in TrainOptions.__annotations__}), recipe)
