"""The fields of a recipe as command-line options."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ..api.config import config_values
from ..recipe.configs import (
    DEFAULT_RECIPE,
    build_recipe,
    config_names,
    config_summary,
)
from ..recipe.recipe import FIELDS, TITLES, Field, Recipe
from .completion import configs, weights

Command = TypeVar("Command", bound=Callable[..., Any])
_CONFIG, _NAME = "alexnet.config", "alexnet.config.name"
_SHORT = {"epochs": "-e", "batch_size": "-b"}


class RecipeCommand(click.Command):
    """A command with `recipe_options`; its help lists them by the recipe's sections."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse `args`, with the default recipe unless they name a recipe or a network."""
        if ctx.resilient_parsing and args[-1:] and args[-1].startswith("-"):
            # What is completed is its value, without which click would not see DATA.
            args = args[:-1]
        given = {x.partition("=")[0] if x[:2] == "--" else x[:2] for x in args}
        if not {"--config", "-c", "--arch", "--resume"} & given:
            args = ["--config", DEFAULT_RECIPE, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the recipes, the command's own options, then those of each section."""
        recipes = [(x, config_summary(x)) for x in config_names()]
        sections = {"Recipes (--config)": recipes, "Options": []}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue
            record = parameter.get_help_record(ctx)
            if record:
                field = FIELDS.get(parameter.name or "")
                title = TITLES[field.section] if field else "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`command` with --config and an option for every field of Recipe."""
    return options_of(FIELDS)(command)


def options_of(names: Collection[str]) -> Callable[[Command], Command]:
    """What gives a command --config and an option for each of the fields `names`."""

    def with_options(command: Command) -> Command:
        for field in reversed([x for x in FIELDS.values() if x.name in names]):
            command = _option(field)(command)
        return _config_option()(command)

    return with_options


def _config_option() -> Callable[[Command], Command]:
    return click.option(
        "-c",
        "--config",
        metavar="NAME|FILE",
        callback=_use_config,
        is_eager=True,
        expose_value=False,
        shell_complete=configs,
        help=f"Recipe to start from: one of those above, a TOML file, or a run directory, "
        f"whose recipe is taken; options on the command line win. "
        f"[default: {DEFAULT_RECIPE}, unless --arch is given]",
    )


def _option(field: Field) -> Callable[..., Any]:
    flag = field.flag
    if field.type is bool:
        flags = f"{flag}/--no-{flag[2:]}"
        return click.option(flags, field.name, default=field.default, help=field.help)
    kind: Any = field.type
    if field.choices:
        kind = click.Choice(field.choices)
    elif field.low is not None or field.high is not None:
        ranges: dict[type, Any] = {int: click.IntRange, float: click.FloatRange}
        kind = ranges[field.type](field.low, field.high)
    return click.option(
        *(x for x in (_SHORT.get(field.name), flag) if x),
        field.name,
        type=kind,
        default=field.default,
        show_default=field.default is not None,
        shell_complete=weights if field.name == "weights" else None,
        help=field.help,
    )


def recipe_of(ctx: click.Context) -> Recipe:
    """The checked Recipe of a command that has `recipe_options`.

    Raises:
        RecipeError: options contradict each other, or one of them has no effect.
    """
    given = {k: v for k, v in given_options(ctx).items() if k in FIELDS}
    return build_recipe(ctx.meta.get(_CONFIG), **given)


def config_name(ctx: click.Context) -> str:
    """What --config named, or the default recipe; empty if a network was named instead."""
    name: str = ctx.meta.get(_NAME, "")
    return name


def given_options(ctx: click.Context) -> dict[str, Any]:
    """The options on the command line, by the names of their parameters."""
    names = [x.name for x in ctx.command.params if x.name]
    source = ctx.get_parameter_source
    given = [x for x in names if source(x) is ParameterSource.COMMANDLINE]
    # --config is not among the values, since it only changes the defaults of others.
    return {x: ctx.params.get(x, ctx.meta.get(_CONFIG)) for x in given}


def _use_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep the recipe's name and values, and make those the defaults of the options."""
    if value is not None:
        ctx.meta[_CONFIG] = values = config_values(value)
        ctx.meta[_NAME] = value
        # As text, which click converts and checks like typed options.
        keys = {k: str(v) for k, v in values.items()}
        ctx.default_map = {**(ctx.default_map or {}), **keys}
