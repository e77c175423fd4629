"""HEIF, the format of phones, through pillow-heif, which not every installation has."""

import importlib
import io

from PIL import Image

from ...errors import ImageError

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_ANY_CODEC = (b"mif1", b"msf1")
"""Brands of files that may hold AV1 as well; Pillow is asked about these first."""

MISSING = (
    "is a HEIF image (HEIC), which needs pillow-heif: pip install 'alexnet[heif]'; "
    "or save it as JPEG"
)


def looks_like(data: bytes) -> bool:
    """Whether `data` says that it is HEIF."""
    return data.startswith(b"ftyp", 4) and data[8:12] in (*_BRANDS, *_ANY_CODEC)


def opened(data: bytes) -> Image.Image:
    """The primary image of `data`, whose pixels are still to be read.

    libheif turns it as its boxes say; the orientation in EXIF, which says the same, is
    taken away by pillow-heif.

    Raises:
        ImageError: pillow-heif is not installed.
        SyntaxError: it cannot be read.
    """
    try:
        # Not registered with Pillow, which would change it for the whole process.
        plugin = importlib.import_module("pillow_heif.as_plugin")
    except ImportError as error:
        raise ImageError(MISSING) from error
    image: Image.Image = plugin.HeifImageFile(io.BytesIO(data))
    return image


def load(image: Image.Image) -> None:
    """Read the pixels of what `opened` returned.

    Raises:
        ImageError: they are of another size than the file says.
    """
    size = image.size
    image.load()
    if image.size != size:
        raise ImageError("is damaged: its pixels are not as many as it says")
