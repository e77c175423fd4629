"""What Pillow does not say about a TIFF: kinds that it does not know or reads wrong."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from PIL import Image, TiffImagePlugin

from ...errors import ImageError

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
"""Values of SampleFormat."""

_SUBFILE_TYPE, _BITS, _COMPRESSION, _PHOTOMETRIC, _MAKE = 254, 258, 259, 262, 271
_SAMPLES, _PLANAR, _COLOR_MAP, _SUB_IFDS, _SAMPLE_FORMAT = 277, 284, 320, 330, 339
_DNG_VERSION = 50706
_RAW_PHOTOMETRICS = (32803, 34892)
"""A color filter array, and its values after demosaicing."""
_RAW_NAMES = {
    "NIKON": "NEF", "SONY": "ARW", "Canon": "CR2", "PENTAX": "PEF", "RICOH": "PEF",
    "SAMSUNG": "SRW", "Hasselblad": "3FR", "EASTMAN KODAK": "DCR", "Kodak": "DCR",
    "OLYMPUS": "ORF", "Panasonic": "RW2", "LEICA": "RWL", "Phase One": "IIQ",
    "Leaf": "MOS", "SEIKO EPSON": "ERF", "Mamiya": "MEF",
}  # fmt: skip
"""How a maker's name begins -> the name of its raw format."""
_MOST_SUB_IFDS = 8
_BIG = (b"+\0", b"\0+")
_FORMATS = {SIGNED: " signed", FLOAT: " floating-point", 5: " complex", 6: " complex"}
_PHOTOMETRICS = {
    0: "gray", 1: "gray", 2: "RGB", 3: "a palette", 4: "a mask", 5: "CMYK", 6: "YCbCr",
    8: "Lab", 9: "Lab", 10: "Lab", 32844: "LogL", 32845: "LogLuv",
}  # fmt: skip
_USUAL_SAMPLES = {2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3, 32845: 3}
"""Channels of a kind of color; all others have one."""

_NATIVE = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "I;32B": "I;32N", "F;32BF": "F;32NF",
           "F;64BF": "F;64NF"}  # fmt: skip
"""libtiff swaps the bytes of what it unpacks, which Pillow knows of 16 bits only."""


def _modes() -> dict[Any, tuple[str, str]]:
    """Kinds of gray that Pillow could decode if its table had them, as rows of it."""
    found: dict[Any, tuple[str, str]] = {}
    for prefix, wide, double in (
        (b"II", "I;16", "F;64F"),
        (b"MM", "I;16B", "F;64BF"),
    ):
        for white in (0, 1):
            order = "B" if prefix == b"MM" else ""
            found[prefix, white, (UNSIGNED,), 1, (12,), ()] = ("I;16", "I;12")
            found[prefix, white, (UNSIGNED,), 1, (16,), ()] = (wide, wide)
            found[prefix, white, (UNSIGNED,), 1, (32,), ()] = ("I", f"I;32{order}")
            found[prefix, white, (SIGNED,), 1, (16,), ()] = ("I", f"I;16{order}S")
            found[prefix, white, (SIGNED,), 1, (32,), ()] = ("I", f"I;32{order}S")
            found[prefix, white, (FLOAT,), 1, (64,), ()] = ("F", double)
    return found


ADDED = {k: v for k, v in _modes().items() if k not in TiffImagePlugin.OPEN_INFO}
"""What `pillow_scope` adds to TiffImagePlugin.OPEN_INFO."""


def numbers(tags: Mapping[int, Any], tag: int, default: int) -> tuple[int, ...]:
    """The whole numbers of a tag, which may be of any type; (default,) if it has none."""
    value = tags.get(tag)
    values = value if isinstance(value, tuple) else (value,)
    return tuple(x for x in values if isinstance(x, int)) or (default,)


def tags_of(image: Image.Image) -> Mapping[int, Any]:
    """The tags of the first page of a TIFF; none of another image."""
    return cast("TiffImageFile", image).tag_v2 if image.format == "TIFF" else {}


def bits(tags: Mapping[int, Any]) -> int:
    """Bits per channel."""
    return numbers(tags, _BITS, 1)[0]


def sample_format(tags: Mapping[int, Any]) -> int:
    """UNSIGNED, SIGNED or FLOAT, or another number."""
    return numbers(tags, _SAMPLE_FORMAT, UNSIGNED)[0]


def white_is_zero(tags: Mapping[int, Any]) -> bool:
    """Whether the lowest level is white."""
    return numbers(tags, _PHOTOMETRIC, 1)[0] == 0


def is_planar(image: Image.Image) -> bool:
    """Whether `image` has one plane for each of several channels."""
    tags = tags_of(image)
    return numbers(tags, _PLANAR, 1)[0] == 2 and numbers(tags, _SAMPLES, 1)[0] > 1


def prepare(image: Image.Image, data: bytes) -> None:
    """Make `image`, just opened from `data`, one that Pillow decodes as it is meant.

    Raises:
        ImageError: it is a thumbnail of a raw photograph, or of a kind that Pillow takes
            for another.
    """
    tags = tags_of(image)
    if not tags:
        return
    raw = _camera_raw(tags, data)
    if raw:
        raise ImageError(raw)
    tile = image.tile[0] if image.tile else None  # type: ignore[attr-defined]
    if tile and tile.codec_name == "raw" and is_planar(image) and bits(tags) > 8:
        raise ImageError(
            f"is a TIFF with separate planes of {bits(tags)} bits; save it with "
            f"interleaved channels, or as PNG"
        )
    if tile and tile.codec_name == "libtiff" and tile.args[0] in _NATIVE:
        args = (_NATIVE[tile.args[0]], *tile.args[1:])
        image.tile = [tile._replace(args=args)]  # type: ignore[attr-defined]


def correct(image: Image.Image) -> None:
    """Put right what Pillow reads wrong of `image`, a TIFF with its pixels.

    Not 8 bits with a sign: files that say so hold images without one.
    """
    tags = tags_of(image)
    if image.mode == "P":
        levels = numbers(tags, _COLOR_MAP, 0)
        # Some programs write 8 bits into a table of 16; Pillow's is black then.
        if 0 < max(levels) < 256 and len(levels) % 3 == 0:
            side = len(levels) // 3
            colors = [levels[i + k * side] for i in range(side) for k in range(3)]
            image.putpalette(bytes(colors))


def negative(lowest: float, highest: float) -> str:
    """What is wrong with an image of levels from `lowest` to `highest`."""
    return (
        f"has negative levels ({lowest:g} to {highest:g}), none of which is black; add "
        f"{-lowest:g} to the levels of all images and save them again as unsigned"
    )


def _camera_raw(tags: Mapping[int, Any], data: bytes) -> str:
    """What to say of a photograph as the sensor has it; empty if it is none.

    Its first page is a thumbnail, or an array that is no picture.
    """
    if _DNG_VERSION in tags:
        return camera_raw("DNG")
    if data[8:10] == b"CR" and data[:2] == b"II":
        return camera_raw("CR2")
    make = str(tags.get(_MAKE, ""))
    name = next((v for k, v in _RAW_NAMES.items() if make.startswith(k)), "")
    if numbers(tags, _PHOTOMETRIC, 1)[0] in _RAW_PHOTOMETRICS:
        return camera_raw(name)
    if _SUB_IFDS not in tags:
        return ""
    if name and numbers(tags, _SUBFILE_TYPE, 0)[0] & 1:
        return camera_raw(name)
    for offset in numbers(tags, _SUB_IFDS, 0)[:_MOST_SUB_IFDS]:
        if numbers(_page(data, offset), _PHOTOMETRIC, 1)[0] in _RAW_PHOTOMETRICS:
            return camera_raw(name)
    if numbers(tags, _SUBFILE_TYPE, 0)[0] & 1:
        return (
            "is a TIFF whose first page is only a thumbnail; save the image itself as "
            "the first page"
        )
    return ""


def camera_raw(name: str) -> str:
    """What to say of a raw photograph in the format `name`, perhaps unknown."""
    known = f" ({name})" if name else ""
    return f"is a camera raw file{known}; convert it to JPEG or TIFF"


def described(data: bytes) -> str:
    """What kind of TIFF `data` is, of those that are not read, and what to do."""
    tags = _page(data)
    raw = _camera_raw(tags, data)
    if raw:
        return raw
    compression = numbers(tags, _COMPRESSION, 1)[0]
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        return (
            f"is a TIFF with compression {compression}, which is not read; save it with "
            f"deflate or without compression"
        )
    depth, form = bits(tags), _FORMATS.get(sample_format(tags), "")
    samples = numbers(tags, _SAMPLES, 1)[0]
    photometric = numbers(tags, _PHOTOMETRIC, 1)[0]
    color = _PHOTOMETRICS.get(photometric, f"colors of kind {photometric}")
    usual = _USUAL_SAMPLES.get(photometric, 1)
    if samples == usual:
        return (
            f"is a TIFF with {color} in {depth}{form} bits, which is not read; save it "
            f"with 8 or 16 unsigned bits"
        )
    return (
        f"is a TIFF with {samples} channels of {depth}{form} bits ({color}), which is not "
        f"read; save {'three of them as RGB, or ' * (samples > 2)}one as gray"
    )


def _page(data: bytes, offset: int | None = None) -> Mapping[int, Any]:
    """The tags of the page at `offset`, by default the first one."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(
        data[: 16 if data[2:4] in _BIG else 8]
    )
    file = io.BytesIO(data)
    file.seek(directory.next if offset is None else offset)
    directory.load(file)
    return directory
