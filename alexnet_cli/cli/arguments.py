"""Arguments and options that several commands share."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..recipe.recipe import FIELDS
from .completion import classes

if TYPE_CHECKING:
    from ..api.ray_cluster import Machines

Command = TypeVar("Command", bound=Callable[..., Any])


class _Location(click.Path):
    """A path; an empty one, as of a variable that is not set, is not the folder "."."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The path that `value` says."""
        if value == "":
            self.fail("the path is empty.", param, ctx)
        return super().convert(value, param, ctx)


FOLDER = _Location(path_type=Path)


class NumberRange(click.FloatRange):
    """A range of numbers, which NaN is not in; click lets it pass every comparison."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The number that `value` says."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def model_option(text: str) -> Callable[[Command], Command]:
    """The option --model, whose help is `text`."""
    option = click.option
    return option("--model", default="saved", show_default=True, type=FOLDER, help=text)


MODEL = model_option("Run directory to use.")
ANY_MODEL = model_option("Run directory or exported model to use.")
COMPARED_ON = click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders, manifest, archive or tfds:NAME to compare on. [default: "
    "the run's own held-out images]",
)
OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace a run directory that exists at --out."
)
RAW_CSV = click.option(
    "--raw-csv",
    is_flag=True,
    help="With --csv: leave out the ' before names that a spreadsheet would take for a "
    "formula.",
)


def layout_options(command: Command) -> Command:
    """The options that say where class folders are, and which are used."""
    options = (
        click.option(
            "--train",
            type=FOLDER,
            help="Folder of class folders to train on, in place of --data.",
        ),
        click.option("--val", type=FOLDER, help="Folder of class folders to validate on."),
        click.option(
            "--test",
            type=FOLDER,
            help="Folder of class folders to keep for `alexnet evaluate`.",
        ),
        click.option(
            "--classes",
            shell_complete=classes,
            help="Use only these classes, in this order: a,b,c or @FILE.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def ray_options(command: Command) -> Command:
    """Add --cluster and --workers, for `machines_of`."""
    workers = click.option(
        "--workers",
        type=click.IntRange(1),
        help="How many processes Ray starts. [default: one on each of its machines]",
    )
    cluster = click.option(
        "--cluster",
        type=click.Choice(["ray"]),
        help="Spread the work over the machines of Ray: those of RAY_ADDRESS, or this one.",
    )
    return cluster(workers(command))


def machines_of(
    cluster: str | None, workers: int | None
) -> "AbstractContextManager[Machines] | None":
    """The machines that --cluster names, to be entered; None without it.

    Raises:
        UsageError: --workers is given alone.
    """
    if cluster:
        from ..api.ray_cluster import connected

        return connected(workers)
    if workers:
        raise click.UsageError("--workers has no effect without --cluster ray")
    return None


def max_megapixels_option(default: str) -> Callable[[Command], Command]:
    """The option --max-megapixels, whose default is `default` in words."""
    field = FIELDS["max_megapixels"]
    return click.option(
        field.flag,
        type=NumberRange(field.low, field.high),
        help=f"{field.help} [default: {default}]",
    )


RUNS_MAX_MEGAPIXELS = max_megapixels_option("the run's")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def require_csv(raw: bool, csv: bool) -> None:
    """Check that --raw-csv is given with --csv only.

    Raises:
        UsageError: it is not.
    """
    if raw and not csv:
        raise click.UsageError("--raw-csv has no effect without --csv")


def class_names(text: str | None) -> tuple[str, ...]:
    """The names that the value of --classes lists; none if it was not given.

    Raises:
        DatasetError: a file cannot be read, or a name is listed twice.
    """
    if text is None:
        return ()
    from ..dataset.class_names import read_classes

    return read_classes(text)
