"""Other people's weights: where their file is, and a whole network of them as a run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend.startup import start_tensorflow
from ..errors import WeightsError
from ..recipe.recipe import Recipe
from ..run.destination import check_destination
from ..run.directory import new_run, require_space
from ..run.run import Run
from ..run.staging import staged
from .listener import Listener

if TYPE_CHECKING:
    from ..model.pretrained.matching import LayerMatch

IMAGENET_CLASSES = 1000
"""Outputs of the network whose weights "imagenet" is."""


def weights_file(
    name: Path | str, listener: Listener, recipe: Recipe | None = None
) -> Path:
    """The file that --weights NAME means; "imagenet" is downloaded once and kept.

    With a `recipe`, what its network cannot use is not downloaded.

    Raises:
        WeightsError: the network of `recipe` cannot use it.
        DownloadError: it cannot be downloaded, or is not what was published.
    """
    if name != "imagenet":
        return Path(name)
    if recipe:
        require_use(recipe)
    from ..dataset.download import IMAGENET, cache_folder, download

    with listener.counting("fetching") as counter:
        return download(IMAGENET, cache_folder(), counter)


def require_use(recipe: Recipe) -> None:
    """Check that convolutions of ImageNet's weights fit the network, and their pixels too.

    Raises:
        WeightsError: they do not.
    """
    import numpy as np

    from ..model.alexnet import ARCHITECTURES
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import match_layers
    from ..model.pretrained.shapes import layer_shapes
    from ..trainer.initial_weights import with_pretrained_preprocessing

    theirs, arch = ARCHITECTURES["alexnet-owt"], recipe.network.architecture()
    zero = np.zeros((), np.float32)
    shapes = layer_shapes(theirs, IMAGENET_CLASSES)
    # Of their shapes, but without any memory.
    layers = {k: tuple(np.broadcast_to(zero, x) for x in v) for k, v in shapes.items()}
    weights = PretrainedWeights(
        "torchvision's", layers, str(theirs.mean), str(theirs.std), {}, (), theirs.name
    )
    matches = match_layers(weights, arch, IMAGENET_CLASSES)
    if not any(x.arrays and x.layer.startswith("conv") for x in matches):
        raise WeightsError(
            f"--weights imagenet: the convolutions of {theirs.name} do not fit "
            f"{arch.name}; use --config finetune or --arch {theirs.name}"
        )
    with_pretrained_preprocessing(recipe, weights)


def fetched_weights_file(name: Path | str, recipe: Recipe) -> Path | None:
    """As `weights_file`, but None for what would first be downloaded."""
    if name != "imagenet":
        return Path(name)
    require_use(recipe)
    from ..dataset.download import IMAGENET, cache_folder

    file = cache_folder() / IMAGENET.name
    return file if file.is_file() else None


def _whole_network(weights: Path | str, classes: Sequence[str], listener: Listener) -> Path:
    """The file of `weights`; before a download, the number of `classes` is checked."""
    if weights == "imagenet" and len(classes) not in (0, IMAGENET_CLASSES):
        raise WeightsError(
            f"imagenet: the network has {IMAGENET_CLASSES} outputs, not {len(classes)}; "
            f"leave --classes out"
        )
    return weights_file(weights, listener)


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
    check_destination(Path(out), overwrite)
    file = _whole_network(weights, classes, listener)
    pretrained = read_initial_weights(file, Recipe().network.architecture())
    start_tensorflow()
    from ..trainer import import_run

    recipe = import_run.recipe_for(pretrained, file)
    outputs = import_run.outputs_of(pretrained)
    matches = match_layers(pretrained, recipe.network.architecture(), outputs, head=True)
    listener.weights_matched(pretrained, matches)
    import_run.require_whole(matches, file)
    run = new_run(Path(out), recipe, import_run.classes_of(pretrained, tuple(classes)))
    require_space(run, training=False)
    _write(run, matches, overwrite)
    return Run.open(run.path)


def _write(run: Run, matches: "list[LayerMatch]", overwrite: bool) -> None:
    from ..reports.training_figures import describe
    from ..trainer import import_run

    with staged(run.path, overwrite) as staging:
        there = dataclasses.replace(run, path=staging.folder)
        import_run.write_run(there, matches, describe)
