"""What is not read is named by its bytes, with what to do, in one line."""

import gzip
import io
import sys
import tarfile
import zipfile

import pytest
from helpers import encoded, photo

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats.unread_formats import named
from alexnet_cli.errors import ImageError

REST = bytes(600)


def archived(kind):
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as out:
            out.writestr("a.txt", "a")
    else:
        with tarfile.open(fileobj=file, mode="w") as out:
            out.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


@pytest.mark.parametrize(
    "data,expected",
    [
        (bytes(128) + b"DICM" + REST, "is a DICOM file, which is not read; convert it to PNG or TIFF of 16 bits"),
        (b"8BPS\0\1" + REST, "is a Photoshop document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing, which is not read; convert it to PNG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE svg PUBLIC ''>\n<svg>", "is an SVG drawing"),
        (b"<!DOCTYPE html><html><body>404", "is an HTML page, not an image; download the image itself"),
        (b"\n<html>", "is an HTML page"),
        (encoded(photo(), "PDF"), "is a PDF document, which is not read; save its pages as PNG"),
        (encoded(photo(), "EPS"), "is a PostScript file"),
        (b"\xff\x0a" + REST, "is a JPEG XL image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + REST, "is a JPEG XL image"),
        (b"v/1\1" + REST, "is an OpenEXR image"),
        (b"SIMPLE  =                    T" + REST, "is a FITS file"),
        ((348).to_bytes(4, "little") + bytes(340) + b"n+1\0" + REST, "is a NIfTI volume, which is not read; save its slices as PNG"),
        ((540).to_bytes(4, "little") + b"n+2\0\r\n\x1a\n" + REST, "is a NIfTI volume"),
        (gzip.compress(b"x", mtime=0), "is compressed (gzip)"),
        (archived("zip"), "is a zip archive"),
        (archived("tar"), "is a tar archive"),
        (b"\0\0\0\x20ftypisom" + REST, "is a video (MP4 or QuickTime), which is not read; save single frames of it"),
        (b"\0\0\0\x20ftypqt  " + REST, "is a video (MP4 or QuickTime)"),
        (b"\x1aE\xdf\xa3" + REST, "is a video (Matroska or WebM)"),
        (b"RIFF\0\0\0\0AVI LIST" + REST, "is a video (AVI)"),
        (b"\0\0\0\x18ftypcrx " + REST, "is a camera raw file (CR3); convert it to JPEG or TIFF"),
        (b"FUJIFILMCCD-RAW " + REST, "is a camera raw file (RAF)"),
        (b"IIRO\x08\0\0\0" + REST, "is a camera raw file (ORF)"),
        (b"IIU\0\x18\0\0\0" + REST, "is a camera raw file (RW2)"),
        (b"\x89HDF\r\n\x1a\n" + REST, "is an HDF5 file"),
        (b"\x93NUMPY\1\0" + REST, "is a NumPy array"),
        (encoded(photo(), "DDS"), "is a DDS texture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer, which is not read; run `git lfs pull`"),
        (b"hello", "is not an image in a known format"),
    ],
)  # fmt: skip
def test_a_file_is_named_by_its_signature(data, expected):
    with pytest.raises(ImageError) as error:
        images.decode(data)
    message = str(error.value)
    assert message.startswith(expected) and len(message.splitlines()) == 1


def test_heif_without_pillow_heif_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        with pytest.raises(ImageError) as error:
            images.decode(b"\0\0\0\x18ftyp" + brand + REST)
        assert str(error.value) == (
            "is a HEIF image (HEIC), which needs pillow-heif: pip install 'alexnet[heif]'; "
            "or save it as JPEG"
        )


@pytest.mark.parametrize("data", [b"", b"II*\0", b"MM\0*\0\0\0\x08", b"\0\0\0\x20ftyp"])
def test_a_few_bytes_are_no_more_than_that(data):
    with pytest.raises(ImageError) as error:
        images.decode(data)
    assert len(str(error.value).splitlines()) == 1


def test_text_that_only_begins_like_markup_takes_no_time():
    data = b"<!--" * 300 + b"<?xml " * 300
    assert named(data) == "is not an image in a known format"
