"""The layers in a Keras file, in the order of the model, with their arrays unread.

    layers/conv2d_1/vars/0                        .weights.h5, and inside .keras
    model_weights/my_conv/my_conv/kernel:0        .h5 of a whole model, Keras 1 to 3
    my_conv/my_conv/kernel:0                      save_weights of Keras 1 and 2

The last two list their layers in order; in the first Keras numbers those of a class.
Source: keras/src/saving/saving_lib.py, keras/src/legacy/saving/legacy_h5_format.py.
"""

from dataclasses import dataclass

from ...errors import WeightsError, printable
from ..layer_specs import BatchNorm, Conv, Dense, Layer
from .hdf5 import Dataset, Group
from .shapes import Shape

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""The list of layers in Keras 3, and in 2.12 and 2.13."""
_MAX_DEPTH = 4
"""Of models in models."""

_BY_RANKS: dict[tuple[int, ...], type[Layer]] = {
    (4, 1): Conv, (4,): Conv, (2, 1): Dense, (2,): Dense, (1, 1, 1, 1): BatchNorm
}  # fmt: skip
"""By the numbers of axes of its arrays: what a layer is."""


@dataclass(frozen=True)
class SavedLayer:
    """A layer in a file."""

    name: str
    arrays: tuple[Dataset, ...]

    @property
    def shapes(self) -> list[Shape]:
        """Of its arrays."""
        return [x.shape for x in self.arrays]

    @property
    def kind(self) -> type[Layer] | None:
        """What has arrays of these shapes; None for what no AlexNet has."""
        return _BY_RANKS.get(tuple(len(x) for x in self.shapes))


def layers_in(root: Group) -> list[SavedLayer]:
    """The layers in a file, in order, each with its arrays.

    Raises:
        WeightsError: they are damaged, or it is not a file of Keras.
    """
    old = root.group("model_weights") if "model_weights" in root else root
    names = old.names("layer_names")
    if names is not None:
        return [y for x in names for y in _old_layers(old.group(x))]
    if not any(x in root for x in _CONTAINERS):
        raise WeightsError("is not a Keras file: it has neither layers nor layer_names")
    return _new_layers(root, _MAX_DEPTH)


def _old_layers(group: Group) -> list[SavedLayer]:
    """The layer in a group of its own; a model in the model has several, by their paths."""
    found: dict[str, list[Dataset]] = {}
    for path in group.names("weight_names") or ():
        found.setdefault(path.rpartition("/")[0], []).append(_array(group, path))
    names = [group.name.rpartition("/")[2]] if len(found) == 1 else list(found)
    return [SavedLayer(x, tuple(y)) for x, y in zip(names, found.values(), strict=True)]


def _array(group: Group, path: str) -> Dataset:
    found = group[path]
    if isinstance(found, Group):
        raise WeightsError(f"is damaged: {printable(found.name)} is not an array")
    return found


def _new_layers(model: Group, depth: int) -> list[SavedLayer]:
    """The layers of the model in a group, those of models in it first."""
    found: list[SavedLayer] = []
    inner: list[SavedLayer] = []
    for container in (x for x in _CONTAINERS if x in model):
        group = model.group(container)
        for name in sorted(group, key=_numbered):
            layer = group.group(name)
            if any(x in layer for x in _CONTAINERS):
                if not depth:
                    raise WeightsError("has models in models that are too deep")
                inner += _new_layers(layer, depth - 1)
            elif "vars" in layer:
                arrays = layer.group("vars")
                order = sorted(arrays, key=_numbered)
                found.append(SavedLayer(name, tuple(_array(arrays, x) for x in order)))
    return inner + found


def _numbered(name: str) -> tuple[str, int]:
    """A key to sort names by, in which conv2d comes before conv2d_2, and 2 before 10."""
    kind, _, number = name.rpartition("_")
    if not number.isdecimal() or len(number) > 9:
        return name, 0
    return kind, int(number)
