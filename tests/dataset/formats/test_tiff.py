"""Kinds of TIFF: read right, or refused by what they are."""

import io
import logging

import numpy as np
import pytest
import tifffile
from helpers import encoded, photo
from PIL import Image, TiffImagePlugin

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import tiff
from alexnet_cli.dataset.formats.pillow_scope import pillow_scope
from alexnet_cli.errors import ImageError


def written(shape, kind="u1", **options):
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros(shape, kind), **options)
    return file.getvalue()


def refusal(data):
    with pytest.raises(ImageError) as error:
        images.decode(data)
    return str(error.value)


CONTIG = {"photometric": "minisblack", "planarconfig": "contig"}
SEPARATE = {"photometric": "minisblack", "planarconfig": "separate"}
RGB = {"photometric": "rgb", "planarconfig": "contig"}
INK = {"photometric": "separated", "planarconfig": "contig"}


@pytest.mark.parametrize(
    "data,expected",
    [
        (written((4, 5, 13), "u2", **CONTIG), "is a TIFF with 13 channels of 16 bits (gray)"),
        (written((13, 4, 5), "u2", **SEPARATE), "is a TIFF with 13 channels of 16 bits"),
        (written((4, 5, 13), "u1", bigtiff=True, **CONTIG), "is a TIFF with 13 channels"),
        (written((4, 5, 13), "u1", byteorder=">", **CONTIG), "is a TIFF with 13 channels"),
        (written((4, 5, 2), "u2", **CONTIG), "is a TIFF with 2 channels of 16 bits (gray)"),
        (written((4, 5, 5), **CONTIG), "is a TIFF with 5 channels of 8 bits (gray)"),
        (written((4, 5, 7), "f4", **CONTIG), "is a TIFF with 7 channels of 32 floating-point"),
        (written((4, 5, 5), extrasamples=["unassalpha"], **INK), "is a TIFF with 5 channels of 8 bits (CMYK)"),
        (written((4, 5, 3), "f4", **RGB), "is a TIFF with RGB in 32 floating-point bits"),
        (written((4, 5, 3), "u4", **RGB), "is a TIFF with RGB in 32 bits"),
        (written((4, 5), "f2"), "is a TIFF with gray in 16 floating-point bits"),
        (written((4, 5), "c8"), "is a TIFF with gray in 64 complex bits"),
        (written((4, 5), "u8"), "is a TIFF with gray in 64 bits"),
        (written((4, 5), "u2", photometric="palette", colormap=np.zeros((3, 65536), "u2")), "is a TIFF with a palette in 16 bits"),
        (written((3, 4, 5), "u2", photometric="rgb", planarconfig="separate"), "is a TIFF with separate planes of 16 bits"),
    ],
)  # fmt: skip
def test_what_is_not_read_says_what_it_is_and_what_to_do(data, expected):
    message = refusal(data)
    assert message.startswith(expected) and "; save " in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "data",
    [
        written((9, 9, 4), **INK),
        written((9, 9, 5), **RGB),
        written((3, 9, 9), photometric="rgb", planarconfig="separate"),
        written((9, 9), "u2", bigtiff=True),
    ],
    ids=["CMYK", "two more than RGB", "planes", "BigTIFF"],
)
def test_kinds_that_pillow_reads_are_read(data):
    assert images.decode(data).shape == (9, 9, 3)


def test_an_unknown_compression_is_named():
    data = bytearray(written((4, 5)))
    place = data.index((259).to_bytes(2, "little") + b"\3\0")
    data[place + 8 : place + 10] = (34712).to_bytes(2, "little")
    assert refusal(bytes(data)).startswith("is a TIFF with compression 34712, which is not")


@pytest.mark.parametrize("kind", ["i2", "i4", "u4", "f4", "f8"])
def test_big_endian_files_that_are_compressed_are_not_swapped_twice(kind):
    """Pillow reads them with the bytes of each level in the wrong order."""
    values = (np.arange(81).reshape(9, 9) * 400).astype(kind)
    files = []
    for order, how in (
        ("<", {}),
        (">", {"compression": "zlib"}),
        (">", {"compression": "zlib", "rowsperstrip": 2}),
    ):
        file = io.BytesIO()
        tifffile.imwrite(file, values, byteorder=order, **how)
        files.append(images.decode(file.getvalue()))
    assert len(np.unique(files[0])) > 50
    for other in files[1:]:
        np.testing.assert_array_equal(other, files[0])


def test_a_palette_of_8_bits_in_a_table_of_16():
    """libtiff reads such tables, and ImageMagick; Pillow has black then."""
    colors = np.arange(256, dtype="u2") * np.array([[1], [0], [0]], "u2") + 1
    index = np.arange(81, dtype="u1").reshape(9, 9)
    for factor in (1, 257):
        file = io.BytesIO()
        table = np.minimum(colors, 255) * factor
        tifffile.imwrite(file, index, photometric="palette", colormap=table)
        found = images.decode(file.getvalue())
        assert found[..., 0].tolist() == (index + 1).tolist() and (found[..., 1] == 1).all()


def with_tags(pages=1, *, kind=1, **tags):
    """A TIFF whose first page is a thumbnail of what is in its `pages` sub-files."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as out:
        out.write(np.zeros((12, 16, 3), "u1"), photometric="rgb", subifds=pages, subfiletype=kind, **tags)  # fmt: skip
        for _ in range(pages):
            out.write(np.zeros((48, 64), "u2"), photometric=tags.get("photometric", "cfa") and "cfa",
                      extratags=[(33421, 3, 2, (2, 2), False), (33422, 1, 4, b"\0\1\1\2", False)])  # fmt: skip
    return file.getvalue()


@pytest.mark.parametrize(
    "make,name",
    [
        ("NIKON CORPORATION", "NEF"), ("SONY", "ARW"), ("PENTAX", "PEF"), ("SAMSUNG", "SRW"),
        ("Hasselblad", "3FR"), ("Canon", "CR2"),
    ],
)  # fmt: skip
def test_a_raw_photograph_is_not_answered_from_its_thumbnail(make, name):
    data = with_tags(extratags=[(271, 2, 0, make, False)])
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (16, 12), "Pillow reads the thumbnail"
    assert refusal(data) == f"is a camera raw file ({name}); convert it to JPEG or TIFF"


def test_other_raw_photographs():
    dng = [(50706, 1, 4, b"\1\4\0\0", False)]
    data = written((12, 16, 3), extratags=dng, **RGB)
    assert refusal(data) == "is a camera raw file (DNG); convert it to JPEG or TIFF"
    unknown = with_tags(kind=0)
    assert refusal(unknown) == "is a camera raw file; convert it to JPEG or TIFF"
    canon = bytearray(written((12, 16, 3), **RGB))
    if int.from_bytes(canon[4:8], "little") == 8:
        canon = bytearray(encoded(photo((16, 12)), "TIFF"))
    assert refusal(b"II*\0\x10\0\0\0CR\2\0" + bytes(99)).startswith("is ")


def test_a_thumbnail_and_smaller_copies_in_sub_files_are_told_apart():
    """A pyramid has its image first; a thumbnail before its image would be a wrong answer."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as out:
        out.write(np.zeros((48, 64, 3), "u1"), photometric="rgb", subifds=1)
        out.write(np.zeros((24, 32, 3), "u1"), photometric="rgb", subfiletype=1)
    assert images.decode(file.getvalue()).shape == (48, 64, 3)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as out:
        out.write(np.zeros((12, 16, 3), "u1"), photometric="rgb", subifds=1, subfiletype=1)
        out.write(np.zeros((48, 64, 3), "u1"), photometric="rgb")
    assert refusal(file.getvalue()).startswith("is a TIFF whose first page is only a thumb")


def test_what_is_added_to_pillow_is_taken_away_again():
    before = dict(TiffImagePlugin.OPEN_INFO)
    assert tiff.ADDED and not tiff.ADDED.keys() & before.keys()
    with pillow_scope():
        assert tiff.ADDED.keys() <= TiffImagePlugin.OPEN_INFO.keys()
    assert before == TiffImagePlugin.OPEN_INFO


def test_pillow_says_nothing_of_what_it_cannot_read(capfd, caplog):
    with caplog.at_level(logging.WARNING):
        refusal(written((4, 5, 13), "u2", **CONTIG))
    assert capfd.readouterr() == ("", "") and not caplog.records
