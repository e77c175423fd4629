"""Arguments and options that several commands share."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path)
MODEL = click.option(
    "--model",
    default="saved",
    show_default=True,
    type=FOLDER,
    help="Run directory to use.",
)
ANY_MODEL = click.option(
    "--model",
    default="saved",
    show_default=True,
    type=FOLDER,
    help="Run directory to use, or a file that `alexnet export` wrote.",
)
OVERWRITE = click.option(
    "--overwrite", is_flag=True, help="Replace a run directory that exists at --out."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def class_names(text: str | None) -> tuple[str, ...]:
    """The names that the value of --classes lists; none if it was not given.

    Raises:
        DatasetError: a file cannot be read, or a name is listed twice.
    """
    if text is None:
        return ()
    from ..dataset.folders import read_classes

    return read_classes(text)
