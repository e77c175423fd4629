"""Checks of recipes: values of fields, and fields that contradict each other."""

import math
import re
from collections.abc import Callable, Collection
from typing import Any

from ..errors import RecipeError, printable
from ..model.architecture import trace
from ..model.layer_specs import BatchNorm, LocalNorm
from ..model.variants import with_input_size
from ..preprocess import Preprocess
from .device import device_count
from .late import check_late, unfreezes
from .preprocessing import preprocess_of
from .recipe import FIELDS, Field, Recipe
from .sections import Machine

_NEEDS: dict[str, tuple[Callable[[Recipe], bool], str]] = {
    **dict.fromkeys(("lrn_n", "lrn_k", "lrn_alpha", "lrn_beta"), (lambda r: has_local_norm(r), "a network with local response normalization, or --norm local")),
    "mean": (lambda r: not (r.images.samplewise_center or r.images.samplewise_std_normalization), "no --samplewise-center or --samplewise-std-normalization"),
    "std": (lambda r: not r.images.samplewise_std_normalization, "no --samplewise-std-normalization"),
    "first_layer": (lambda r: r.pretrained.weights is None, "no --weights"),
    "loaded_rate": (lambda r: r.pretrained.weights is not None, "--weights"),
    "freeze": (lambda r: r.pretrained.weights is not None, "--weights"),
    "unfreeze_after": (lambda r: r.pretrained.freezes and r.pretrained.unfreeze_after < r.stopping.epochs, "--freeze"),
    "unfrozen_rate": (lambda r: unfreezes(r), "--unfreeze-after"),
    "val_fraction": (lambda r: r.split.folds == 1, "no --folds"),
    "fold": (lambda r: r.split.folds > 1, "--folds"),
    "momentum": (lambda r: r.optimization.optimizer in ("sgd", "rmsprop"), "--optimizer sgd or rmsprop"),
    "nesterov": (lambda r: r.optimization.optimizer == "sgd" and r.optimization.momentum > 0, "--optimizer sgd with momentum"),
    "weight_decay": (lambda r: r.optimization.optimizer in ("sgd", "adamw", "muon"), "--optimizer sgd, adamw or muon"),
    "warmup_epochs": (lambda r: r.lr_schedule.schedule == "cosine", "--schedule cosine"),
    "step_epochs": (lambda r: r.lr_schedule.schedule == "step", "--schedule step"),
    "plateau_epochs": (lambda r: r.lr_schedule.schedule == "plateau", "--schedule plateau"),
    "divide_by": (lambda r: r.lr_schedule.schedule in ("step", "plateau"), "--schedule step or plateau"),
    # A training too short to mix may still be told not to.
    "mixup": (lambda r: r.optimization.batch_size > 1 and (r.augmentation.mix_after < r.stopping.epochs or not r.augmentation.mixup), "a --batch-size above 1, and more --epochs than --mix-after"),
    "cutmix": (lambda r: r.optimization.batch_size > 1 and (r.augmentation.mix_after < r.stopping.epochs or not r.augmentation.cutmix), "a --batch-size above 1, and more --epochs than --mix-after"),
    "mix_after": (lambda r: bool(r.augmentation.mixup or r.augmentation.cutmix) and r.augmentation.mix_after < r.stopping.epochs, "--mixup or --cutmix, and more --epochs"),
    "fill_mode": (lambda r: r.augmentation.warps, "--rotation, --width-shift, --height-shift, --shear, --zoom or --randaugment"),
    "fill_value": (lambda r: r.augmentation.warps and r.augmentation.fill_mode == "constant" and preprocess_of(r).mean is not None, "--fill-mode constant, a transform that uncovers pixels, and no --mean pixel, which fills with the mean"),
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
        RecipeError: a value is impossible, the network has no such layers to freeze,
            or a given field would have no effect.
    """
    n = recipe.network.lrn_n
    if n and n % 2 == 0:
        raise RecipeError(f"--lrn-n {n}: a channel and its neighbors are an odd number")
    preprocess = preprocess_of(recipe)
    _check_standardization(recipe, preprocess)
    _check_sizes(recipe, preprocess)
    _check_stopping(recipe)
    _frozen(recipe)
    _check_batch_size(recipe)
    _check_xla(recipe.machine)
    check_late(recipe, given)
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


def _check_standardization(recipe: Recipe, preprocess: Preprocess) -> None:
    for name, values in (("mean", preprocess.mean), ("std", preprocess.std)):
        if values and not all(math.isfinite(x) for x in values):
            raise RecipeError(
                f"--{name}: {recipe[name]!r} is neither R,G,B nor a number nor imagenet"
            )


def check_batches(recipe: Recipe, images: int, devices: int = 1) -> None:
    """Refuse steps in which BatchNorm would see fewer than two of `images` on a device.

    Raises:
        RecipeError: there are such steps.
    """
    size = recipe.optimization.batch_size
    if not trains_batch_norm(recipe) or _fewest(images, size, devices) >= 2:
        return
    on_each = f" on each of {devices} devices" if devices > 1 else ""
    others = (*range(size + 1, images + 1), *range(size - 1, 1, -1))
    better = next((x for x in others if _fewest(images, x, devices) >= 2), None)
    if better is None:
        raise RecipeError(
            f"{images} training image(s) cannot be divided into steps of two or more"
            f"{on_each}, as BatchNorm needs; add images, or use --norm none"
        )
    raise RecipeError(
        f"--batch-size {size} divides {images} training images into steps of which some "
        f"have fewer than two{on_each}, from which BatchNorm learns nothing; use "
        f"--batch-size {better}, or --norm none"
    )


def _fewest(images: int, batch_size: int, devices: int) -> int:
    """The fewest images of a step on one device.

    As the trainer divides `images` into almost even steps, and TensorFlow a step among
    `devices`: rounded up on all but the last ones.
    """
    count = -(-images // batch_size)
    steps = (images // count, -(-images // count))
    return min(max(0, x - -(-x // devices) * (devices - 1)) for x in steps)


def _check_batch_size(recipe: Recipe) -> None:
    """Refuse a batch size that cannot do, however many images there are."""
    size, device = recipe.optimization.batch_size, recipe.machine.device
    devices = device_count(device)
    if size < 2 * devices and trains_batch_norm(recipe):
        where = f" with --device {device}" if devices > 1 else ""
        raise RecipeError(
            f"--batch-size {size} is too small{where}: BatchNorm learns nothing from a "
            f"single image; use {2 * devices} or more, or --norm none"
        )


def _check_xla(machine: Machine) -> None:
    several = device_count(machine.device) > 1
    if machine.xla and (several or machine.deterministic):
        raise RecipeError("--xla works on one --device, and without --deterministic")


def has_local_norm(recipe: Recipe) -> bool:
    """Whether its network has local response normalization."""
    layers = recipe.network.architecture().layers
    return any(isinstance(x, LocalNorm) for x in layers)


def trains_batch_norm(recipe: Recipe) -> bool:
    """Whether BatchNorm takes its statistics from batches; where frozen it does not."""
    layers = trace(recipe.network.architecture(), 2)
    norms = {x.name for x in layers if isinstance(x.layer, BatchNorm)}
    return bool(norms if unfreezes(recipe) else norms - _frozen(recipe))


def _frozen(recipe: Recipe) -> set[str]:
    """The layers that --freeze freezes; it may name layers that the network lacks."""
    pretrained = recipe.pretrained
    if pretrained.weights is None or not pretrained.freezes:
        return set()
    from ..model.pretrained.matching import frozen_layers

    return set(frozen_layers(recipe.network.architecture(), pretrained.freeze))


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
        why = why_no_side(field.name, str(value))
        raise RecipeError(
            f"{field.flag}: {value!r} is not {_KINDS[field.type]}{why and f'; {why}'}"
        )
    if field.choices and result not in field.choices:
        raise RecipeError(
            f"{field.flag}: {value!r} is not one of {', '.join(field.choices)}"
        )
    low, high = field.low, field.high
    if (low is not None and result < low) or (high is not None and result > high):
        bounds = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise RecipeError(f"{field.flag}: {value!r} is not in the range {bounds}")
    return result


def why_no_side(name: str, text: str) -> str:
    """Why the field `name` takes no `text` such as 224x160; "" if it is something else."""
    is_side = name in ("size", "start_size")
    if not is_side or not re.fullmatch(r"\D?\d+\D+\d+\D*(3\D*)?", text):
        return ""
    return "the networks take squares: give one side; --resize says how images fit it"


def _read(text: str, kind: type) -> Any:
    """`text` as a value of `kind`; None if it is none, or is NaN or infinite."""
    if kind is bool:
        return _BOOLEANS.get(text.strip().lower())
    try:
        value = kind(text)
    except ValueError:
        return None
    return None if kind is float and not math.isfinite(value) else value
