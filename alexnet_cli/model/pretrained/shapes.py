"""The shapes of the arrays that each layer of a network has."""

from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense, Layer

Shape = tuple[int, ...]


def layer_shapes(arch: Architecture, classes: int) -> dict[str, list[Shape]]:
    """Shapes of the arrays in Keras' order, by the name of their layer, in order."""
    found = {}
    into: Shape = (arch.input_size, arch.input_size, 3)
    for row in trace(arch, classes):
        shapes = _shapes(row.layer, into, row.shape)
        into = row.shape
        if shapes:
            found[row.name] = shapes
    return found


def _shapes(layer: Layer, into: Shape, out: Shape) -> list[Shape]:
    match layer:
        case Conv(filters=filters, kernel=kernel, groups=groups, use_bias=bias):
            shape = (kernel, kernel, into[-1] // groups, filters)
            return [shape, (filters,)] if bias else [shape]
        case Dense():
            return [(into[0], out[0]), (out[0],)]
        case BatchNorm():
            return [(into[-1],)] * 4
    return []
