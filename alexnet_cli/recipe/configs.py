"""Recipes as TOML: those that come with the package, and the user's own files."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from textwrap import wrap
from typing import Any

import tomli_w

from ..errors import RecipeError, printable
from .late import LATE
from .recipe import FIELDS, TITLES, Field, Recipe
from .validation import check, has_effect, parsed

DEFAULT_RECIPE = "default"
"""The recipe to use where neither a recipe nor a network is given."""


def build_recipe(
    config: str | Path | Mapping[str, Any] | None = None, **fields: Any
) -> Recipe:
    """The checked recipe of `config` with `fields` in place of its own.

    `config` is the name of a recipe of this package, a TOML file, or the values of either.
    Without it the recipe is `default`, or if `arch` is given, every field's own default.

    Raises:
        RecipeError: a field or key is unknown or impossible, or would have no effect.
    """
    if config is None and "arch" not in fields:
        config = DEFAULT_RECIPE
    keys = config if isinstance(config, Mapping) else read_config(config) if config else {}
    for name in fields:
        if name not in FIELDS:
            raise RecipeError(f"no such option: {name}{_hint(name)}")
    given = {k: parsed(FIELDS[k], v) for k, v in fields.items()}
    # Each must have an effect by itself; a key of the file may lose it to one of `fields`.
    # What comes later than its last epoch is for a larger --epochs.
    check(Recipe(**keys), keys.keys() - LATE)
    recipe = Recipe(**{**keys, **given})
    check(recipe, given)
    return recipe


def config_names() -> list[str]:
    """Names of the recipes that come with the package, sorted."""
    names = [x.name for x in _config_folder().iterdir()]
    return sorted(x.removesuffix(".toml") for x in names if x.endswith(".toml"))


def config_summary(name: str) -> str:
    """What the recipe `name` of this package is for: the first line of its file."""
    first, _, _ = _text(name).partition("\n")
    return first.removeprefix("# ")


def read_config(config: str | Path) -> dict[str, Any]:
    """The values of a recipe of this package or of a TOML file, by field.

    Raises:
        RecipeError: it does not exist, is not TOML, or a key or value is not a recipe's.
    """
    name = printable(config)
    try:
        keys = tomllib.loads(_text(str(config)))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"--config {name} is not valid TOML: {error}") from error
    for key, value in keys.items():
        if key not in FIELDS:
            raise RecipeError(f"--config {name}: unknown key {key!r}{_hint(key)}")
        if isinstance(value, dict | list):
            raise RecipeError(f"--config {name}: {key} must be a single value")
    try:
        return {k: parsed(FIELDS[k], v) for k, v in keys.items()}
    except RecipeError as error:
        raise RecipeError(f"--config {name}: {error}") from error


def _text(config: str) -> str:
    """The content of the recipe `config` of the package, or else of that file."""
    names = config_names()
    if config in names:
        return (_config_folder() / f"{config}.toml").read_text("utf-8")
    try:
        return Path(config).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        close = get_close_matches(config, names, 1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(names)}"
        raise RecipeError(
            f"--config {printable(config)}: no such recipe or file; {hint}"
        ) from error


def _config_folder() -> Traversable:
    """`configs/`: inside the installed package, beside the package in a checkout."""
    package = resources.files("alexnet_cli")
    installed = package / "configs"
    return installed if installed.is_dir() else Path(str(package)).parent / "configs"


def _hint(name: str) -> str:
    close = get_close_matches(name, FIELDS, 1)
    return f"; did you mean {close[0]}?" if close else ""


def to_toml(recipe: Recipe) -> str:
    """`recipe` as a file for --config: all fields that have an effect, by section.

    What a field means stands above it as a comment.
    """
    parts, values = [], effective(recipe)
    for section, title in TITLES.items():
        own = [x for x in FIELDS.values() if x.section == section and x.name in values]
        if own:
            lines = [_explained(x, values[x.name]) for x in own]
            parts.append("\n".join([f"# {title}\n", *lines]))
    return "\n".join(parts).removesuffix("\n")


def effective(recipe: Recipe) -> dict[str, Any]:
    """The fields of `recipe` that have a value, and an effect beside the others."""
    values = {k: v for k, v in recipe.flat().items() if v is not None}
    return {k: v for k, v in values.items() if has_effect(recipe, k)}


def _explained(field: Field, value: Any) -> str:
    """A line of TOML below what the field means, and which values it may have."""
    limits = {"from": field.low, "to": field.high}
    bounds = " ".join(f"{k} {v:.10g}" for k, v in limits.items() if v is not None)
    values = " | ".join(field.choices) or bounds
    text = f"{field.help} ({values})" if values else field.help
    lines = wrap(text, 88, break_long_words=False, break_on_hyphens=False)
    comment = "".join(f"#   {x}\n" for x in lines)
    return comment + tomli_w.dumps({field.name: value})
