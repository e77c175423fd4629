"""Many drawn images with their fingerprints: frames of clips, and different photos."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates.fingerprint import fingerprint
from alexnet_cli.dataset.parallel import parallel_map

Drawn = tuple[np.ndarray, list[bytes]]
"""Fingerprints [N, 2, 32, 32], and the images as JPEG files."""


def saved(images: Iterable[Image.Image]) -> Drawn:
    """Each image at quality 90."""

    def save(image: Image.Image) -> tuple[np.ndarray, bytes]:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=90)
        return fingerprint(image)[0], out.getvalue()

    both = list(map(save, images))
    return np.stack([x for x, _ in both]), [x for _, x in both]


def frames(files: list[Path], count: int, clips: int) -> Drawn:
    """Frames of `clips`: each pans slowly over a photo, four times back and forth.

    The window is nine tenths of the photo. Brightness wavers by a tenth, and each frame
    has noise of its own (standard deviation 4 levels).
    """
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(files), clips, replace=False)
    images = [open_image(files[i]).image for i in chosen]
    each = -(-count // clips)

    def frame(number: int) -> Image.Image:
        clip, turn = number // each, 8 * np.pi * (number % each) / each
        image = images[clip]
        w, h = (round(0.9 * x) for x in image.size)
        x = round((image.width - w) * (0.5 - 0.5 * np.cos(turn)))
        y = round((image.height - h) * (0.5 - 0.5 * np.cos(turn / 2)))
        shown = image.crop((x, y, x + w, y + h)).resize((160, 120), Image.Resampling.BOX)
        bright = ImageEnhance.Brightness(shown).enhance(1 + 0.1 * np.sin(3 * turn))
        noise = np.random.default_rng((1, number)).normal(0, 4, (120, 160, 3))
        noisy = np.clip(np.asarray(bright) + noise, 0, 255).astype(np.uint8)
        return Image.fromarray(noisy)

    return saved(parallel_map(frame, range(count)))


def photos(files: list[Path], count: int) -> Drawn:
    """Each of two photos' random crops, of which one shows through.

    So many different photos are not at hand. Each crop is half to all of a photo's width
    and height, and has three quarters of the contrast or one.
    """
    small = [open_image(x).image.resize((128, 128), Image.Resampling.BOX) for x in files]

    def photo(number: int) -> Image.Image:
        rng = np.random.default_rng((2, number))
        one, two = (crop(small[i], rng) for i in rng.choice(len(small), 2, replace=False))
        return Image.blend(one, two, 0.25)

    return saved(parallel_map(photo, range(count)))


def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random part of `image` at 64 x 64 pixels."""
    w, h = rng.uniform(0.5, 1, 2) * image.size
    x, y = rng.uniform(0, 1, 2) * (image.width - w, image.height - h)
    return image.resize((64, 64), Image.Resampling.BOX, box=(x, y, x + w, y + h))
