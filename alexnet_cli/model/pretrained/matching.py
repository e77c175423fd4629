"""Which pretrained weights fit which layers of a network, and which layers are frozen."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ...arrays import Floats
from ...errors import RecipeError, printable
from ..architecture import Architecture, trace
from ..layer_specs import BatchNorm, Conv, Dense
from .pretrained_weights import PretrainedWeights
from .shapes import Shape, layer_shapes


@dataclass(frozen=True)
class LayerMatch:
    """A layer of the network, or an array of the file, and whether the other has it."""

    layer: str
    shape: str
    """Of the kernel; empty for an array that no layer takes."""
    result: str
    """For people: loaded, new or left out, and why."""
    arrays: tuple[Floats, ...] = ()
    """What is loaded; empty where nothing is."""
    columns: tuple[int, ...] | None = None
    """Which outputs of the layer `arrays` are for; None: all of them."""


def match_layers(
    weights: PretrainedWeights,
    arch: Architecture,
    classes: int | Sequence[str],
    *,
    head: bool = False,
) -> list[LayerMatch]:
    """One for each layer of `arch` with parameters, and for each array that no layer takes.

    Given the names of the classes, the last layer is loaded for those that the weights were
    trained on too, if all other layers are loaded. With `head` it is loaded as the others
    are.
    """
    names = () if isinstance(classes, int) else tuple(classes)
    count = classes if isinstance(classes, int) else len(classes)
    *hidden, last = layer_shapes(arch, count).items()
    matches = [_match(k, v, weights) for k, v in hidden]
    if head:
        matches.append(_match(*last, weights))
    elif all(x.arrays for x in matches):
        matches.append(_match_head(*last, weights, names))
    else:
        matches.append(_new(*last, "for these classes"))
    known = {x.layer for x in matches}
    left = [x for x in (*weights.layers, *weights.unknown) if x not in known]
    return matches + [LayerMatch(x, "", "left out, no such layer here") for x in left]


def _new(name: str, shapes: Sequence[Shape], why: str) -> LayerMatch:
    return LayerMatch(name, _text(shapes[0]), f"new, {why}")


def _match(name: str, shapes: Sequence[Shape], weights: PretrainedWeights) -> LayerMatch:
    arrays = weights.layers.get(name, ())
    if not arrays:
        return _new(name, shapes, "the file has none")
    if [x.shape for x in arrays] != shapes:
        return _new(name, shapes, f"the file has {_text(arrays[0].shape)}")
    result = ", ".join(("loaded", *weights.changes.get(name, ())))
    return LayerMatch(name, _text(shapes[0]), result, arrays)


def _match_head(
    name: str, shapes: Sequence[Shape], weights: PretrainedWeights, classes: Sequence[str]
) -> LayerMatch:
    """The last layer for `classes`: its outputs are those of the same names."""
    theirs = {_nfc(x): i for i, x in enumerate(weights.classes)}
    theirs |= {x: i for i, x in enumerate(weights.classes)}
    places = [theirs.get(x, theirs.get(_nfc(x))) for x in classes]
    columns = tuple(i for i, x in enumerate(places) if x is not None)
    if not columns:
        return _new(name, shapes, "for these classes")
    arrays = weights.layers.get(name, ())
    if [x.shape for x in arrays] != [(*x[:-1], len(weights.classes)) for x in shapes]:
        found = _text(arrays[0].shape) if arrays else "none"
        return _new(name, shapes, f"the file has {found}")
    rows = [x for x in places if x is not None]
    shared = tuple(x[..., rows] for x in arrays)
    if len(columns) < len(classes):
        some = f"{len(columns)} of {len(classes)} classes loaded"
        result = f"{some}, {len(classes) - len(columns)} new"
        return LayerMatch(name, _text(shapes[0]), result, shared, columns)
    same = len(weights.classes) == len(classes)
    whose = "the same classes" if same else "these classes and others"
    order = ", in another order" if rows != sorted(rows) else ""
    return LayerMatch(name, _text(shapes[0]), f"loaded, head of {whose}{order}", shared)


def _nfc(name: str) -> str:
    """`name` in one of the forms in which systems store the same letters."""
    return unicodedata.normalize("NFC", name)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def frozen_layers(arch: Architecture, freeze: str | None) -> list[str]:
    """Names of the layers with parameters that `freeze` freezes.

    It is conv, all-but-head, none, or a number N of first layers with kernels; batch
    normalization belongs to the layer before it.

    Raises:
        RecipeError: `freeze` is none of these, or N is not below the number of layers.
    """
    if freeze in (None, "none"):
        return []
    rows = [x for x in trace(arch, 1) if x.parameters]
    kernels = [x for x in rows if not isinstance(x.layer, BatchNorm)]
    if freeze == "conv":
        count = sum(isinstance(x.layer, Conv) for x in kernels)
    elif freeze == "all-but-head":
        count = len(kernels) - 1
    else:
        count = int(freeze) if freeze.isdecimal() else 0
        if not 0 < count < len(kernels):
            raise RecipeError(
                f"--freeze {printable(freeze)} is not conv, all-but-head, none, "
                f"or 1 to {len(kernels) - 1}"
            )
    end = rows.index(kernels[count])
    return [x.name for x in rows[:end]]


def require_frozen_loaded(
    matches: Sequence[LayerMatch], arch: Architecture, freeze: str | None
) -> None:
    """Refuse to freeze convolutions and dense layers that nothing is loaded into.

    Raises:
        RecipeError: there is one, which would stay as random as it begins.
    """
    frozen = frozen_layers(arch, freeze)
    kernels = {x.name for x in trace(arch, 1) if isinstance(x.layer, Conv | Dense)}
    for match in matches:
        if match.layer in frozen and match.layer in kernels and not match.arrays:
            raise RecipeError(
                f"--freeze {freeze}: {match.layer} is not in --weights and would stay as "
                f"random as it begins; --freeze none trains all layers"
            )
