"""The layers in a Keras file, in the order of the model, with their arrays unread.

    layers/conv2d_1/vars/0                        .weights.h5, and inside .keras
    my_conv/vars/0                                the same of a model of one's own class
    model_weights/my_conv/my_conv/kernel:0        .h5 of a whole model, Keras 1 to 3
    my_conv/my_conv/kernel:0                      save_weights of Keras 1 and 2

The last two list their layers in order; in the first Keras numbers those of a class.
Source: keras/src/saving/saving_lib.py, keras/src/legacy/saving/legacy_h5_format.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import WeightsError, printable
from ..layer_specs import BatchNorm, Conv, Dense, Layer
from .hdf5 import Dataset, Group
from .shapes import Shape

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""The list of layers in Keras 3, and in 2.12 and 2.13."""
_NO_LAYERS = {"optimizer", "vars"}
_MAX_DEPTH, _MAX_GROUPS = 10, 20_000
"""Of groups in groups: twice as many as models in models."""

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
    found = _new_layers(root, _MAX_DEPTH, iter(range(_MAX_GROUPS)))
    if not found:
        raise WeightsError("is not a Keras file: it has no layers")
    return found


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


def _new_layers(group: Group, depth: int, left: Iterator[int]) -> list[SavedLayer]:
    """The layers below a group, at most as many groups as `left` has numbers.

    Those of models in the model come first. A layer lies in a list of layers, or under the
    name of the attribute that a model of its own class keeps it in.
    """
    found: list[SavedLayer] = []
    inner: list[SavedLayer] = []
    for name in sorted(set(group) - _NO_LAYERS, key=_numbered):
        child = group[name]
        if not isinstance(child, Group):
            continue
        if not depth or next(left, None) is None:
            raise WeightsError("has models in models that are too deep, or too many layers")
        if "vars" in child and not _is_model(child):
            arrays = child.group("vars")
            order = sorted(arrays, key=_numbered)
            found.append(SavedLayer(name, tuple(_array(arrays, x) for x in order)))
        elif name in _CONTAINERS:
            found += _new_layers(child, depth - 1, left)
        else:
            inner += _new_layers(child, depth - 1, left)
    return inner + found


def _is_model(group: Group) -> bool:
    """Whether a group holds other layers; models have an empty group of arrays too."""
    return any(isinstance(group[x], Group) for x in group if x != "vars")


def _numbered(name: str) -> tuple[str, int]:
    """A key to sort names by, in which conv2d comes before conv2d_2, and l2 before l10."""
    kind = name.rstrip("0123456789")
    number = name[len(kind) :]
    return kind.removesuffix("_"), int(number) if 0 < len(number) < 10 else 0
