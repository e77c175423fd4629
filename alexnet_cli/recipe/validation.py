"""Checks of recipes: values of fields, and fields that contradict each other."""

import math
from collections.abc import Callable, Collection
from typing import Any

from ..errors import RecipeError, printable
from ..model.architecture import trace
from ..model.variants import with_input_size
from ..preprocess import Preprocess
from .preprocessing import preprocess_of
from .recipe import FIELDS, Field, Recipe

_NEEDS: dict[str, tuple[Callable[[Recipe], bool], str]] = {
    "loaded_rate": (lambda r: r.pretrained.weights is not None, "--weights"),
    "freeze": (lambda r: r.pretrained.weights is not None, "--weights"),
    "unfreeze_after": (lambda r: r.pretrained.freeze is not None, "--freeze"),
    "unfrozen_rate": (lambda r: r.pretrained.unfreeze_after > 0, "--unfreeze-after"),
    "val_fraction": (lambda r: r.split.folds == 1, "no --folds"),
    "fold": (lambda r: r.split.folds > 1, "--folds"),
    "momentum": (lambda r: r.optimization.optimizer in ("sgd", "rmsprop"), "--optimizer sgd or rmsprop"),
    "nesterov": (lambda r: r.optimization.optimizer == "sgd" and r.optimization.momentum > 0, "--optimizer sgd with momentum"),
    "weight_decay": (lambda r: r.optimization.optimizer in ("sgd", "adamw"), "--optimizer sgd or adamw"),
    "warmup_epochs": (lambda r: r.lr_schedule.schedule == "cosine", "--schedule cosine"),
    "step_epochs": (lambda r: r.lr_schedule.schedule == "step", "--schedule step"),
    "plateau_epochs": (lambda r: r.lr_schedule.schedule == "plateau", "--schedule plateau"),
    "divide_by": (lambda r: r.lr_schedule.schedule in ("step", "plateau"), "--schedule step or plateau"),
    "fill_mode": (lambda r: r.augmentation.warps, "--rotation, --width-shift, --height-shift, --shear, --zoom or --randaugment"),
}  # fmt: skip
"""Fields that only some recipes use: the condition, and the option it is about."""
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", ""), False),
}
"""What click accepts: option values and TOML values have one notation."""
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def has_effect(recipe: Recipe, name: str) -> bool:
    """Whether the field `name` changes what `recipe` does."""
    return name not in _NEEDS or _NEEDS[name][0](recipe)


def check(recipe: Recipe, given: Collection[str]) -> None:
    """Refuse a recipe that contradicts itself; `given` names the fields that were set.

    Raises:
        RecipeError: a value is impossible, or a given field would have no effect.
    """
    _check_sizes(recipe, preprocess_of(recipe))
    _check_stopping(recipe)
    split = recipe.split
    if split.fold > split.folds:
        raise RecipeError(f"--fold {split.fold} is larger than --folds {split.folds}")
    if split.folds == 1 and split.val_fraction + split.test_fraction >= 1:
        raise RecipeError("--val-fraction and --test-fraction leave nothing to train on")
    for name in given:
        if not has_effect(recipe, name):
            raise RecipeError(
                f"{FIELDS[name].flag} has no effect here: it needs {_NEEDS[name][1]}"
            )


def _check_sizes(recipe: Recipe, preprocess: Preprocess) -> None:
    side, augmentation = preprocess.input_size, recipe.augmentation
    no_margin = preprocess.stored_size == side
    if augmentation.random_crop and (no_margin or augmentation.crop_area):
        raise RecipeError(
            f"--random-crop needs a --size larger than the network's input of {side} "
            f"pixels, and no --crop-area"
        )
    if recipe.inference.tta == "ten-crop" and no_margin:
        raise RecipeError(
            f"--tta ten-crop needs a --size larger than the network's input of {side} pixels"
        )
    start = augmentation.start_size
    if not start:
        return
    if not augmentation.crop_area:
        raise RecipeError("--start-size has no effect here: it needs --crop-area")
    if start >= side:
        raise RecipeError(
            f"--start-size {start} is not smaller than the network's input of {side} pixels"
        )
    for _ in trace(with_input_size(recipe.network.architecture(), start), 2):
        pass  # raises where the image shrinks to nothing


def _check_stopping(recipe: Recipe) -> None:
    stopping = recipe.stopping
    stopping.stop_targets()
    known = ("val_loss", *(f"val_{x}" for x in stopping.metric_names()))
    if stopping.watch not in known:
        raise RecipeError(
            f"--watch {printable(stopping.watch)}: choose from {', '.join(known)}"
        )


def parsed(field: Field, value: Any) -> Any:
    """`value` as the type of `field`: a number may be given as text, and text as a number.

    Raises:
        RecipeError: it is of another type, not one of the choices, or out of bounds.
    """
    if value is None and field.optional:
        return None
    result = None if value is None else _read(str(value), field.type)
    if result is None:
        raise RecipeError(f"{field.flag}: {value!r} is not {_KINDS[field.type]}")
    if field.choices and result not in field.choices:
        raise RecipeError(
            f"{field.flag}: {value!r} is not one of {', '.join(field.choices)}"
        )
    low, high = field.low, field.high
    if (low is not None and result < low) or (high is not None and result > high):
        bounds = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise RecipeError(f"{field.flag}: {value!r} is not in the range {bounds}")
    return result


def _read(text: str, kind: type) -> Any:
    """`text` as a value of `kind`; None if it is none, or is NaN or infinite."""
    if kind is bool:
        return _BOOLEANS.get(text.strip().lower())
    try:
        value = kind(text)
    except ValueError:
        return None
    return None if kind is float and not math.isfinite(value) else value
