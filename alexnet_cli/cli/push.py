"""`alexnet push`: a run, or its exported models, to the Hugging Face hub."""

import re
from pathlib import Path

import click

from ..errors import RecipeError, first_line
from .arguments import FOLDER
from .console import log, output, result
from .progress import ConsoleListener


@click.command("push")
@click.argument("folder", type=FOLDER)
@click.argument("repository")
@click.option(
    "--private/--public",
    default=True,
    show_default=True,
    help="Who sees a repository that is made; one that exists stays as it is.",
)
@click.option("--message", metavar="TEXT", help="What the commit says.")
@click.option(
    "--revision",
    metavar="BRANCH",
    help="Branch to push to; it is made if it does not exist. [default: main]",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a token of the hub. [default: HF_TOKEN, or the login of `hf`]",
)
@click.option(
    "--with-records",
    is_flag=True,
    help="Also upload what names the images of a run, or shows them: split.csv, "
    "validation.csv, bad_images.csv, plots/augmented.png.",
)
@click.option("--dry-run", is_flag=True, help="List what would be uploaded, and stop.")
def push_command(
    *,
    folder: Path,
    repository: str,
    private: bool,
    message: str | None,
    revision: str | None,
    token_file: Path | None,
    with_records: bool,
    dry_run: bool,
) -> None:
    """Upload a run or its exported models to the Hugging Face hub.

    FOLDER is a run directory or what `alexnet export` wrote, REPOSITORY is owner/name;
    it is made if it does not exist. HF_ENDPOINT names another hub.
    """
    from ..api.push import MESSAGE, check_repository, files_to_push, push
    from ..reports.models_table import size_text

    check_repository(repository, message := MESSAGE if message is None else message)
    token = None if token_file is None else _token(token_file)
    files = files_to_push(folder, with_records=with_records)
    total = size_text(sum(x.size for x in files))
    if dry_run:
        output(f"{x.size:>12} {x.name}" for x in files)
        log(f"{len(files)} files, {total}, would be uploaded to {repository}")
        return
    log(f"{len(files)} files, {total}, to {repository}")
    address = push(
        folder,
        repository,
        private=private,
        message=message,
        revision=revision,
        token=token,
        with_records=with_records,
        listener=ConsoleListener(),
    )
    result(address)


def _token(file: Path) -> str:
    """What the file holds, without the spaces around it.

    Raises:
        RecipeError: it cannot be read, holds nothing, or not one line without spaces.
    """
    name = f"--token-file {file}"
    try:
        text = file.read_bytes().decode(errors="replace").strip()
    except OSError as error:
        raise RecipeError(f"{name}: {first_line(error)}") from error
    if not text:
        raise RecipeError(f"{name} is empty")
    if not re.fullmatch("[!-~]+", text):
        count = len(text.splitlines())
        found = f"holds {count} lines" if count > 1 else "holds what is no token"
        raise RecipeError(f"{name} {found}; it must hold one line, the token alone")
    return text
