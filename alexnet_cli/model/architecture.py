"""A network as a table of layers, and the shapes that follow from it. No TensorFlow."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import RecipeError
from .layer_specs import KINDS, Layer, output_of


@dataclass(frozen=True)
class Architecture:
    """A network: its layers, and how its authors preprocessed images and drew weights."""

    name: str
    source: str
    input_size: int
    """Side of the square input, pixels."""
    classes: int
    """Number of classes in the publication; data sets have their own."""
    layers: tuple[Layer, ...]
    initializer: str = "glorot_uniform"
    """Of weights without a `std`: a Keras name, "normal" (0.01) or "torch"."""
    mean: str = "0"
    """Subtracted from pixels (0 to 255): numbers, "imagenet" or "pixel"."""
    std: str = "255"
    """What pixels are then divided by: numbers or "imagenet"."""

    def to_dict(self) -> dict[str, Any]:
        """This architecture as JSON values, for `from_dict`."""
        layers = [{"kind": type(x).__name__, **asdict(x)} for x in self.layers]
        return {**asdict(self), "layers": layers}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Architecture":
        """The architecture that `to_dict` gave as `data`; `run.schema` checks others."""
        layers = [dict(x) for x in data["layers"]]
        records = tuple(KINDS[x.pop("kind")](**x) for x in layers)
        return cls(**{**data, "layers": records})


@dataclass(frozen=True)
class TracedLayer:
    """A layer of a network with its name, as conv1, and the shape of its output."""

    name: str
    layer: Layer
    shape: tuple[int, ...]
    parameters: int
    trainable: int


def trace(arch: Architecture, classes: int) -> Iterator[TracedLayer]:
    """Name, output shape and parameters of every layer, from first to last.

    Raises:
        RecipeError: an image shrinks to nothing, or channels cannot be grouped.
    """
    shape: tuple[int, ...] = (arch.input_size, arch.input_size, 3)
    counts: Counter[str] = Counter()
    for layer in arch.layers:
        kind = type(layer).__name__.lower()
        counts[kind] += 1
        name = f"{kind}{counts[kind]}"
        output = output_of(layer, shape, classes)
        if min(output.shape) < 1:
            text = " x ".join(map(str, shape))
            raise RecipeError(f"{arch.name}: the input of {name}, {text}, is too small")
        shape = output.shape
        trainable = output.parameters - output.fixed
        yield TracedLayer(name, layer, shape, output.parameters, trainable)
