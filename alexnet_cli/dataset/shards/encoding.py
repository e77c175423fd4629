"""What an image becomes in a shard: resized, and as JPEG or as it is."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ...arrays import Pixels
from ...errors import ImageError
from ...preprocess import Preprocess
from ..decoding import DecodedImage, decoded_image
from ..formats.pillow_scope import pillow_scope
from ..sources.source import Sample

JPEG, RAW = "jpeg", "raw"
EXTENSIONS = {JPEG: "jpg", RAW: "ppm"}


@dataclass(frozen=True)
class Encoded:
    """An image for a shard, without the pixels that it was made of."""

    data: bytes
    facts: DecodedImage


@dataclass(frozen=True)
class Unusable:
    """An image that cannot be used."""

    reason: str
    digest: str
    """SHA-256 of its bytes; that of no bytes if it cannot be read."""


def encode(pixels: Pixels, encoding: str, quality: int) -> bytes:
    """The file of pixels uint8 [R, R, 3]: a PPM, or a JPEG with colors at full size."""
    if encoding == RAW:
        height, width, _ = pixels.shape
        return b"P6\n%d %d\n255\n" % (width, height) + pixels.tobytes()
    out = io.BytesIO()
    with pillow_scope():
        Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def members(
    image: Encoded, sample: Sample, label: str, encoding: str
) -> Iterator[tuple[str, bytes]]:
    """The files of an image in a tar by their extensions, as WebDataset has them.

    The image first, then its class, as a number and with all that names it.
    """
    yield EXTENSIONS[encoding], image.data
    yield "cls", str(sample.label).encode()
    named = {
        "file": sample.name,
        "class": label,
        "split": sample.part,
        "sha256": image.facts.digest,
    }
    yield "json", json.dumps(named).encode()


def encoder(
    preprocess: Preprocess, encoding: str, quality: int
) -> Callable[[Callable[[], bytes]], Encoded | Unusable]:
    """What makes an image for a shard of what reads the original."""

    def work(read: Callable[[], bytes]) -> Encoded | Unusable:
        data = b""
        try:
            data = read()
            found = decoded_image(data, preprocess)
        except ImageError as error:
            return Unusable(str(error), hashlib.sha256(data).hexdigest())
        # An image that was given a preprocessing has pixels.
        content = encode(np.asarray(found.pixels), encoding, quality)
        return Encoded(content, replace(found, pixels=None))

    return work
