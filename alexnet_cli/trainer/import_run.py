"""Other people's whole networks -> a Run, ready for predict, evaluate and fine-tuning."""

import dataclasses
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from ..backend.dtype_policy import dtype_policy
from ..dataset import images
from ..dataset.pixel_cache import Examples, MemoryCache
from ..dataset.sources.source import Sample
from ..errors import WeightsError, printable
from ..export import verify
from ..export.saved_model import save_model
from ..inference.network import as_probabilities, save_weights
from ..model.model import build_model, put_weights
from ..model.pretrained.layouts import PretrainedWeights
from ..model.pretrained.matching import LayerMatch
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe
from ..run.run import FINISHED, Run

PREPARED = {
    # Caffe's convert_imageset distorts images to 256 x 256.
    "alexnet-bvlc": {"resize": "squash", "size": 256},
    # torchvision's ImageClassification: 256 the short side, of which the center is cut.
    "alexnet-owt": {"resize": "crop", "size": 256},
}
"""How the images were made square with which each table's weights were trained."""


def imagenet_classes() -> tuple[str, ...]:
    """The 1000 names of ImageNet's classification task, in the order of its labels.

    Source: ILSVRC 2012, whose labels are numbered by WordNet id; names as torchvision's.
    """
    file = resources.files("alexnet_cli.model.pretrained") / "imagenet_classes.txt"
    lines = file.read_text("utf-8").splitlines()
    return tuple(x.partition(" ")[2] for x in lines)


def recipe_for(found: PretrainedWeights, file: Path) -> Recipe:
    """The recipe that prepares images as the weights of `found` expect them.

    Raises:
        WeightsError: they are not a whole network of somebody else's.
    """
    if found.arch not in PREPARED:
        raise WeightsError(
            f"{printable(file)} is in {found.layout} layout; import reads torchvision's "
            f"AlexNet and Caffe's bvlc_alexnet; `alexnet train --weights` takes more"
        )
    return Recipe(
        arch=found.arch,
        mean=found.mean,
        std=found.std,
        weights=str(file),
        **PREPARED[found.arch],
    )


def outputs_of(found: PretrainedWeights) -> int:
    """How many classes the network tells apart; ImageNet's if its last layer is missing."""
    return len(found.layers["dense3"][1]) if "dense3" in found.layers else 1000


def classes_of(found: PretrainedWeights, given: tuple[str, ...]) -> tuple[str, ...]:
    """Names for the outputs of the network: `given`, or ImageNet's.

    Raises:
        WeightsError: there are more or fewer outputs than names.
    """
    outputs = outputs_of(found)
    names = given or imagenet_classes()
    if len(names) != outputs:
        raise WeightsError(
            f"the last layer has {outputs} outputs, not {len(names)}; "
            f"--classes @names.txt names them"
        )
    return names


def require_whole(rows: list[LayerMatch], file: Path) -> None:
    """Refuse to make a Run of a part of a network.

    Raises:
        WeightsError: a layer of the network would be left with random weights.
    """
    missing = [x.layer for x in rows if x.shape and not x.arrays]
    if missing:
        raise WeightsError(
            f"{printable(file)} does not fill {', '.join(missing)}; "
            f"`alexnet train --weights` starts from part of a network"
        )


def write_run(run: Run, rows: list[LayerMatch]) -> bool:
    """Fill the Run directory at `run.path`; whether it has a LiteRT copy that agrees."""
    with dtype_policy("float32"):
        network = build_model(run.architecture, len(run.classes))
    put_weights(network, rows)
    run = dataclasses.replace(run, status=FINISHED)
    run.write_records([], [])
    save_weights(network, run)
    save_model(run, network)
    some = _probes(run.preprocess)
    expected = verify.tta_views(run, some, as_probabilities(network), "none")[0]
    agrees = verify.keep_litert(run, network, some, expected)
    run.write()
    return agrees


def _probes(preprocess: Preprocess, count: int = 16) -> Examples:
    """Colored clouds: the LiteRT copy has to be tried on something."""
    cache = MemoryCache(count, preprocess.stored_size)
    rng = np.random.default_rng(0)
    for _ in range(count):
        small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        sample = Sample("", 0, "")
        cache.add(sample, images.square(small, "squash", preprocess.stored_size))
    return Examples(cache, np.arange(count), np.zeros(count, np.int64))
