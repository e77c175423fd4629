"""What a shell completes as the value of an option, besides choices and files."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..errors import AlexNetError
from ..recipe.configs import config_names, config_summary

_FILES = CompletionItem("", type="file")
"""Whatever files there are; the shell lists them itself."""


def configs(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of recipes, and TOML files or run directories."""
    names = [CompletionItem(x, help=config_summary(x)) for x in config_names()]
    return [_FILES, *(x for x in names if x.value.startswith(begun))]


def weights(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The word for downloaded weights, and files or run directories."""
    names = [CompletionItem("imagenet", help="torchvision's, downloaded once")]
    return [_FILES, *(x for x in names if x.value.startswith(begun))]


def classes(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Lists of the classes of the data that is given, by one more class; or files."""
    if begun.startswith("@"):
        return [_FILES]
    before, comma, last = begun.rpartition(",")
    listed = {x.strip() for x in before.split(",")}
    names = (x for x in _classes(ctx) if x not in listed and x.startswith(last))
    return [CompletionItem(f"{before}{comma}{x}") for x in names]


def _classes(ctx: click.Context) -> Iterator[str]:
    """The classes of the data that the arguments so far name, if it can be read."""
    given: Iterable[Path | None] = (ctx.params.get(x) for x in ("folder", "data", "train"))
    data = next(filter(None, given), None)
    if data is None:
        return
    from ..dataset.sources.open import open_labeled

    try:
        yield from open_labeled(data).classes
    except (AlexNetError, OSError):
        return  # What is wrong with it is said when the command is run.
