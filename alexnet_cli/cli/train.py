"""`alexnet train`: a network trained on class folders, with an option for every field."""

import dataclasses
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.lines import result_line
from ..backend.cluster import KINDS, found_kind
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

_WITH_RESUME = ("resume", "data", "allow_changed_data", "run_name", "cluster", "workers")
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
@click.option(
    "--cluster",
    type=click.Choice(KINDS),
    help="Train on several workers, each started with this command: those of TF_CONFIG, of "
    "a Slurm job step, or whatever the environment names (auto); or have Ray start them.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="How many workers Ray starts. [default: one for each of its machines]",
)
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
    if not print_config and _started_by_ray(values):
        return
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
        cluster=given.get("cluster"),
        started=started,
        command=_command(),
    )
    return resume_run(options, ConsoleListener())


def _started_by_ray(values: dict[str, Any]) -> bool:
    """Have Ray start the workers, if that is asked for, and wait for them.

    Raises:
        UsageError: options contradict each other.
    """
    kind = values["cluster"]
    if kind and values["dry_run"]:
        raise click.UsageError("--dry-run is of one worker; leave out --cluster")
    if not kind or found_kind(kind, os.environ) != "ray":
        if values["workers"]:
            raise click.UsageError("--workers has no effect without --cluster ray")
        return False
    if values["overwrite"]:
        raise click.UsageError(
            "--overwrite cannot be given with --cluster ray: restarts go on with --out"
        )
    from ..api.ray_training import train_with_ray, without_ray

    train_with_ray(without_ray(sys.argv[1:]), values["workers"])
    out = values["resume"] or values["out"]
    result(f"{printable(out)}: trained by the workers of Ray")
    return True


def _print_result(trained: "Trained") -> None:
    """Print why training ended, how good the network is, and where it is.

    Raises:
        Interrupted: a signal ended it.
        AlexNetError: the loss became NaN or infinite.
    """
    from ..run.run import FAILED

    run, how_to_go_on = trained.run, "the chief of the workers has what is kept"
    if trained.chief:
        log()
        if trained.reason:
            log(f"stopped: {trained.reason}")
        result(result_line(trained))
        epoch, resume = int(run.metrics.get("epoch", 0)), f"--resume {for_shell(run.path)}"
        kept = f"epoch {epoch} is kept in {printable(run.path)}"
        how_to_go_on = f"{kept}; `alexnet train {resume}` goes on"
    if trained.signal:
        raise Interrupted(f"interrupted; {how_to_go_on}", trained.signal)
    if run.status == FAILED:
        raise AlexNetError(f"{trained.reason}; {how_to_go_on}")
    if trained.chief:
        model = "" if run.path == Path("saved") else f" --model {for_shell(run.path)}"
        log(f"use it: `alexnet evaluate{model}`, `alexnet predict{model} IMAGE`")
