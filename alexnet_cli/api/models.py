"""build_model(): a network by its name."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from ..backend.startup import start_tensorflow
from ..errors import RecipeError
from ..model.alexnet import ARCHITECTURES
from ..model.architecture import Architecture

if TYPE_CHECKING:
    import keras


def build_model(arch: Architecture | str, classes: int, seed: int = 0) -> "keras.Model":
    """A network with new weights: float input [B, S, S, 3] to float32 logits [B, K].

    `arch` is one of ARCHITECTURES or its name; K is `classes`. Equal seeds give equal
    weights.

    Raises:
        RecipeError: there is no such network, or `classes` is not a positive number.
    """
    architecture = _architecture(arch) if isinstance(arch, str) else arch
    if classes < 1:
        raise RecipeError(f"classes must be at least 1, not {classes}")
    start_tensorflow()
    from ..model.model import build_model

    return build_model(architecture, classes, seed)


def _architecture(name: str) -> Architecture:
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    close = get_close_matches(name, ARCHITECTURES, 1)
    hint = (
        f"did you mean {close[0]}?" if close else f"choose from {', '.join(ARCHITECTURES)}"
    )
    raise RecipeError(f"no such network: {name}; {hint}")
