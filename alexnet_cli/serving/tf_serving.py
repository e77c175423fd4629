"""TensorFlow Serving's REST form: its requests read, and its answers written.

Source: https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Pixels
from ..errors import printable
from ..inference.prediction import Prediction
from .batcher import Image
from .refusals import Refused

VERSION = "1"
DEFAULT = "serving_default"
INPUTS = {DEFAULT: "images", "pixels": "pixels"}
"""The one input of each signature of the SavedModel that `export` writes."""


@dataclass(frozen=True)
class Call:
    """What a request asks for."""

    images: list[Image]
    by_row: bool
    """An answer for each instance, not one list for each output."""


def parse(body: bytes, side: int, max_images: int) -> Call:
    """The images of a predict request; `side` is R, that of the signature `pixels`.

    Raises:
        Refused: 400, it is not in one of TensorFlow Serving's forms; 413, too many images.
    """
    request = _object(body)
    signature = request.get("signature_name", "") or DEFAULT
    if not isinstance(signature, str) or signature not in INPUTS:
        raise _wrong(f"there is no signature {signature!r}; there are {', '.join(INPUTS)}")
    if ("instances" in request) == ("inputs" in request):
        raise _wrong("it needs either 'instances' or 'inputs'")
    by_row, name = "instances" in request, INPUTS[signature]
    values = _rows(request["instances"], name) if by_row else _column(request, name)
    if len(values) > max_images:
        raise Refused(413, f"{len(values)} images are more than {max_images}")
    read = _image if signature == DEFAULT else _pixels
    return Call([read(x, i, side) for i, x in enumerate(values)], by_row)


def answer(call: Call, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The answer to `call`.

    Raises:
        Refused: 400, an image cannot be read.
    """
    for i, x in enumerate(predictions):
        if x.error:
            raise _wrong(f"image {i} {x.error}")
    rows = [_row(x) for x in predictions]
    if call.by_row:
        return {"predictions": rows}
    return {"outputs": {k: [x[k] for x in rows] for k in rows[0]}}


def status() -> dict[str, Any]:
    """What GET /v1/models/NAME answers."""
    fine = {"error_code": "OK", "error_message": ""}
    version = {"version": VERSION, "state": "AVAILABLE", "status": fine}
    return {"model_version_status": [version]}


def metadata(name: str, side: int, classes: int) -> dict[str, Any]:
    """What GET /v1/models/NAME/metadata answers; `side` is R."""
    encoded = {"images": _tensor("DT_STRING", [-1], f"{DEFAULT}_images:0")}
    pixels = {"pixels": _tensor("DT_UINT8", [-1, side, side, 3], "pixels_pixels:0")}
    signatures = {}
    for signature, inputs in ((DEFAULT, encoded), ("pixels", pixels)):
        call = "StatefulPartitionedCall"
        outputs = {
            "classes": _tensor("DT_STRING", [-1, classes], f"{call}:0"),
            "probabilities": _tensor("DT_FLOAT", [-1, classes], f"{call}:1"),
        }
        method = "tensorflow/serving/predict"
        signatures[signature] = {
            "inputs": inputs, "outputs": outputs, "method_name": method, "defaults": {},
        }  # fmt: skip
    return {
        "model_spec": {"name": name, "signature_name": "", "version": VERSION},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _tensor(dtype: str, shape: Sequence[int], name: str) -> dict[str, Any]:
    dim = [{"size": str(x), "name": ""} for x in shape]
    return {
        "dtype": dtype, "tensor_shape": {"dim": dim, "unknown_rank": False}, "name": name,
    }  # fmt: skip


def _object(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except RecursionError as error:
        raise _wrong("its JSON is nested too deeply") from error
    except ValueError as error:
        raise _wrong(f"it is not JSON: {printable(str(error))[:200]}") from error
    if not isinstance(request, dict):
        raise _wrong("it is not a JSON object")
    return request


def _rows(instances: Any, name: str) -> list[Any]:
    """The value of the input `name` in each of `instances`."""
    if not isinstance(instances, list) or not instances:
        raise _wrong("'instances' is not a list with at least one value")
    return [_named(x, name) for x in instances]


def _column(request: dict[str, Any], name: str) -> list[Any]:
    """The values of the input `name`, of which "inputs" has a list."""
    values = _named(request["inputs"], name)
    if not isinstance(values, list) or not values:
        raise _wrong(f"'inputs' has no list with at least one value for {name!r}")
    return values


def _named(value: Any, name: str) -> Any:
    """`value` without the name of the input, which may be left out."""
    if not isinstance(value, dict) or set(value) == {"b64"}:
        return value
    if set(value) != {name}:
        names = ", ".join(map(repr, value))
        raise _wrong(f"there is one input, {name!r}, not {printable(names)[:200]}")
    return value[name]


def _image(value: Any, index: int, side: int) -> bytes:
    text = value.get("b64") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise _wrong(f'image {index} is not of the form {{"b64": "..."}}')
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _wrong(f"image {index} is not base64") from error


def _pixels(value: Any, index: int, side: int) -> Pixels:
    try:
        array = np.array(value)
    except ValueError:
        array = np.empty(0)
    levels = array.dtype.kind in "iu" and array.shape == (side, side, 3)
    if not levels or array.min() < 0 or array.max() > 255:
        raise _wrong(
            f"image {index} is not {side} x {side} pixels of 3 whole numbers, 0 to 255"
        )
    return array.astype(np.uint8)


def _row(prediction: Prediction) -> dict[str, Any]:
    """Probabilities, each with the digits that float32 has, and the names of classes."""
    values = prediction.probabilities
    assert values is not None
    return {
        "probabilities": [float(str(x)) for x in np.asarray(values, np.float32)],
        "classes": list(prediction.classes),
    }


def _wrong(problem: str) -> Refused:
    return Refused(400, f"the request cannot be used: {problem}")
