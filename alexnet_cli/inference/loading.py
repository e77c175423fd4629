"""A run, its network and its mean image, which belong together."""

from dataclasses import dataclass
from pathlib import Path

from ..arrays import Floats
from ..errors import RunError, RunReplaced, printable
from ..run.digests import Hashing
from ..run.run import Run
from .exported import Model, open_model
from .formats import PixelNetwork
from .network import Network, load_mean_image, verified_network

_ATTEMPTS = 20


@dataclass(frozen=True)
class Loaded:
    """A run, and what answers for it: an exported network, or its own on each view."""

    run: Run
    exported: PixelNetwork | None
    network: Network
    mean_image: Floats | None
    source: Path


def load(
    given: Model | Run | Path | str, network: Network | None, begun: Hashing | None
) -> Loaded:
    """A run, its network and its mean image, all three of one and the same training.

    If another one takes its place meanwhile, that is read instead, if `given` is a path.
    """
    by_path = isinstance(given, Path | str)
    for _ in range(_ATTEMPTS):
        model = open_model(given)
        run = model.run
        try:
            exported = model.network()
            found = network or (_no_network if exported else verified_network(run, begun))
            mean_image = None if exported else load_mean_image(run)
            run.require_unchanged()
            return Loaded(run, exported, found, mean_image, model.source)
        except RunError:
            if not by_path or run.is_unchanged():
                raise
    raise RunReplaced(f"{printable(run.path)} is replaced again and again; try later")


def _no_network(inputs: Floats) -> Floats:
    raise TypeError("an exported model takes stored pixels, not single views")
