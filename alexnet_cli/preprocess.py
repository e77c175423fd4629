"""How an image becomes the network's input, in training and ever after."""

from dataclasses import dataclass

MAX_PIXELS = 100_000_000
"""Pictures with more are not decoded, unless a recipe says so."""


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes the network's input, in training and ever after.

    `mean` and `std` are per channel, RGB, 0..255; `mean=None` is the mean picture of
    the training set, kept beside run.json.
    """

    resize: str
    size: int
    crop: int
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float]
    max_pixels: int = MAX_PIXELS
