"""Recipes that contradict themselves are refused, and options that would do nothing."""

from collections.abc import Callable, Collection

from ..errors import RecipeError
from ..model.architecture import trace
from ..model.variants import with_input_size
from ..preprocess import Preprocess
from .preprocessing import preprocess_of
from .recipe import Recipe, warps

_NEEDS: dict[str, tuple[Callable[[Recipe], bool], str]] = {
    "loaded_rate": (lambda r: r.weights is not None, "--weights"),
    "freeze": (lambda r: r.weights is not None, "--weights"),
    "unfreeze_after": (lambda r: r.freeze is not None, "--freeze"),
    "unfrozen_rate": (lambda r: r.unfreeze_after > 0, "--unfreeze-after"),
    "val_fraction": (lambda r: r.folds == 1, "no --folds"),
    "fold": (lambda r: r.folds > 1, "--folds"),
    "momentum": (lambda r: r.optimizer in ("sgd", "rmsprop"), "--optimizer sgd or rmsprop"),
    "nesterov": (lambda r: r.optimizer == "sgd" and r.momentum > 0, "--optimizer sgd with momentum"),
    "weight_decay": (lambda r: r.optimizer in ("sgd", "adamw"), "--optimizer sgd or adamw"),
    "warmup_epochs": (lambda r: r.schedule == "cosine", "--schedule cosine"),
    "step_epochs": (lambda r: r.schedule == "step", "--schedule step"),
    "plateau_epochs": (lambda r: r.schedule == "plateau", "--schedule plateau"),
    "divide_by": (lambda r: r.schedule in ("step", "plateau"), "--schedule step or plateau"),
    "fill_mode": (warps, "--rotation, --width-shift, --height-shift, --shear, --zoom or --randaugment"),
}  # fmt: skip


def check(recipe: Recipe, given: Collection[str]) -> None:
    """Refuse a recipe that contradicts itself; `given` names the fields set by hand.

    Raises:
        RecipeError: a value is impossible, or a given option would have no effect.
    """
    preprocess = preprocess_of(recipe)
    if recipe.random_crop and (preprocess.size == preprocess.crop or recipe.crop_area):
        raise RecipeError(
            f"--random-crop needs a --size above the {preprocess.crop} pixels of the "
            f"network's input, and no --crop-area"
        )
    if recipe.tta == "ten-crop" and preprocess.size == preprocess.crop:
        raise RecipeError(
            f"--tta ten-crop needs a --size above the {preprocess.crop} pixels of the network's input"
        )
    if recipe.start_size:
        _check_start_size(recipe, preprocess)
    recipe.stop_targets()
    watched = ("val_loss", *(f"val_{x}" for x in recipe.metric_names()))
    if recipe.watch not in watched:
        raise RecipeError(f"--watch {recipe.watch}: watched can be {', '.join(watched)}")
    if recipe.fold > recipe.folds:
        raise RecipeError(f"--fold {recipe.fold} of --folds {recipe.folds}")
    if recipe.folds == 1 and recipe.val_fraction + recipe.test_fraction >= 1:
        raise RecipeError("--val-fraction and --test-fraction leave nothing to train on")
    for name in given:
        if not has_effect(recipe, name):
            flag = name.replace("_", "-")
            raise RecipeError(f"--{flag} has no effect here: it needs {_NEEDS[name][1]}")


def _check_start_size(recipe: Recipe, preprocess: Preprocess) -> None:
    if not recipe.crop_area:
        raise RecipeError("--start-size has no effect here: it needs --crop-area")
    if recipe.start_size >= preprocess.crop:
        raise RecipeError(
            f"--start-size {recipe.start_size} is not below the {preprocess.crop} pixels "
            f"of the network's input"
        )
    for _ in trace(with_input_size(recipe.architecture(), recipe.start_size), 2):
        pass  # raises where the picture shrinks to nothing


def has_effect(recipe: Recipe, name: str) -> bool:
    """Whether the field `name` has a say in what `recipe` does."""
    return name not in _NEEDS or _NEEDS[name][0](recipe)
