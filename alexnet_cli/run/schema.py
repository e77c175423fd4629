"""What run.json may hold: the type, range and length of each of its values.

Keys that only later versions know are left out at the top and in the recipe. In the
network and its preprocessing they are refused: without them it would answer otherwise.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union

from msgspec import (
    NODEFAULT,
    Meta,
    Struct,
    ValidationError,
    convert,
    defstruct,
    field,
    to_builtins,
)

from ..model.architecture import Architecture
from ..model.layer_specs import KINDS, Layer
from ..model.variants import INITIALIZERS
from ..preprocess import JSON_KEYS, MAX_PIXELS, MAX_WHITE_LEVEL
from ..recipe.recipe import FIELDS, Field

T = TypeVar("T")
MAX_NUMBER = 1e30
"""Far from what float32 cannot hold."""
_EXACT = 2**53
"""Integers up to here are floats as well."""


@cache
def _number(low: float | None = None, high: float | None = None) -> Any:
    """The type of an integer or a finite float, either of which stays what it is."""
    low = -MAX_NUMBER if low is None else low
    high = MAX_NUMBER if high is None else high
    whole = Meta(ge=max(math.ceil(low), -_EXACT), le=min(math.floor(high), _EXACT))
    return Annotated[int, whole] | Annotated[float, Meta(ge=low, le=high)]


# Bytes that are not UTF-8 are U+DC80 to U+DCFF; other surrogates are no text at all.
_TEXT = r"\A[^\0\ud800-\udc7f\udd00-\udfff]*\Z"
Text = Annotated[str, Meta(max_length=10_000, pattern=_TEXT)]
_Word = Annotated[str, Meta(max_length=200, pattern=r"\A[ -~]*\Z")]
_ClassName = Annotated[str, Meta(min_length=1, max_length=1000, pattern=_TEXT)]
_Count = Annotated[int, Meta(ge=1, le=2**24)]
_Few = Annotated[int, Meta(ge=1, le=255)]
_Side = Annotated[int, Meta(ge=1, le=4096)]
_Float = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Positive = Annotated[float, Meta(ge=1e-6, le=1e6)]
_Weights = Annotated[
    str, Meta(pattern=r"\A(model|checkpoints/epoch-[0-9]{5,20})\.weights\.h5\Z")
]
_Number: Any = _number(-1e300, 1e300)
_LAYER_FIELDS: Mapping[str, Any] = {
    "filters": _Count,
    "units": _Count | None,
    "kernel": _Few,
    "size": _Few,
    "stride": _Few,
    "groups": _Few,
    "n": _Few,
    "padding": Literal["same", "valid"] | Annotated[int, Meta(ge=0, le=255)],
    "use_bias": bool,
    "bias": _number(),
    "std": _number(0) | None,
    "k": _number(),
    "alpha": _number(),
    "beta": _number(),
    "momentum": _number(0, 1),
    "epsilon": _number(0),
    "rate": _number(0, 0.99),
}
"""The types of the fields of all kinds of layers, by their names."""


_Initializer: Any = Literal[tuple(INITIALIZERS.values())]


def _layer(kind: type[Layer]) -> Any:
    """The type of a layer of `kind`, as `Architecture.to_dict` writes it."""
    fields = [
        (x.name, _LAYER_FIELDS[x.name], NODEFAULT if x.default is MISSING else x.default)
        for x in dataclasses.fields(kind)
    ]
    name = kind.__name__
    return defstruct(name, fields, tag_field="kind", tag=name, forbid_unknown_fields=True)


def _hyper_parameter(field: Field) -> Any:
    """The type of a field of the recipe."""
    numbers = _number(field.low, field.high)
    types = {bool: bool, str: Text, int: numbers.__args__[0], float: numbers}
    found: Any = Literal[field.choices] if field.choices else types[field.type]
    return found | None if field.optional else found


_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Date = Annotated[str, Meta(max_length=100, pattern=r"\A[0-9T:+.Z-]*\Z")]
_CheckpointFile = Annotated[str, Meta(pattern=r"\Acheckpoints/[\w-][\w.-]*\Z")]
_LAYERS: Any = Union[tuple(_layer(x) for x in KINDS.values())]  # noqa: UP007
_RECIPE: Any = defstruct(
    "Recipe", [(x.name, _hyper_parameter(x), x.default) for x in FIELDS.values()]
)


class _Architecture(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.+-]{1,100}\Z")]
    source: Text
    input_size: _Side
    classes: _Count
    layers: Annotated[list[_LAYERS], Meta(min_length=1, max_length=255)]
    initializer: _Initializer = Architecture.initializer
    mean: _Word = Architecture.mean
    std: _Word = Architecture.std


class _Preprocess(Struct, forbid_unknown_fields=True, rename=JSON_KEYS):
    resize_mode: Literal["squash", "crop", "pad"]
    stored_size: _Side
    input_size: _Side
    mean: tuple[_Float, _Float, _Float] | None
    std: tuple[_Positive, _Positive, _Positive]
    max_pixels: Annotated[int, Meta(ge=1, le=2 * 10**9)] = MAX_PIXELS
    white_level: Annotated[int, Meta(ge=1, le=MAX_WHITE_LEVEL)] | None = None
    samplewise_center: bool = False
    samplewise_std_normalization: bool = False


class _Provenance(Struct):
    command: Text = ""
    config: Text = ""
    hardware: Annotated[dict[_Word, Text], Meta(max_length=100)] = {}
    seconds: Annotated[float, Meta(ge=0, le=1e10)] = 0.0
    data_digest: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")] = ""
    images: Annotated[dict[_Word, Annotated[int, Meta(ge=0)]], Meta(max_length=10)] = {}


class _Run(Struct):
    """Defaults are those of runs of the first versions, which lack these."""

    architecture: _Architecture
    preprocess: _Preprocess
    classes: Annotated[tuple[_ClassName, ...], Meta(min_length=1, max_length=100_000)]
    recipe: _RECIPE
    data: Text = ""
    parts: dict[Literal["train", "val", "test"], Text] = {}
    status: Literal["training", "finished", "interrupted", "failed"] = "training"
    reason: Text = ""
    weights_file: _Weights = "model.weights.h5"
    created: _Date = ""
    metrics: Annotated[dict[_Word, _Number], Meta(max_length=1000)] = {}
    versions: Annotated[dict[_Word, _Word], Meta(max_length=1000)] = {}
    provenance: _Provenance = field(default_factory=_Provenance)
    temperature: _Positive = 1.0
    # More than 1 where everything is unknown.
    threshold: Annotated[float, Meta(ge=0, le=2)] = 0.0


class CheckpointIndex(Struct):
    """The JSON file of a checkpoint, besides its own digest."""

    format: Literal[1]
    epoch: Annotated[int, Meta(ge=0, le=_EXACT)]
    step: Annotated[int, Meta(ge=0, le=_EXACT)] | bool
    best: Annotated[str, Meta(pattern=r"\A(checkpoints/epoch-[0-9]{5,20}\.weights\.h5)?\Z")]
    files: dict[_CheckpointFile, _Digest]
    state: dict[str, Any]


class _Evaluation(Struct, forbid_unknown_fields=True):
    location: Text
    part: _Word
    digest: _Digest
    images: Annotated[int, Meta(ge=1)]
    top1: Annotated[float, Meta(ge=0, le=1)]
    weights_digest: _Digest
    date: _Date = ""


class EvaluationsFile(Struct):
    """evaluations.json."""

    format: Literal[1]
    evaluations: Annotated[list[_Evaluation], Meta(max_length=1000)]


def converted(data: Any, kind: type[T]) -> T:
    """`data`, as `json.loads` gives it, as a value of `kind`.

    Raises:
        ValueError: it is something else.
    """
    try:
        return convert(data, kind)
    except ValidationError as error:
        text = re.sub(r" matching regex .* - at", " of another form - at", str(error))
        raise ValueError(text.replace("`$.", "`")) from error


def validated(data: Any) -> dict[str, Any]:
    """The known keys of run.json from its content without format, the missing ones too.

    Raises:
        ValueError: a value is missing, or of another type or range.
    """
    found: dict[str, Any] = to_builtins(converted(data, _Run))
    return found
