"""The preprocessing of a recipe: its own values, or else those of its network."""

from ..errors import RecipeError, printable
from ..preprocess import MAX_WHITE_LEVEL, Channels, Preprocess
from .recipe import Recipe

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Mean and std of ImageNet's training images, RGB, 0 to 255. Source: torchvision."""


def preprocess_of(recipe: Recipe) -> Preprocess:
    """How `recipe` turns an image into the network's input.

    Raises:
        RecipeError: mean, std or white level is not as --help says, or size is below the
            input's.
    """
    arch, images = recipe.network.architecture(), recipe.images
    size = images.size or arch.input_size * 8 // 7
    if size < arch.input_size:
        raise RecipeError(
            f"--size {size} is smaller than the {arch.input_size} pixels "
            f"of {arch.name}'s input"
        )
    scale = images.samplewise_std_normalization
    center = scale or images.samplewise_center  # As in Keras, the first implies the second.
    mean = "0" if center else images.mean or arch.mean
    std = "1" if scale else images.std or arch.std
    return Preprocess(
        resize_mode=images.resize,
        stored_size=size,
        input_size=arch.input_size,
        mean=None if mean == "pixel" else _channels("mean", mean, IMAGENET_MEAN),
        std=_channels("std", std, IMAGENET_STD),
        max_pixels=round(images.max_megapixels * 1e6),
        white_level=_white_level(images.white_level),
        samplewise_center=center,
        samplewise_std_normalization=scale,
    )


def _white_level(text: str) -> int | None:
    """The value of --white-level; None: auto."""
    if text == "auto":
        return None
    is_short = text.isdecimal() and len(text) <= len(str(MAX_WHITE_LEVEL))
    if not is_short or not 1 <= int(text) <= MAX_WHITE_LEVEL:
        raise RecipeError(
            f"--white-level: {printable(text)} is neither auto nor a whole number "
            f"from 1 to {MAX_WHITE_LEVEL}"
        )
    return int(text)


def _channels(name: str, text: str, imagenet: Channels) -> Channels:
    """One number per channel from `text`, the value of --mean or --std."""
    if text == "imagenet":
        return imagenet
    try:
        numbers = [float(x) for x in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3 or (name == "std" and min(numbers) <= 0):
        raise RecipeError(f"--{name}: {text!r} is neither R,G,B nor a number nor imagenet")
    red, green, blue = numbers
    return red, green, blue
