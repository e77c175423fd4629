"""A .keras file of Keras' own layers, told by no more than any version of Keras 3 knows."""

import inspect
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..arrays import Floats
from ..backend.dtype_policy import dtype_policy
from ..dataset.standardize import Box, boxes, neighbors, samplewise
from ..inference.network import load_mean_image
from ..run.run import Run
from .served_network import plain_network

_KEPT = ("name", "dtype", "batch_shape", "scale", "offset")


def write_keras(run: Run, network: keras.Model, file: Path) -> None:
    """Write what `run` does to stored pixels with `network` into `file`.

    Raises:
        ExportError: it has a layer that Keras does not.
    """
    layered_network(run, plain_network(network)).save(file)
    with zipfile.ZipFile(file) as archive:
        members = {x: archive.read(x) for x in archive.namelist()}
    config = json.loads(members["config.json"])
    members["config.json"] = json.dumps(_least(config)).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def layered_network(run: Run, network: keras.Model) -> keras.Model:
    """As `served_network`, but of layers: versions tell operations in different ways.

    Stored pixels uint8 [B, R, R, 3] to probabilities float32 [B, K].
    """
    size, tta = run.preprocess.stored_size, run.recipe.inference.tta
    with dtype_policy("float32"):
        pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
        standardized = _standardization(run)(keras.layers.Rescaling(1.0)(pixels))
        cut = [_cut(run, x, standardized) for x in boxes(run.preprocess, tta)]
        views = [samplewise(x, run.preprocess) for x in cut]
        if tta != "none":
            mirror = _mirror(run.preprocess.input_size)
            views = [x for view in views for x in (view, mirror(view))]
        scale = keras.layers.Rescaling(1 / run.temperature)
        answers = [keras.layers.Softmax()(scale(network(x))) for x in views]
        mean = keras.layers.Average()(answers) if len(answers) > 1 else answers[0]
        named = keras.layers.Activation("linear", name="probabilities")
        return keras.Model(pixels, named(mean), name=network.name)


def _standardization(run: Run) -> keras.layers.Layer:
    """Less the mean color or the mean image, by the standard deviation."""
    mean = load_mean_image(run)
    mean = np.asarray(run.preprocess.mean, np.float32) if mean is None else mean
    variance = np.broadcast_to(np.square(run.preprocess.std, dtype=np.float32), mean.shape)
    axes = (-1,) if mean.ndim == 1 else (1, 2, 3)
    return keras.layers.Normalization(
        axis=axes, mean=mean.tolist(), variance=variance.tolist()
    )


def _cut(run: Run, box: Box, values: Any) -> Any:
    """What is in `box` of stored pixels, at the size of the network's input."""
    top, left, side = box
    rest, size = run.preprocess.stored_size - side, run.preprocess.input_size
    values = keras.layers.Cropping2D(((top, rest - top), (left, rest - left)))(values)
    if side == size:
        return values
    # Not Resizing: with it, a model called without `training` runs in training mode.
    first, weight = neighbors(side, size)
    matrix, pixel = np.zeros((side, size), np.float32), np.arange(size)
    matrix[first, pixel] = 1 - weight
    matrix[first + 1, pixel] = weight
    across = _product("bhwc,wv->bhvc", (side, side), (side, size), matrix)
    down = _product("bhwc,hv->bvwc", (side, size), (size, size), matrix)
    return down(across(values))


def _mirror(side: int) -> keras.layers.Layer:
    """Left and right exchanged, as a product with a matrix: no layer does just this."""
    reverse = np.eye(side, dtype=np.float32)[::-1]
    return _product("bhwc,wv->bhvc", (side, side), (side, side), reverse)


def _product(
    equation: str, before: tuple[int, int], after: tuple[int, int], matrix: Floats
) -> keras.layers.Layer:
    """The layer that makes images of `after` of those of `before`, height and width."""
    layer = keras.layers.EinsumDense(equation, (*after, 3))
    layer.build((None, *before, 3))
    layer.set_weights([matrix])
    return layer


def _least(node: Any) -> Any:
    """The configuration `node` without what a version may not know and none needs.

    Those are arguments at their defaults, initializers, and names given twice.
    """
    if isinstance(node, list):
        return [_least(x) for x in node]
    if not isinstance(node, dict):
        return node
    if node.get("class_name") == "DTypePolicy":
        return node["config"]["name"]
    node = {k: _least(v) for k, v in node.items()}
    if node.get("module") == "keras.layers":
        layer = getattr(keras.layers, node["class_name"])
        node["config"] = _without_defaults(layer, node["config"])
    elif str(node.get("module")).startswith("keras.src.ops."):
        node["config"].pop("name", None)
    return node


def _without_defaults(layer: type, config: dict[str, Any]) -> dict[str, Any]:
    usual = {k: x.default for k, x in inspect.signature(layer).parameters.items()}
    usual |= {"trainable": True, "sparse": False, "ragged": False, "optional": False}
    return {
        k: v
        for k, v in config.items()
        if k in _KEPT or not (k.endswith("_initializer") or (k in usual and usual[k] == v))
    }
