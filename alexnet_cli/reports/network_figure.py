"""A network drawn from its table: a block per layer that has a shape of its own."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.architecture import Architecture, TracedLayer, trace
from ..model.layer_specs import Conv, Dense, Pool

_COLORS = {"input": "#bbbbbb", "Conv": "#4477aa", "Pool": "#ccbb44", "Dense": "#aa3377"}
"""Source: Paul Tol, "Colour schemes", which color-blind readers can tell apart."""


@dataclass(frozen=True)
class _Block:
    """A block: side and depth of what the layer gives, and the lines below it."""

    kind: str
    side: int
    depth: int
    lines: tuple[str, ...]


def network_figure(arch: Architecture, classes: int) -> Any:
    """A figure: height is the side of a layer's output, width its channels or units."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    layers = list(trace(arch, classes))
    blocks = list(_blocks(arch, layers))
    figure = Figure(figsize=(max(7.0, 1.15 * len(blocks)), 5.2), dpi=110)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.84))
    axes.set_axis_off()
    x = 0.0
    for block in blocks:
        width, height = _width(block), _height(block, arch)
        axes.add_patch(
            Rectangle((x - width / 2, -height / 2), width, height, fc=_COLORS[block.kind])
        )
        text = "\n".join(block.lines)
        axes.text(x, -2.15, text, ha="center", va="top", fontsize=7.5, linespacing=1.5)
        x += 1.5
    axes.set_xlim(-1, x - 0.5)
    axes.set_ylim(-3.6, 2.1)
    total = sum(y.parameters for y in layers)
    figure.suptitle(f"{arch.name}: {classes} classes, {total:,} parameters", fontsize=12)
    scale = "height: side of the output, or units; width: channels (both by square root)"
    figure.text(0.02, 0.89, scale, fontsize=8, color="#555555")
    kinds = [k for k in _COLORS if any(b.kind == k for b in blocks)]
    handles = [Patch(color=_COLORS[k], label=k.lower()) for k in kinds]
    figure.legend(
        handles=handles, loc="upper right", ncols=len(kinds), frameon=False, fontsize=8,
        bbox_to_anchor=(0.98, 0.95),
    )  # fmt: skip
    return figure


def _width(block: _Block) -> float:
    """By the square root of the channels; units stand in one column."""
    return 0.16 if block.kind == "Dense" else 0.1 + 0.9 * math.sqrt(block.depth / 512)


def _height(block: _Block, arch: Architecture) -> float:
    """By the square root of the side or of the units: 6 is to be seen beside 227."""
    if block.kind == "Dense":
        return 0.1 + 3.5 * min(1.0, math.sqrt(block.depth / 4096))
    return 3.6 * math.sqrt(block.side / arch.input_size)


def _blocks(arch: Architecture, layers: Sequence[TracedLayer]) -> Iterator[_Block]:
    side = arch.input_size
    yield _Block("input", side, 3, ("input", f"{side} x {side} x 3"))
    for i, row in enumerate(layers):
        layer, kind = row.layer, type(row.layer).__name__
        shape = " x ".join(map(str, row.shape))
        if isinstance(layer, Conv):
            what = f"{layer.kernel} x {layer.kernel}" + f", stride {layer.stride}" * (
                layer.stride > 1
            )
            groups = (f"{layer.groups} groups",) if layer.groups > 1 else ()
            lines = (row.name, what, *groups, shape, _count(row), *_extras(layers, i))
            yield _Block(kind, row.shape[0], row.shape[2], lines)
        elif isinstance(layer, Pool):
            what = f"max {layer.size} x {layer.size}"
            lines = (row.name, what, shape, *_extras(layers, i))
            yield _Block(kind, row.shape[0], row.shape[2], lines)
        elif isinstance(layer, Dense):
            lines = (row.name, shape, _count(row), *_extras(layers, i))
            yield _Block(kind, 1, row.shape[0], lines)


def _count(row: TracedLayer) -> str:
    """How many parameters a layer has."""
    number = row.parameters
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number / 1e3:.1f} k"


def _extras(layers: Sequence[TracedLayer], i: int) -> Iterator[str]:
    """The kinds of the layers without a block of their own that follow the one at `i`."""
    for row in layers[i + 1 :]:
        if isinstance(row.layer, Conv | Pool | Dense):
            return
        kind = type(row.layer).__name__
        if kind != "Flatten":
            yield kind
