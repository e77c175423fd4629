"""Other people's weights: where their file is, and a whole network of them as a run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ..backend.startup import start_tensorflow
from ..recipe.recipe import Recipe
from ..run.directory import new_run, require_space
from ..run.run import Run
from ..run.staging import staged
from .listener import Listener


def weights_file(name: Path | str, listener: Listener) -> Path:
    """The file that --weights NAME means; "imagenet" is downloaded once and kept.

    Raises:
        DownloadError: it cannot be downloaded.
    """
    if name != "imagenet":
        return Path(name)
    from ..dataset.download import IMAGENET, cache_folder, download

    with listener.counting("fetching") as counter:
        return download(IMAGENET, cache_folder(), counter)


def import_weights(
    weights: Path | str,
    out: Path | str,
    *,
    classes: Sequence[str] = (),
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Run:
    """Make the run directory `out` from weights of a whole network that others trained.

    `weights` is a file, or "imagenet" to download torchvision's. `classes` are the names of
    the network's outputs, by default ImageNet's. With `overwrite`, a run directory that
    exists at `out` is replaced.

    Raises:
        WeightsError: the file is unsafe or damaged, or does not hold a whole network.
        DownloadError: the file cannot be downloaded.
        RunError: `out` already exists, or there is too little space for it.
    """
    from ..model.pretrained.matching import match_layers
    from ..trainer.initial_weights import read_initial_weights

    listener = listener or Listener()
    file = weights_file(weights, listener)
    pretrained = read_initial_weights(file, Recipe().network.architecture())
    start_tensorflow()
    from ..reports.training_figures import describe
    from ..trainer import import_run

    recipe = import_run.recipe_for(pretrained, file)
    arch = recipe.network.architecture()
    matches = match_layers(pretrained, arch, import_run.outputs_of(pretrained), head=True)
    listener.weights_matched(pretrained, matches)
    import_run.require_whole(matches, file)
    run = new_run(Path(out), recipe, import_run.classes_of(pretrained, tuple(classes)))
    require_space(run, training=False)
    with staged(run.path, overwrite) as staging:
        run_there = dataclasses.replace(run, path=staging.folder)
        import_run.write_run(run_there, matches, describe)
    return Run.open(run.path)
