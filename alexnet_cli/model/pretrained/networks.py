"""A network that a file holds, and which of several is taken."""

import re
from dataclasses import dataclass, field

from .array_tree import LazyArray

_TRAINING = {
    "optim", "optimizer", "optimizers", "opt", "moment", "moments", "momentum", "grad",
    "grads", "gradient", "gradients", "fisher", "scheduler", "velocity",
}  # fmt: skip
_BEFORE = {"init", "initial", "start", "old", "prev", "previous", "before"}
_LAST = {"last", "latest"}
"""Words of places: of what belongs to training, and of networks that are not the best."""


@dataclass
class Network:
    """Arrays by torchvision's names (features.0.weight) or Caffe's (conv1/0, conv1/1)."""

    family: str
    """torch or caffe."""
    place: str
    """Names of the containers and wrappers around it, as state_dict.model."""
    arrays: dict[str, LazyArray] = field(default_factory=dict)
    depth: int = 0
    """Of its arrays, in keys of containers, below `base`."""
    base: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Places of other networks in the file that could have been taken."""
    unknown: tuple[str, ...] = ()
    """Names of the arrays beside these, which are not layers'."""
    by_order: str = ""
    """Their first and last kernel, if their order and not their names was followed."""

    def pairs(self) -> int:
        """The number of layers with kernel and bias."""
        kernel, bias = (".weight", ".bias") if self.family == "torch" else ("/0", "/1")
        names = [x.removesuffix(kernel) for x in self.arrays if x.endswith(kernel)]
        return sum(f"{x}{bias}" in self.arrays for x in names)


def use_of(network: Network) -> tuple[bool, int]:
    """How much of a network this is: not what an optimizer keeps, and its kernels."""
    kernels = sum(len(x.shape) in (2, 4) for x in network.arrays.values())
    return not is_of_training(network.place), kernels


def rank(network: Network) -> tuple[bool, int, bool, bool, int]:
    """What is taken of several networks: the greatest.

    Not what an optimizer keeps for each array; then the one with most layers; not the one
    before training; a moving average, which is what its authors evaluate; the best, and
    not the last.
    """
    words = _words(network.place)
    return (
        not is_of_training(network.place),
        network.pairs(),
        not words & _BEFORE,
        "ema" in words,
        ("best" in words) - bool(words & _LAST),
    )


def is_of_training(place: str) -> bool:
    """Whether arrays at `place` are what training keeps of each: moments, gradients."""
    words = _words(place)
    return bool(words & _TRAINING) or {"exp", "avg"} <= words


def _words(place: str) -> set[str]:
    return {*re.split(r"[._]", place.lower())}
