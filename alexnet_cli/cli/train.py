"""`alexnet train`: a network trained on class folders, with an option for every field."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.lines import result_line
from ..errors import AlexNetError, Interrupted, for_shell, printable
from ..recipe.configs import to_toml
from ..recipe.recipe import FIELDS
from .arguments import FOLDER, OVERWRITE, class_names, layout_options
from .console import log, output, raw, result
from .progress import ConsoleListener
from .recipe_options import (
    RecipeCommand,
    config_name,
    given_options,
    recipe_of,
    recipe_options,
)

if TYPE_CHECKING:
    from ..api.training_images import TrainOptions
    from ..recipe.recipe import Recipe
    from ..trainer.result import Trained

_WITH_RESUME = ("resume", "data", "allow_changed_data", "run_name")
"""Options besides fields of the recipe that can be given with --resume."""


@click.command("train", cls=RecipeCommand)
@click.argument("folder", metavar="[DATA]", required=False, type=FOLDER)
@click.option(
    "-d",
    "--data",
    type=FOLDER,
    help="Folder of class folders, or of train/ and val/ with class folders in them; "
    "or a manifest (.csv, .tsv, .jsonl), an archive (.zip, .tar, .tar.gz), shards or "
    "tfds:NAME. "
    "[required, except with --resume]",
)
@layout_options
@click.option(
    "--resume",
    type=FOLDER,
    help="Go on with the training of this run directory, where its last checkpoint was "
    "written; with a larger --epochs, extend a finished one.",
)
@click.option(
    "--allow-changed-data",
    is_flag=True,
    help="With --resume: go on although images have changed since.",
)
@click.option(
    "-o",
    "--out",
    default="saved",
    show_default=True,
    type=FOLDER,
    help="Run directory to write.",
)
@OVERWRITE
@click.option("--run-name", default="", help="Name of the run in TensorBoard.")
@click.option("--strict", is_flag=True, help="Refuse to train if a file cannot be used.")
@click.option(
    "--against",
    type=FOLDER,
    help="Refuse to train on images of this (test) folder, manifest, archive or tfds:NAME.",
)
@click.option("--allow-overlap", is_flag=True, help="Train on images of --against anyway.")
@click.option("--print-config", is_flag=True, help="Print the recipe as TOML and stop.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Do everything up to the first step, print how long training would take and how "
    "much memory, and write nothing.",
)
@recipe_options
@click.pass_context
def train_command(
    ctx: click.Context, /, folder: Path | None, print_config: bool, **values: Any
) -> None:
    """Train a network on the class folders of DATA.

    \b
    alexnet train flower_photos
    alexnet train flower_photos --config quick --out flowers
    alexnet train products --config finetune --weights imagenet -o products-1
    """
    started: float = ctx.find_root().obj
    values["data"] = _one_of(folder, values["data"])
    if values["resume"] is not None:
        given = given_options(ctx)
        if given.pop("folder", None):
            given["data"] = folder
        _print_result(_resumed(given, started))
        return
    if values["allow_changed_data"]:
        raise click.UsageError("--allow-changed-data has no effect without --resume")
    recipe = recipe_of(ctx)
    if print_config:
        raw(to_toml(recipe))
        return
    if not any(values[x] for x in ("data", "train", "val", "test")):
        raise click.UsageError("DATA is missing: the folder of class folders")
    from ..api.training_images import TrainOptions

    values["classes"] = class_names(values["classes"])
    names = {x.name for x in dataclasses.fields(TrainOptions)}
    options = {k: v for k, v in values.items() if k in names}
    known: dict[str, Any] = {
        "started": started,
        "command": _command(),
        "config": config_name(ctx),
    }
    _train(TrainOptions(**options, **known), recipe, dry=values["dry_run"])


def _train(options: "TrainOptions", recipe: "Recipe", *, dry: bool) -> None:
    """Train, or print what that would take."""
    if dry:
        from ..api.dry_run import described, dry_run

        output(described(dry_run(options, recipe, ConsoleListener())))
        return
    from ..api.train import train_recipe

    _print_result(train_recipe(options, recipe, ConsoleListener()))


def _command() -> str:
    """The command line, as a shell takes it."""
    return shlex.join(["alexnet", *sys.argv[1:]])


def _one_of(argument: Path | None, option: Path | None) -> Path | None:
    """The data, which is given as an argument or as an option.

    Raises:
        UsageError: it is given as both.
    """
    if argument and option:
        raise click.UsageError(f"DATA is given twice, as {argument} and as {option}")
    return argument or option


def _resumed(given: dict[str, Any], started: float) -> "Trained":
    """Go on with a run.

    Raises:
        UsageError: an option was given that only a new training takes.
    """
    from ..api.resume import ResumeOptions, resume_run

    changes = {k: v for k, v in given.items() if k in FIELDS}
    for name in given:
        if name not in (*changes, *_WITH_RESUME):
            flag = name.replace("_", "-")
            raise click.UsageError(f"--{flag} cannot be given with --resume")
    data: Path | None = given.get("data")
    options = ResumeOptions(
        given["resume"],
        changes,
        data,
        allow_changed_data=given.get("allow_changed_data", False),
        run_name=given.get("run_name", ""),
        started=started,
        command=_command(),
    )
    return resume_run(options, ConsoleListener())


def _print_result(trained: "Trained") -> None:
    """Print why training ended, how good the network is, and where it is.

    Raises:
        Interrupted: a signal ended it.
        AlexNetError: the loss became NaN or infinite.
    """
    from ..run.run import FAILED

    run = trained.run
    log()
    if trained.reason:
        log(f"stopped: {trained.reason}")
    result(result_line(trained))
    epoch, out = int(run.metrics.get("epoch", 0)), run.path
    resume = f"alexnet train --resume {for_shell(out)}"
    how_to_go_on = f"epoch {epoch} is kept in {printable(out)}; `{resume}` goes on"
    if trained.signal:
        raise Interrupted(f"interrupted; {how_to_go_on}", trained.signal)
    if run.status == FAILED:
        raise AlexNetError(f"{trained.reason}; {how_to_go_on}")
    model = "" if out == Path("saved") else f" --model {for_shell(out)}"
    log(f"use it: `alexnet evaluate{model}`, `alexnet predict{model} IMAGE`")
