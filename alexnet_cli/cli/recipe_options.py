"""Recipe fields as command-line options and TOML keys; neither TensorFlow nor NumPy."""

import math
import types
import typing
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from ..errors import RecipeError
from ..recipe.configs import DEFAULT_RECIPE, FIELDS, config_names, read_config
from ..recipe.recipe import Recipe
from ..recipe.validation import check

TYPES = typing.get_type_hints(Recipe)

_CONFIG = "alexnet.config"


class RecipeCommand(click.Command):
    """A command with a recipe, whose help lists its options under the recipe's groups.

    Where neither a recipe nor a network is asked for, `USUAL` is the recipe.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the usual recipe in front where nothing else is chosen."""
        if not {"--config", "--arch"} & {x.partition("=")[0] for x in args}:
            args = ["--config", DEFAULT_RECIPE, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section a group, the command's own options first."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record:
                field = FIELDS.get(parameter.name or "")
                title = field.metadata["group"] if field else "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for every field of Recipe, and --config below them."""
    for name, field in reversed(FIELDS.items()):
        command = _option(name, field)(command)
    return click.option(
        "--config",
        metavar="NAME|FILE",
        callback=_use_config,
        is_eager=True,
        expose_value=False,
        help=f"Recipe to start from: {', '.join(config_names())}, or a TOML file; "
        f"options on the command line win. [default: {DEFAULT_RECIPE}, unless --arch is given]",
    )(command)


def _option(name: str, field: Any) -> Callable[..., Any]:
    flag = f"--{name.replace('_', '-')}"
    kind = _plain(TYPES[name])
    if kind is bool:
        return click.option(
            f"{flag}/--no-{flag[2:]}",
            name,
            default=field.default,
            help=field.metadata["help"],
        )
    low, high = field.metadata.get("low"), field.metadata.get("high")
    bounded = low is not None or high is not None
    ranges = {int: click.IntRange, float: click.FloatRange}
    type_: Any = ranges[kind](low, high) if bounded else kind
    if field.metadata["choices"]:
        type_ = click.Choice(field.metadata["choices"])
    return click.option(
        flag,
        name,
        type=type_,
        default=field.default,
        show_default=field.default is not None,
        help=field.metadata["help"],
    )


def _plain(hint: Any) -> type:
    """int of `int | None`."""
    if isinstance(hint, types.UnionType):
        hint = next(x for x in typing.get_args(hint) if x is not type(None))
    return typing.cast(type, hint)


def recipe_of(ctx: click.Context) -> Recipe:
    """The checked Recipe of a command that has `recipe_options`.

    Raises:
        RecipeError: it contradicts itself, or an option given would have no effect.
    """
    values = {name: ctx.params[name] for name in FIELDS}
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise RecipeError(f"--{name.replace('_', '-')}: {value} is no number")
    recipe = Recipe(**values)
    check(_in_file(ctx), ctx.meta.get(_CONFIG, {}))
    # A key of the file may lose its effect to an option; what is typed may not.
    typed = [
        x for x in FIELDS if ctx.get_parameter_source(x) is ParameterSource.COMMANDLINE
    ]
    check(recipe, typed)
    return recipe


def _in_file(ctx: click.Context) -> Recipe:
    """What the configuration file alone asks for, its values checked by their options."""
    parameters = {x.name: x for x in ctx.command.params}
    keys = ctx.meta.get(_CONFIG, {})
    return Recipe(
        **{k: parameters[k].type_cast_value(ctx, str(v)) for k, v in keys.items()}
    )


def _use_config(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    keys = read_config(value)
    ctx.meta[_CONFIG] = keys
    # As text, so that click checks them like what is typed: 5.5 epochs are an error.
    ctx.default_map = {**(ctx.default_map or {}), **{k: str(v) for k, v in keys.items()}}
