"""run.json: the fields of a `Run` as JSON, and back. Its keys outlive renamed fields."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, NoReturn

FORMAT = 1
MAX_BYTES = 16_000_000
"""Of run.json; a hundred thousand classes take 4 MB."""
WEIGHTS = r"\A(model|checkpoints/epoch-[0-9]{5,20})\.weights\.h5\Z"
"""The files that can hold the weights of a run, below its directory."""
PREPROCESS_KEYS = {"resize_mode": "resize", "stored_size": "size", "input_size": "crop"}
"""Fields of Preprocess that have other names in run.json, which users' scripts read."""


def to_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The content of run.json, from the fields of a `Run` except its path."""
    preprocess = dataclasses.asdict(fields["preprocess"])
    return {
        "format": FORMAT,
        **fields,
        "architecture": fields["architecture"].to_dict(),
        "preprocess": {PREPROCESS_KEYS.get(k, k): v for k, v in preprocess.items()},
        "recipe": fields["recipe"].flat(),
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
    from .schema import fields_of  # Not for --help: msgspec takes longer than the rest.

    return fields_of(data)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")
