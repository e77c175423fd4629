"""A network as an ONNX file."""

from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import version_converter

CONVERTED, OPSET = 18, 21
"""The newest operator set that tf2onnx writes, and the one that files have."""


def write_onnx(model: keras.Model, file: Path) -> None:
    """Write `model` to `file`: `pixels` to `probabilities`, with any number of images."""
    model(np.zeros((1, *model.input.shape[1:]), np.uint8))  # Keras asks for one call.
    model.export(str(file), format="onnx", opset_version=CONVERTED, verbose=False)
    found = version_converter.convert_version(onnx.load(file), OPSET)
    _rename_output(found.graph, "probabilities")
    for value in (*found.graph.input, *found.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(found)
    onnx.save(found, file)


def _rename_output(graph: onnx.GraphProto, name: str) -> None:
    [output] = graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [name if x == output.name else x for x in names]
    output.name = name
