"""A network as data: its record, and what follows from a table alone. No TensorFlow."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ..errors import RecipeError
from .layer_specs import KINDS, Layer, apply


@dataclass(frozen=True)
class Architecture:
    """A network: its layers, and how its authors fed and initialized it."""

    name: str
    source: str
    input_size: int
    """Side of the square input, pixels."""
    classes: int
    """Class count of the publication, used where no folder says otherwise."""
    layers: tuple[Layer, ...]
    initializer: str = "glorot_uniform"
    """Of weights without a `std`: a Keras name, "normal" (0.01) or "torch"."""
    mean: str = "0"
    """What is subtracted from pixels (0..255): numbers, "imagenet" or "pixel"."""
    std: str = "255"
    """What pixels are then divided by: numbers or "imagenet"."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` turns back into an equal Architecture."""
        layers = [{"kind": type(x).__name__, **asdict(x)} for x in self.layers]
        return {**asdict(self), "layers": layers}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Architecture":
        """The Architecture that `to_dict` described.

        Raises:
            KeyError, TypeError, AttributeError: `data` is something else.
        """
        layers = [dict(x) for x in data["layers"]]
        records = tuple(KINDS[x.pop("kind")](**x) for x in layers)
        return cls(**{**data, "layers": records})


class TracedLayer(NamedTuple):
    """One layer of a traced network; `shape` is that of its output."""

    name: str
    layer: Layer
    shape: tuple[int, ...]
    parameters: int
    trainable: int


def trace(arch: Architecture, classes: int) -> Iterator[TracedLayer]:
    """Name, output shape and parameters of every layer, first to last.

    Raises:
        RecipeError: the image shrinks to nothing, or channels cannot be grouped.
    """
    shape: tuple[int, ...] = (arch.input_size, arch.input_size, 3)
    seen: dict[str, int] = {}
    for layer in arch.layers:
        kind = type(layer).__name__.lower()
        seen[kind] = seen.get(kind, 0) + 1
        into, (shape, parameters, fixed) = shape, apply(layer, shape, classes)
        if min(shape) < 1:
            raise RecipeError(f"{arch.name}: {kind}{seen[kind]} gets {into}: too small")
        yield TracedLayer(
            f"{kind}{seen[kind]}", layer, shape, parameters, parameters - fixed
        )
