"""Recipes as TOML: those that come with the package, and files of the user's."""

import dataclasses
import tomllib
from difflib import get_close_matches
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..errors import RecipeError, printable
from .recipe import Recipe
from .validation import has_effect

FIELDS = {x.name: x for x in dataclasses.fields(Recipe)}

DEFAULT_RECIPE = "default"
"""The recipe of this package that trains best."""


def config_names() -> list[str]:
    """The recipes that come with the package."""
    names = [x.name for x in _config_folder().iterdir()]
    return sorted(x.removesuffix(".toml") for x in names if x.endswith(".toml"))


def _config_folder() -> Traversable:
    """`configs/`: in the package where it is installed, beside it in a checkout."""
    package = resources.files("alexnet_cli")
    installed = package / "configs"
    return installed if installed.is_dir() else Path(str(package)).parent / "configs"


def read_config(name: str) -> dict[str, Any]:
    """The keys of a recipe that comes with the package, or of a TOML file.

    Raises:
        RecipeError: there is none, it is no TOML, or a key is not of Recipe.
    """
    if name in config_names():
        text = (_config_folder() / f"{name}.toml").read_text("utf-8")
    else:
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            close = get_close_matches(name, config_names(), 1)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"names: {', '.join(config_names())}"
            )
            raise RecipeError(
                f"--config {printable(name)}: no such recipe or file; {hint}"
            ) from error
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"--config {printable(name)}: no TOML: {error}") from error
    for key, value in keys.items():
        if key not in FIELDS:
            close = get_close_matches(key, FIELDS, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise RecipeError(f"--config {printable(name)}: unknown key {key!r}{hint}")
        if isinstance(value, dict | list):
            raise RecipeError(f"--config {printable(name)}: {key} must be one value")
    return keys


def to_toml(recipe: Recipe) -> str:
    """`recipe` as a file for --config: every field that has an effect, with its meaning."""
    lines: list[str] = []
    group = ""
    for name, field in FIELDS.items():
        value = getattr(recipe, name)
        if value is None or not has_effect(recipe, name):
            continue
        if field.metadata["group"] != group:
            group = field.metadata["group"]
            lines += ["", f"# {group}"]
        text = str(value).lower() if isinstance(value, bool) else _toml(value)
        lines.append(f"{name} = {text}")
    return "\n".join(lines[1:])


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
