"""The weights that training starts from, and the recipe that prepares images as they expect."""

from pathlib import Path

from ..errors import WeightsError, printable
from ..model.architecture import Architecture
from ..model.pretrained.layouts import PretrainedWeights, read_pretrained
from ..model.pretrained.matching import match_layers
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe
from ..run.run import Run


def read_initial_weights(path: Path, arch: Architecture) -> PretrainedWeights:
    """What the file or run directory at `path` holds, in the terms of `arch`.

    Raises:
        WeightsError: it is not a file of weights that we read.
        RunError: it is a damaged run directory.
    """
    if path.is_dir():
        path = path / "model.weights.h5"
        if not path.is_file():
            raise WeightsError(f"{printable(path.parent)} is not a run directory")
    if path.suffix != ".h5" or not (path.parent / "run.json").exists():
        return read_pretrained(path, arch)
    run = Run.read(path.parent)
    mean, std = _as_options(run.preprocess)
    return read_pretrained(path, run.architecture, mean=mean, std=std)


def _as_options(preprocess: Preprocess) -> tuple[str, str]:
    """Mean and std as in a recipe."""
    if preprocess.mean is None:
        return "pixel", ""
    mean, std = (",".join(f"{x:g}" for x in y) for y in (preprocess.mean, preprocess.std))
    return mean, std


def with_pretrained_preprocessing(recipe: Recipe, found: PretrainedWeights) -> Recipe:
    """`recipe` with the mean and std that the weights of `found` were trained with.

    Raises:
        WeightsError: none of them fits the network, or the recipe names others.
    """
    expected = {"mean": found.mean, "std": found.std}
    if found.mean == "pixel":
        raise WeightsError(
            "--weights: that run subtracts its mean training image, which other data lacks"
        )
    for name, value in expected.items():
        asked = recipe[name]
        if value and asked is not None and asked != value:
            raise WeightsError(
                f"--{name} {asked}: these weights were trained with {value}; leave it out"
            )
    arch = recipe.network.architecture()
    if not any(x.arrays for x in match_layers(found, arch, 2)):
        raise WeightsError(
            f"--weights: nothing in the file fits {recipe.network.arch}; try another --arch"
        )
    return recipe.changed(**{k: v for k, v in expected.items() if v})
