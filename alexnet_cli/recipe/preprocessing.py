"""Recipe -> Preprocess: how images become the network's input."""

from ..errors import RecipeError
from ..preprocess import Preprocess
from .recipe import Recipe

IMAGENET_MEAN = (123.675, 116.28, 103.53)

IMAGENET_STD = (58.395, 57.12, 57.375)
"""Of the training pictures of ImageNet, RGB, 0..255. Source: torchvision."""


def preprocess_of(recipe: Recipe) -> Preprocess:
    """The preprocessing that `recipe` asks for.

    Raises:
        RecipeError: mean or std are no numbers, or size is below the input's.
    """
    arch = recipe.architecture()
    size = recipe.size or arch.input_size * 8 // 7
    if size < arch.input_size:
        raise RecipeError(
            f"--size {size} is below the {arch.input_size} pixels that {arch.name} looks at"
        )
    mean, std = recipe.mean or arch.mean, recipe.std or arch.std
    return Preprocess(
        resize=recipe.resize,
        size=size,
        crop=arch.input_size,
        mean=None if mean == "pixel" else _channel_values("mean", mean, IMAGENET_MEAN),
        std=_channel_values("std", std, IMAGENET_STD),
        max_pixels=round(recipe.max_megapixels * 1e6),
    )


def _channel_values(
    name: str, text: str, imagenet: tuple[float, float, float]
) -> tuple[float, float, float]:
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
