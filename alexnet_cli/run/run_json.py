"""run.json: the fields of a `Run` as JSON, and back. Its keys outlive renamed fields."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from ..model.architecture import Architecture
from ..preprocess import JSON_KEYS, Preprocess
from ..recipe.recipe import Recipe
from .provenance import Provenance

FORMAT = 1
MAX_BYTES = 16_000_000
"""Of run.json; a hundred thousand classes take 4 MB."""
_FIELDS = {v: k for k, v in JSON_KEYS.items()}


def to_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The content of run.json, from the fields of a `Run` except its path."""
    preprocess = dataclasses.asdict(fields["preprocess"])
    return {
        "format": FORMAT,
        **_without_no_parts(fields),
        "architecture": fields["architecture"].to_dict(),
        "preprocess": {JSON_KEYS.get(k, k): v for k, v in preprocess.items()},
        "recipe": fields["recipe"].flat(),
        "provenance": dataclasses.asdict(fields["provenance"]),
    }


def decode(text: bytes) -> dict[str, Any]:
    """The object that `text` is, JSON without NaN and infinity.

    Raises:
        ValueError: it is something else.
    """
    try:
        # Not msgspec's: names that are not UTF-8 are halves of surrogate pairs here.
        found = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Run` except its path, from the content of run.json without format.

    Raises:
        ValueError: `data` is something else.
    """
    from . import limits, schema  # Not for --help: msgspec takes longer than the rest.

    fields = own_fields(schema.validated(data))
    limits.check_fields(fields)
    return fields


def own_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """As `from_json`, for what this program has written and nobody else could change."""
    preprocess = {_FIELDS.get(k, k): v for k, v in data["preprocess"].items()}
    for name in ("mean", "std"):
        preprocess[name] = preprocess[name] and tuple(preprocess[name])
    return {
        **_without_no_parts(data),
        "architecture": Architecture.from_dict(data["architecture"]),
        "preprocess": Preprocess(**preprocess),
        "recipe": Recipe(**data["recipe"]),
        "classes": tuple(data["classes"]),
        "provenance": Provenance(**data["provenance"]),
    }


def _without_no_parts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` without those of parts that no options have named: most runs have none."""
    return {k: v for k, v in fields.items() if v or k != "parts"}


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")
