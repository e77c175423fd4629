"""What a .keras file may hold before Keras gets it: layers of a short list, plain arrays.

Keras makes whatever class its configuration names, and its reader of HDF5 follows a file
into other files.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..model.pretrained.keras_format import check_arrays
from .archives import UNREADABLE, entry, members

_LAYERS = {
    "Activation", "AdaptiveAveragePooling2D", "Average", "AveragePooling2D",
    "BatchNormalization", "Concatenate", "Conv2D", "Cropping2D", "Dense", "Dropout",
    "EinsumDense", "Flatten", "InputLayer", "MaxPooling2D", "Normalization", "ReLU",
    "Rescaling", "Softmax", "ZeroPadding2D",
}  # fmt: skip
_MODULES = {
    "keras.src.models.functional": {"Functional"},
    "keras": {"DTypePolicy"},
    "keras.layers": _LAYERS,
    # What is no object: Keras marks values of other types so.
    None: {"__keras_tensor__", "__numpy__", "__slice__", "__tuple__", "__ellipsis__"},
}
# Neither takes a function or a name of one.
_PLAIN_MODULES = ("keras.initializers", "keras.src.ops.numpy", "keras.src.ops.nn")
_OPERATIONS = {"Cast"}
"""Of keras.src.ops.core, which has operations that call functions too."""
_MAX_CONFIG = 64 * 2**20
_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
"""Keras unpacks whatever else there is."""


def check_keras(file: Path) -> None:
    """Check that the file has nothing but layers that an export writes, and their arrays.

    Raises:
        WeightsError: it has, or is damaged.
    """
    try:
        if odd := sorted(members(file) - _MEMBERS):
            raise WeightsError(f"has a member that no export writes: {odd[0][:100]}")
        config = json.loads(entry(file, "config.json", _MAX_CONFIG))
        if not isinstance(config, dict) or config.get("class_name") != "Functional":
            raise WeightsError("is no functional model, as exports are")
        for module, name in _classes(config):
            if not _is_known(module, name):
                raise WeightsError(f"has a {module}.{name}, which no export writes")
    except UNREADABLE as error:
        raise WeightsError(f"is damaged: {error}") from error
    check_arrays(file)


def _is_known(module: Any, name: Any) -> bool:
    if module in _PLAIN_MODULES:
        return True
    if module == "keras.src.ops.core":
        return name in _OPERATIONS
    return name in _MODULES.get(module, ())


def _classes(node: Any) -> Iterator[tuple[Any, Any]]:
    """Modules and names of all that a configuration has Keras make."""
    if isinstance(node, dict):
        if "class_name" in node or "registered_name" in node:
            # Without a module it is looked up by its name alone.
            yield node.get("module"), node.get("class_name")
        for x in node.values():
            yield from _classes(x)
    elif isinstance(node, list):
        for x in node:
            yield from _classes(x)
