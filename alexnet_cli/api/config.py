"""What --config names: a recipe of the package, a TOML file, or a run and its recipe."""

from pathlib import Path
from typing import Any

from ..recipe.configs import config_names, effective, read_config
from ..run.run import Run


def config_values(config: str | Path) -> dict[str, Any]:
    """The values of the recipe that `config` names, by field.

    Raises:
        RecipeError: it does not exist, is not TOML, or a key or value is not a recipe's.
        RunError: it is a folder that is not a run directory, or whose run.json is damaged.
    """
    if config and str(config) not in config_names() and Path(config).is_dir():
        return effective(Run.read(Path(config)).recipe)
    return read_config(config)
