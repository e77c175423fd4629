"""What of somebody's weights fits a network, and which layers are to stay as they are."""

from dataclasses import dataclass
from typing import Any

from ...arrays import Floats
from ...errors import WeightsError
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense
from .layouts import PretrainedWeights


@dataclass(frozen=True)
class LayerMatch:
    """One row of the table of what became of a layer."""

    layer: str
    shape: str
    what: str
    arrays: tuple[Floats, ...] = ()


def match_layers(
    found: PretrainedWeights, arch: Architecture, classes: int, *, head: bool = False
) -> list[LayerMatch]:
    """What becomes of every layer of `arch` and of every array that no layer takes.

    The last layer is taken over if `head`, else it is new.
    """
    rows = []
    into: tuple[int, ...] = (arch.input_size, arch.input_size, 3)
    traced = list(trace(arch, classes))
    for row in traced:
        shapes = _shapes(row.layer, into, row.shape)
        into = row.shape
        if not shapes:
            continue
        text, arrays = _text(shapes[0]), found.layers.get(row.name, ())
        if row is traced[-1] and not head:
            rows.append(LayerMatch(row.name, text, "new, for these classes"))
        elif not arrays:
            rows.append(LayerMatch(row.name, text, "new, the file has none"))
        elif [x.shape for x in arrays] != shapes:
            rows.append(
                LayerMatch(row.name, text, f"new, the file has {_text(arrays[0].shape)}")
            )
        else:
            change = found.changes.get(row.name)
            rows.append(
                LayerMatch(
                    row.name, text, f"loaded{f', {change}' if change else ''}", arrays
                )
            )
    names = {x.layer for x in rows}
    left = [x for x in (*found.layers, *found.unknown) if x not in names]
    return rows + [LayerMatch(x, "", "left out, no such layer here") for x in left]


def _shapes(
    layer: Any, into: tuple[int, ...], out: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Of a layer's arrays, in Keras' order."""
    match layer:
        case Conv(filters=filters, kernel=kernel, groups=groups, use_bias=bias):
            first = (kernel, kernel, into[-1] // groups, filters)
            return [first, (filters,)] if bias else [first]
        case Dense():
            return [(into[0], out[0]), (out[0],)]
        case BatchNorm():
            return [(into[-1],)] * 4
    return []


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def frozen_layers(arch: Architecture, freeze: str | None) -> list[str]:
    """Names of the layers that `freeze` keeps as they are: conv, all-but-head, or N.

    Raises:
        WeightsError: it is none of these, or more layers than the network has.
    """
    rows = [x for x in trace(arch, 1) if x.parameters]
    kernels = [x for x in rows if not isinstance(x.layer, BatchNorm)]
    if freeze is None:
        return []
    count = sum(isinstance(x.layer, Conv) for x in kernels)
    if freeze == "all-but-head":
        count = len(kernels) - 1
    elif freeze != "conv":
        count = int(freeze) if freeze.isdigit() else 0
        if not 0 < count < len(kernels):
            raise WeightsError(
                f"--freeze {freeze}: not conv, all-but-head, or 1 to {len(kernels) - 1}"
            )
    end = rows.index(kernels[count])
    return [x.name for x in rows[:end]]
