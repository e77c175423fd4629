"""The preprocessing of images: the same in training and in every later prediction."""

from dataclasses import dataclass, replace

Channels = tuple[float, float, float]
"""One number each for red, green and blue."""
MAX_PIXELS = 100_000_000
"""Images with more pixels are not decoded, unless a recipe changes the limit."""
MAX_WHITE_LEVEL = 2**32 - 1
JSON_KEYS = {"resize_mode": "resize", "stored_size": "size", "input_size": "crop"}
"""Fields of Preprocess that have other names in run.json, which users' scripts read."""
_RESIZES = {
    "squash": "scale both sides to {0} pixels",
    "crop": "cut out the largest square in the center, then scale it to {0} pixels",
    "pad": "scale the longer side to {0} pixels and pad to a square with gray (127)",
}


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes the network's input: made square, cropped, standardized."""

    resize_mode: str
    """squash, crop or pad."""
    stored_size: int
    """Side of the square image that is stored, pixels: R."""
    input_size: int
    """Side of the network's input, pixels: S. By default it is the center of that."""
    mean: Channels | None
    """Subtracted from pixels, 0 to 255; None: the mean training image, kept in the run."""
    std: Channels
    """What pixels are then divided by."""
    max_pixels: int = MAX_PIXELS
    white_level: int | None = None
    """Level of images of more than 8 bits that becomes white; None: by their range."""
    samplewise_center: bool = False
    """From each input its own mean is subtracted; `mean` is 0."""
    samplewise_std_normalization: bool = False
    """And each is divided by its own standard deviation; `std` is 1."""

    def with_limit(self, megapixels: float) -> "Preprocess":
        """The same for images of up to this many million pixels."""
        return replace(self, max_pixels=round(megapixels * 1e6))

    def steps(self) -> str:
        """What turns an image into the pixels that are stored, in two sentences."""
        resize = _RESIZES[self.resize_mode].format(self.stored_size)
        level = self.white_level
        wide = f" (of more than 8 bits, {level} and above become 255)" if level else ""
        return (
            f"RGB, 0 to 255{wide}. Turn the image upright (EXIF), blend transparency with "
            f"white, {resize}, bilinear with antialiasing."
        )
