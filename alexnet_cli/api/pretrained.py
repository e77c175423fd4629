"""Other people's weights: where they are, and a whole network of them as a run."""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..recipe.recipe import Recipe
from ..run.directory import new_run, require_space, staged
from ..run.run import Run
from .listener import Listener


def weights_file(name: str, listener: Listener) -> Path:
    """The file that --weights NAME means; "imagenet" is downloaded once and kept.

    Raises:
        DownloadError: it cannot be downloaded.
    """
    if name != "imagenet":
        return Path(name)
    from ..dataset.download import IMAGENET, cache_folder, download

    with listener.counting("fetching") as counter:
        return download(IMAGENET, cache_folder(os.environ), counter)


@dataclass(frozen=True)
class Imported:
    """A run made of other people's weights."""

    run: Run
    litert: bool
    """It has a LiteRT copy, which gives the same predictions."""


def import_weights(
    weights: str,
    out: Path | str,
    *,
    classes: Sequence[str] = (),
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Imported:
    """Make a run directory of somebody else's whole network.

    `weights` is a file, or imagenet to download; `classes` name its outputs, by default
    ImageNet's.

    Raises:
        WeightsError: the file is unsafe, damaged, or only part of a network.
    """
    from ..backend.startup import start_tensorflow
    from ..model.pretrained.matching import match_layers
    from ..trainer.initial_weights import read_initial_weights

    listener = listener or Listener()
    file = weights_file(weights, listener)
    found = read_initial_weights(file, Recipe().network.architecture())
    start_tensorflow()
    from ..trainer import import_run

    recipe = import_run.recipe_for(found, file)
    arch = recipe.network.architecture()
    matches = match_layers(found, arch, import_run.outputs_of(found), head=True)
    listener.matched(found, matches)
    import_run.require_whole(matches, file)
    names = import_run.classes_of(found, tuple(classes))
    run = new_run(Path(out), recipe, names)
    require_space(run)
    with staged(run.path, overwrite) as place:
        agrees = import_run.write_run(dataclasses.replace(run, path=place), matches)
    return Imported(Run.open(run.path), agrees)
