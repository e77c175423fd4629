"""Files that are no images, or images of a kind that is not read: named by their bytes."""

import re

from . import heif, tiff

_CONVERT = "convert it to PNG or JPEG"
_VIDEO = "save single frames of it as images"
_EXTRACT = "unpack it first"

_SIGNATURES = (
    (128, b"DICM", "a DICOM file", "convert it to PNG or TIFF of 16 bits"),
    (0, b"8BPS", "a Photoshop document", _CONVERT),
    (0, b"%PDF-", "a PDF document", "save its pages as PNG"),
    (0, b"%!PS", "a PostScript file", _CONVERT),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript file", _CONVERT),
    (0, b"\xff\x0a", "a JPEG XL image", _CONVERT),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image", _CONVERT),
    (0, b"II\xbc\x01", "a JPEG XR image", _CONVERT),
    (0, b"v/1\x01", "an OpenEXR image", "convert it to TIFF or PNG"),
    (0, b"#?RADIANCE", "a Radiance HDR image", "convert it to TIFF or PNG"),
    (0, b"#?RGBE", "a Radiance HDR image", "convert it to TIFF or PNG"),
    (0, b"SIMPLE  =", "a FITS file", "convert it to TIFF or PNG"),
    (344, b"n+1\0", "a NIfTI volume", "save its slices as PNG"),
    (344, b"ni1\0", "a NIfTI volume", "save its slices as PNG"),
    (4, b"n+2\0\r\n\x1a\n", "a NIfTI volume", "save its slices as PNG"),
    (0, b"DDS ", "a DDS texture", _CONVERT),
    (0, b"\xabKTX ", "a KTX texture", _CONVERT),
    (0, b"gimp xcf", "a GIMP document", _CONVERT),
    (0, b"AT&TFORM", "a DjVu document", _CONVERT),
    (0, b"\x8aMNG", "an MNG animation", _CONVERT),
    (0, b"\x8bJNG", "a JNG image", _CONVERT),
    (0, b"FLIF", "a FLIF image", _CONVERT),
    (0, b"BPG\xfb", "a BPG image", _CONVERT),
    (0, b"\xd7\xcd\xc6\x9a", "a WMF drawing", _CONVERT),
    (40, b" EMF", "an EMF drawing", _CONVERT),
    (0, b"\0\0\2\0", "a cursor or TGA file", _CONVERT),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "save its images as PNG"),
    (0, b"\x93NUMPY", "a NumPy array", "save it as PNG"),
    (0, b"PK\x03\x04", "a zip archive, or a document that is one", _EXTRACT),
    (0, b"\x1f\x8b", "compressed (gzip)", _EXTRACT),
    (0, b"BZh", "compressed (bzip2)", _EXTRACT),
    (0, b"\xfd7zXZ\0", "compressed (xz)", _EXTRACT),
    (0, b"(\xb5/\xfd", "compressed (zstd)", _EXTRACT),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _EXTRACT),
    (0, b"Rar!\x1a\x07", "a RAR archive", _EXTRACT),
    (257, b"ustar", "a tar archive", _EXTRACT),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", _VIDEO),
    (8, b"AVI ", "a video (AVI)", _VIDEO),
    (8, b"WAVE", "a sound (WAV)", "leave it out"),
    (0, b"FLV\x01", "a video (FLV)", _VIDEO),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a video (WMV)", _VIDEO),
    (0, b"\0\0\x01\xba", "a video (MPEG)", _VIDEO),
    (0, b"\0\0\x01\xb3", "a video (MPEG)", _VIDEO),
    (0, b"OggS", "a video or sound (Ogg)", _VIDEO),
    (4, b"moov", "a video (QuickTime)", _VIDEO),
    (4, b"mdat", "a video (QuickTime)", _VIDEO),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document (FlashPix, Office)", _CONVERT),
    (0, b"bplist00", "a property list, perhaps a placeholder", "download the image itself"),
    (0, b"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull`"),
)  # fmt: skip
"""Offset, bytes there, what such a file is, and what to do."""

_RAW = (
    (0, b"FUJIFILMCCD-RAW", "RAF"), (0, b"IIRO", "ORF"), (0, b"IIRS", "ORF"),
    (0, b"MMOR", "ORF"), (0, b"IIU\0", "RW2"), (0, b"FOVb", "X3F"), (0, b"\0MRM", "MRW"),
    (4, b"ftypcrx ", "CR3"), (6, b"HEAPCCDR", "CRW"),
)  # fmt: skip
"""Raw photographs that do not begin as a TIFF."""

_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TEXT = 1024
"""Bytes in which a text says what it is."""
_SVG = re.compile(
    rb"\s*(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*<svg[\s>]", re.S | re.I
)
_HTML = re.compile(rb"\s*(<!--.*?-->|\s)*(<!doctype html|<html)", re.S | re.I)
_UTF8_MARK = b"\xef\xbb\xbf"


def named(data: bytes) -> str:
    """What is wrong with `data`, which nothing reads, and what to do; in one line."""
    if data.startswith(_TIFFS):
        return tiff.described(data)
    for offset, signature, name in _RAW:
        if data.startswith(signature, offset):
            return tiff.camera_raw(name)
    if heif.looks_like(data):
        return heif.MISSING
    if data.startswith(b"ftyp", 4):
        return _of_boxes(data[8:12])
    for offset, signature, name, advice in _SIGNATURES:
        if data.startswith(signature, offset):
            return f"is {name}, which is not read; {advice}"
    text = data[:_TEXT].removeprefix(_UTF8_MARK)
    if _SVG.match(text):
        return "is an SVG drawing, which is not read; convert it to PNG"
    if _HTML.match(text):
        return "is an HTML page, not an image; download the image itself"
    return "is not an image in a known format"


def _of_boxes(brand: bytes) -> str:
    """What a file of ISO's base media format is, by its major brand."""
    if brand in (b"avif", b"avis"):
        return "is a damaged AVIF image, or one that this Pillow cannot read"
    return f"is a video (MP4 or QuickTime), which is not read; {_VIDEO}"
