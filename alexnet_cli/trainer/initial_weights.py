"""Pretrained weights to start from, and the recipe with their preprocessing."""

from dataclasses import replace
from pathlib import Path

from ..errors import RecipeError, WeightsError, printable
from ..model.alexnet import ARCHITECTURES
from ..model.architecture import Architecture
from ..model.pretrained.layouts import PretrainedWeights, read_pretrained
from ..model.pretrained.matching import match_layers
from ..preprocess import Preprocess
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import FIELDS, Recipe
from ..run.run import Run

_SAMPLEWISE = ("samplewise_center", "samplewise_std_normalization")


def read_initial_weights(path: Path, arch: Architecture) -> PretrainedWeights:
    """The weights in the file or run directory at `path`, by the layer names of `arch`.

    Those of a run have its mean and std, and its classes.

    Raises:
        WeightsError: the file does not exist, is damaged, or has an unknown format.
        RunError: the run directory is damaged.
    """
    folder = path if path.is_dir() else path.parent
    run = Run.read(folder) if (folder / "run.json").exists() else None
    if path.is_dir():
        path = run.weights if run else path / "model.weights.h5"
        if not path.is_file():
            raise WeightsError(
                f"{printable(folder)} is not a run directory with weights "
                f"(it has no {path.name})"
            )
    if run is None or path.resolve() != run.weights.resolve():
        return read_pretrained(path, arch)
    mean, std = _as_options(run.preprocess)
    found = read_pretrained(path, run.architecture, mean=mean, std=std)
    known = run.architecture.name if run.architecture.name in ARCHITECTURES else ""
    return replace(
        found,
        looks_like=found.looks_like or known,
        classes=run.classes,
        samplewise=tuple(x for x in _SAMPLEWISE if getattr(run.preprocess, x)),
    )


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
    """`recipe` with the standardization that `weights` were trained with.

    Raises:
        WeightsError: no layer fits the network.
        RecipeError: the recipe has another one.
    """
    if weights.mean == "pixel":
        raise WeightsError(
            "--weights: that run subtracts the mean of its own training images and cannot "
            "start another one; train one with --mean R,G,B"
        )
    expected = {k: v for k, v in (("mean", weights.mean), ("std", weights.std)) if v}
    for name in _SAMPLEWISE:
        if expected and recipe[name] and name not in weights.samplewise:
            flag = FIELDS[name].flag
            raise RecipeError(f"{flag}: the weights were trained without; leave it out")
    changed = recipe.changed(**expected, **dict.fromkeys(weights.samplewise, True))
    own, theirs = preprocess_of(recipe), preprocess_of(changed)
    for name, value in expected.items():
        given = recipe[name]
        # By their numbers: 0 is 0,0,0, and imagenet is three numbers.
        if given is not None and getattr(own, name) != getattr(theirs, name):
            raise RecipeError(
                f"--{name} {given}: the weights were trained with {value}; "
                f"leave --{name} out"
            )
    _require_start(recipe, weights)
    return changed


def _require_start(recipe: Recipe, weights: PretrainedWeights) -> None:
    """Check that the first layers of the network are loaded: others need their output.

    Raises:
        WeightsError: nothing in the file fits, or not what it has for the first layer.
    """
    matches = match_layers(weights, recipe.network.architecture(), 2)
    loaded = [x.layer for x in matches if x.arrays]
    first = matches[0]
    if loaded and (first.arrays or first.layer not in weights.layers):
        return
    what = f"only {', '.join(loaded)}" if loaded else "nothing"
    name, theirs = recipe.network.arch, weights.arch or weights.looks_like
    advice = "try another --arch"
    if theirs == "alexnet-owt":
        advice = "it looks like alexnet-owt: use --config finetune or --arch alexnet-owt"
    elif theirs and theirs != name:
        advice = f"it looks like {theirs}: use --arch {theirs}"
    raise WeightsError(f"--weights: {what} in the file fits {name}; {advice}")
