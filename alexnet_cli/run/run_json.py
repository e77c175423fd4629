"""run.json: the fields of a `Run` as JSON, and back. Its keys outlive renamed fields."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ..model.architecture import Architecture
from ..preprocess import Channels, Preprocess
from ..recipe.recipe import Recipe

FORMAT = 1
_WEIGHTS = re.compile(r"model\.weights\.h5|checkpoints/epoch-\d+\.weights\.h5")
_PREPROCESS_KEYS = {"resize_mode": "resize", "stored_size": "size", "input_size": "crop"}
"""Fields of Preprocess that have other names in run.json, which users' scripts read."""


def to_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The content of run.json, from the fields of a `Run` except its path."""
    preprocess = dataclasses.asdict(fields["preprocess"])
    return {
        "format": FORMAT,
        **fields,
        "architecture": fields["architecture"].to_dict(),
        "preprocess": {_PREPROCESS_KEYS.get(k, k): v for k, v in preprocess.items()},
        "recipe": fields["recipe"].flat(),
    }


def from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Run` except its path, from the content of run.json without format.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `data` is something else.
    """
    classes = tuple(data["classes"])
    if not classes or not all(isinstance(x, str) for x in classes):
        raise ValueError("classes are not a list of names")
    if not _WEIGHTS.fullmatch(data.get("weights_file", "model.weights.h5")):
        raise ValueError("weights_file is not a file of this run")
    return {
        **data,
        "architecture": Architecture.from_dict(data["architecture"]),
        "preprocess": _preprocess(dict(data["preprocess"])),
        "recipe": Recipe(**data["recipe"]),
        "classes": classes,
        # Runs of the first versions lack these.
        "temperature": float(data.get("temperature", 1)),
        "threshold": float(data.get("threshold", 0)),
    }


def _preprocess(data: dict[str, Any]) -> Preprocess:
    std = _channels(data.pop("std"))
    if std is None:
        raise ValueError("preprocess.std is missing")
    mean = _channels(data.pop("mean"))
    renamed = {field: data.pop(key) for field, key in _PREPROCESS_KEYS.items()}
    return Preprocess(mean=mean, std=std, **renamed, **data)


def _channels(numbers: Any) -> Channels | None:
    if numbers is None:
        return None
    red, green, blue = (float(x) for x in numbers)
    return red, green, blue
