"""What a .keras file may hold before Keras gets it: layers of a short list, plain arrays.

Keras makes whatever class its configuration names, and its reader of HDF5 follows a file
into other files.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import WeightsError
from ..model.pretrained.keras_format import check_arrays

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
}
# Neither takes a function or a name of one.
_PLAIN_MODULES = ("keras.initializers", "keras.src.ops.numpy", "keras.src.ops.nn")
_OPERATIONS = {"Cast"}
"""Of keras.src.ops.core, which has operations that call functions too."""
_MAX_CONFIG = 64 * 2**20


def check_keras(file: Path) -> None:
    """Check that the file has nothing but layers that an export writes, and their arrays.

    Raises:
        WeightsError: it has, or is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo("config.json").file_size > _MAX_CONFIG:
                raise WeightsError("has a config.json of more than 64 MiB")
            config = json.loads(archive.read("config.json"))
        for module, name in _classes(config):
            if not _is_known(module, name):
                raise WeightsError(f"has a {module}.{name}, which no export writes")
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
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
        if "class_name" in node and "module" in node:
            yield node["module"], node["class_name"]
        if "registered_name" in node and "module" not in node:
            yield node["registered_name"], node.get("class_name")
        for x in node.values():
            yield from _classes(x)
    elif isinstance(node, list):
        for x in node:
            yield from _classes(x)
