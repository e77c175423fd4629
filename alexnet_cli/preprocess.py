"""How an image becomes the network's input, in training and ever after."""

from dataclasses import dataclass

Channels = tuple[float, float, float]
"""A number each for red, green and blue."""
MAX_PIXELS = 100_000_000
"""Images with more are not decoded, unless a recipe says so."""


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input: made square, cut, standardized."""

    resize_mode: str
    """squash, crop or pad."""
    stored_size: int
    """Side of the square image that is kept, pixels: R."""
    input_size: int
    """Side of its center, which the network sees, pixels: S."""
    mean: Channels | None
    """Subtracted, 0 to 255; None: the mean training image, kept beside run.json."""
    std: Channels
    """What pixels are then divided by."""
    max_pixels: int = MAX_PIXELS
