"""The preprocessing of images: the same in training and in every later prediction."""

from dataclasses import dataclass

Channels = tuple[float, float, float]
"""One number each for red, green and blue."""
MAX_PIXELS = 100_000_000
"""Images with more pixels are not decoded, unless a recipe changes the limit."""


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input: made square, cropped, standardized."""

    resize_mode: str
    """squash, crop or pad."""
    stored_size: int
    """Side of the square image that is stored, pixels: R."""
    input_size: int
    """Side of its center crop, which the network sees, pixels: S."""
    mean: Channels | None
    """Subtracted from pixels, 0 to 255; None: the mean training image, kept in the run."""
    std: Channels
    """What pixels are then divided by."""
    max_pixels: int = MAX_PIXELS
