"""Pretrained weights to start from, and the recipe with their preprocessing."""

from pathlib import Path

from ..errors import WeightsError, printable
from ..model.architecture import Architecture
from ..model.pretrained.layouts import PretrainedWeights, read_pretrained
from ..model.pretrained.matching import match_layers
from ..preprocess import Preprocess
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from ..run.run import Run


def read_initial_weights(path: Path, arch: Architecture) -> PretrainedWeights:
    """The weights in the file or run directory at `path`, by the layer names of `arch`.

    Raises:
        WeightsError: the file does not exist, is damaged, or has an unknown format.
        RunError: the run directory is damaged.
    """
    if path.is_dir():
        path = path / "model.weights.h5"
        if not path.is_file():
            raise WeightsError(
                f"{printable(path.parent)} is not a run directory with weights "
                f"(it has no {path.name})"
            )
    if path.suffix != ".h5" or not (path.parent / "run.json").exists():
        return read_pretrained(path, arch)
    run = Run.read(path.parent)
    mean, std = _as_options(run.preprocess)
    return read_pretrained(path, run.architecture, mean=mean, std=std)


def _as_options(preprocess: Preprocess) -> tuple[str, str]:
    """Mean and std in the notation of a recipe."""
    if preprocess.mean is None:
        return "pixel", ""
    mean, std = (
        ",".join(str(x).removesuffix(".0") for x in channels)
        for channels in (preprocess.mean, preprocess.std)
    )
    return mean, std


def with_pretrained_preprocessing(recipe: Recipe, weights: PretrainedWeights) -> Recipe:
    """`recipe` with the mean and std that `weights` were trained with.

    Raises:
        WeightsError: no layer fits the network, or the recipe has another mean or std.
    """
    if weights.mean == "pixel":
        raise WeightsError(
            "--weights: that run subtracts the mean of its own training images and cannot "
            "start another one; train one with --mean R,G,B"
        )
    expected = {k: v for k, v in (("mean", weights.mean), ("std", weights.std)) if v}
    changed = recipe.changed(**expected)
    own, theirs = preprocess_of(recipe), preprocess_of(changed)
    for name, value in expected.items():
        given = recipe[name]
        # By their numbers: 0 is 0,0,0, and imagenet is three numbers.
        if given is not None and getattr(own, name) != getattr(theirs, name):
            raise WeightsError(
                f"--{name} {given}: the weights were trained with {value}; "
                f"leave --{name} out"
            )
    arch = recipe.network.architecture()
    if not any(x.arrays for x in match_layers(weights, arch, 2)):
        raise WeightsError(
            f"--weights: nothing in the file fits {recipe.network.arch}; try another --arch"
        )
    return changed
