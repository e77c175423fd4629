"""Pretrained networks of others as runs, for predict, evaluate and fine-tuning."""

import dataclasses
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np

from ..backend.dtype_policy import dtype_policy
from ..dataset.pixel_cache import Examples, MemoryCache
from ..dataset.sources.source import Sample
from ..dataset.synthetic import smooth_images
from ..errors import WeightsError, printable
from ..export import verify
from ..export.saved_model import save_model
from ..inference.network import as_probabilities, save_weights
from ..model.model import build_model, put_weights
from ..model.pretrained.layouts import PretrainedWeights
from ..model.pretrained.matching import LayerMatch
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe
from ..run.digests import seal
from ..run.run import FINISHED, Run

PREPARED = {
    # Caffe's convert_imageset squashes images to 256 x 256.
    "alexnet-bvlc": {"resize": "squash", "size": 256},
    # torchvision's ImageClassification: the short side to 256, then a center crop.
    "alexnet-owt": {"resize": "crop", "size": 256},
}
"""By architecture: how its published weights' training images were made square."""


def imagenet_classes() -> tuple[str, ...]:
    """The 1000 class names of ImageNet, in the order of its labels.

    Source: ILSVRC 2012, whose labels are in the order of WordNet ids; torchvision's names.
    """
    file = resources.files("alexnet_cli.model.pretrained") / "imagenet_classes.txt"
    lines = file.read_text("utf-8").splitlines()
    return tuple(x.partition(" ")[2] for x in lines)


def recipe_for(weights: PretrainedWeights, file: Path) -> Recipe:
    """The recipe with the architecture and preprocessing of `weights`, read from `file`.

    Raises:
        WeightsError: they are neither torchvision's nor Caffe's, or are those of a run.
    """
    if weights.classes:
        raise WeightsError(
            f"{printable(file)} is of a run, which needs no import; `alexnet train "
            f"--weights` starts from it"
        )
    if not weights.arch and weights.layout.startswith(("torchvision's", "Caffe's")):
        raise WeightsError(
            f"{printable(file)} has layers of other sizes than the published networks; "
            f"`alexnet train --weights` takes those that fit"
        )
    if weights.arch not in PREPARED:
        raise WeightsError(
            f"{printable(file)} is in {weights.layout} layout; import reads torchvision's "
            f"AlexNet and Caffe's bvlc_alexnet; `alexnet train --weights` reads more"
        )
    return Recipe(
        arch=weights.arch,
        mean=weights.mean,
        std=weights.std,
        weights=str(file),
        **PREPARED[weights.arch],
    )


def outputs_of(weights: PretrainedWeights) -> int:
    """The network's number of classes; ImageNet's 1000 if its last layer is missing."""
    return len(weights.layers["dense3"][1]) if "dense3" in weights.layers else 1000


def classes_of(weights: PretrainedWeights, given: tuple[str, ...]) -> tuple[str, ...]:
    """The class names `given`, or ImageNet's if there are none.

    Raises:
        WeightsError: their number is not that of the network's outputs.
    """
    outputs = outputs_of(weights)
    names = given or imagenet_classes()
    if len(names) != outputs:
        raise WeightsError(
            f"the last layer has {outputs} outputs, not {len(names)}; "
            f"--classes @names.txt names them"
        )
    return names


def require_whole(matches: list[LayerMatch], file: Path) -> None:
    """Check that every layer of the network has weights from `file`.

    Raises:
        WeightsError: a layer of the network would be left with random weights.
    """
    missing = [x.layer for x in matches if x.shape and not x.arrays]
    if missing:
        raise WeightsError(
            f"{printable(file)} has no weights for {', '.join(missing)}; "
            f"`alexnet train --weights` starts from part of a network"
        )


def write_run(run: Run, matches: list[LayerMatch], describe: Callable[[Run], None]) -> None:
    """Fill the run directory at `run.path` with the network of `matches`.

    `describe` writes its README.md.
    """
    with dtype_policy("float32"):
        network = build_model(run.architecture, len(run.classes))
    put_weights(network, matches)
    run = dataclasses.replace(run, status=FINISHED)
    run.write_records([], [])
    save_weights(network, run.weights)
    save_model(run, network)
    some = _probes(run.preprocess)
    expected = verify.tta_views(run, some, as_probabilities(network), 1)[0]
    verify.keep_litert(run, network, some, expected)
    describe(run)
    seal(run.path, run.text())
    run.write()


def _probes(preprocess: Preprocess, count: int = 16) -> Examples:
    """Images to compare the LiteRT copy with the network on."""
    cache = MemoryCache(count, preprocess.stored_size)
    for image in smooth_images(count, preprocess.stored_size):
        cache.add(Sample("", 0, ""), np.asarray(image))
    return Examples(cache, np.arange(count), np.zeros(count, np.int64))
