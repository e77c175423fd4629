"""A list on standard input, as people's systems write them; a literal name always wins."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from helpers import HARD_NAMES, encoded, photo
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.cli.file_list import PIECE, URL_ERROR, is_url, listed, without_url
from alexnet_cli.errors import DatasetError

NAMES = st.binary(min_size=1, max_size=30).filter(lambda x: b"\0" not in x and x.strip())
LINES = NAMES.filter(lambda x: b"\n" not in x)


def files(data):
    return [os.fsencode(x.file) for x in listed(io.BytesIO(data))]


def as_path(name):
    return os.fsencode(Path(os.fsdecode(name)))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").touch()
    return tmp_path


@given(st.lists(NAMES, min_size=1, max_size=8))
def test_names_before_nul_keep_every_byte(names):
    """As `find -print0` and `git ls-files -z` write them; a name may begin with anything."""
    data = b"./x\0" + b"".join(x + b"\0" for x in names)
    found = files(data)
    plain = [b"x", *(as_path(x) for x in names)]
    assert found == plain


@given(st.lists(LINES, max_size=8))
def test_lines_keep_every_byte_but_their_end(names):
    found = files(b"./x\n" + b"\n".join(names))
    assert found == [b"x", *(as_path(x.rstrip(b"\r") or x) for x in names)]


def test_lines_of_every_existing_name_are_that_name(place):
    """Also with spaces, quotes and carriage returns that another line would lose."""
    names = [x for x in HARD_NAMES if b"\n" not in x]
    names += [b" a.jpg", b"a.jpg ", b"a.jpg\r", b'"a.jpg"', b"'a.jpg'", b"~", b"~root", b"\xef\xbb\xbfa.jpg",
              b"\xff\xfea.jpg", b"\xff\xd8\xff.jpg", b"PK\x03\x04", b"GIF89a.jpg", b"P6 1 1 a", b" "]  # fmt: skip
    for name in names:
        Path(os.fsdecode(name)).touch()
        assert files(name + b"\n") == [as_path(name)]
    assert files(b"\n".join(names) + b"\n") == [as_path(x) for x in names]


def test_find_print0_is_read_as_it_is(place):
    for name in HARD_NAMES:
        Path(os.fsdecode(name)).touch()
    out = subprocess.run(
        ["find", ".", "-type", "f", "-print0"], capture_output=True, check=True
    )
    assert sorted(files(out.stdout)) == sorted([*HARD_NAMES, b"a.jpg"])


@pytest.mark.parametrize("line", [
    "a.jpg\r", " a.jpg", "a.jpg  ", "\ta.jpg\t", '"a.jpg"', "'a.jpg'", ' "a.jpg" \r', "./a.jpg", "\ufeffa.jpg",
])  # fmt: skip
def test_what_does_not_exist_is_looked_at_without_what_surrounds_it(place, line):
    assert files(line.encode() + b"\n") == [b"a.jpg"]


def test_a_list_saved_on_windows(place):
    """Notepad's UTF-8: a byte order mark, and carriage returns; the last line has none."""
    (place / "\u00fc b.jpg").touch()
    data = "\ufeffa.jpg\r\n\u00fc b.jpg\r\n\r\nnone.jpg\r\na.jpg".encode()
    assert files(data) == [b"a.jpg", "\u00fc b.jpg".encode(), b"none.jpg", b"a.jpg"]


def test_home_and_file_urls(place, monkeypatch):
    monkeypatch.setenv("HOME", str(place))
    (place / "a b.jpg").touch()
    whole = str(place / "a b.jpg")
    url = (place / "a b.jpg").as_uri()
    assert "%20" in url
    lines = ["~/a b.jpg", url, url.replace("file:///", "FILE://localhost/"), f"'{url}'"]
    assert files("\n".join(lines).encode()) == [whole.encode()] * 4
    # What is not there is named as it was looked for.
    assert files(b"~/none.jpg\nfile:///none%20at.jpg") == [
        f"{place}/none.jpg".encode(),
        b"/none at.jpg",
    ]


@pytest.mark.parametrize("url", [
    "http://a.de/x.jpg", "https://a.de//x.jpg?y=[1]*", "s3://b/c.png", "gs://b/c", "ftp://a/b", "file://other/x.jpg",
    "HTTPS://A.DE", "data:image/png;base64,iVBORw0KGgo=", "azure-blob+x://a",
])  # fmt: skip
def test_a_url_is_an_input_with_an_error_and_its_whole_name(place, url):
    assert is_url(url)
    for data in (f"a.jpg\n {url} \r\na.jpg\n", f"a.jpg\0{url}\0a.jpg\0"):
        one, wrong, other = listed(io.BytesIO(data.encode()))
        assert (wrong.error, wrong.name) == (URL_ERROR, url)
        assert not one.error and one.file == other.file == Path("a.jpg")


@pytest.mark.parametrize(
    "name", ["C:\\a.jpg", "a:b.jpg", "x.jpg", "1://", "://a", "data:a", "a b://c"]
)
def test_other_names_are_no_urls(name):
    assert not is_url(name) and without_url(name) == name


def test_a_file_called_like_a_url_is_that_file(place):
    (place / "http:").mkdir()
    (place / "http:" / "a.jpg").touch()
    assert [x.error for x in listed(io.BytesIO(b"http://a.jpg\n"))] == [""]


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_utf16_is_said_to_be_that(place, code, end):
    data = f"a.jpg{end}\u00fc.jpg{end}" if code == "utf-16" else f"a.jpg{end}b.jpg{end}"
    with pytest.raises(DatasetError, match="standard input is UTF-16 text; - reads a list"):
        files(data.encode(code))


@pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_a_tar_is_no_list_though_its_first_file_is_here(place, form):
    (place / "a.jpg").write_bytes(b"x\ny")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        tar.add("a.jpg")
    with pytest.raises(
        DatasetError, match="^standard input is a tar archive; - reads a list"
    ):
        files(out.getvalue())


def test_names_of_one_letter_before_nul_are_no_utf16():
    assert files(b"a\0b\0c\0") == [b"a", b"b", b"c"]


@pytest.mark.parametrize("form, kind", [
    ("JPEG", "a JPEG image"), ("PNG", "a PNG image"), ("GIF", "a GIF image"), ("WEBP", "a WebP image"),
    ("BMP", "a BMP image"), ("TIFF", "a TIFF image"), ("AVIF", "a HEIF or AVIF image"), ("ICO", "an ICO image"),
    ("JPEG2000", "a JPEG 2000 image"), ("PPM", "a PNM image"), ("PDF", "a PDF"),
])  # fmt: skip
def test_an_image_is_no_list(form, kind):
    """Pillow writes them; none of the bytes after the first ones are looked at."""
    data = encoded(photo(), form)
    with pytest.raises(DatasetError) as caught:
        files(data)
    assert str(caught.value) == (
        f"standard input is {kind}; - reads a list of files, one per line, not the content "
        f"of a file"
    )


@pytest.mark.parametrize("data, kind", [
    (b"\xff\xd8\xff\xe1\x00", "a JPEG image"), (b"\x89PNG\r\n\x1a\n", "a PNG image"), (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"MM\0*\0\0", "a TIFF image"), (b"\0\0\0\x24ftypheic", "a HEIF or AVIF image"), (b"PK\x03\x04\x14", "a zip archive"),
    (b"\x1f\x8b\x08\0", "a gzip archive"), (b"P3 # a\n 1 1 255", "a PNM image"),
])  # fmt: skip
def test_the_beginning_is_enough(data, kind):
    with pytest.raises(DatasetError, match=f"standard input is {kind}; "):
        files(data)


@pytest.mark.parametrize(
    "name",
    [b"BMW.jpg", b"P6", b"GIF89a.gif", b"RIFF.jpg", b"MM*.tif", b"%PDF.jpg", b"PK.png"],
)
def test_a_name_may_begin_like_an_image(name):
    assert files(name + b"\n" + name) == [name, name]


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r\n\r\n", b"  \n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"]
)
def test_a_list_without_names_has_none(data):
    assert files(data) == []


def test_a_list_longer_than_a_piece_is_whole():
    names = [b"%07d \xc3\xbc.jpg" % i for i in range(20_000)]
    for end in (b"\n", b"\r\n", b"\0"):
        data = end.join(names) + end
        assert len(data) > 4 * PIECE and files(data) == names


def test_nul_in_a_later_line_is_an_error_of_that_line():
    data = b"a.jpg\n" * PIECE + b"b\0c.jpg\nd.jpg"
    *_, wrong, last = listed(io.BytesIO(data))
    assert wrong.error == "is no name of a file" and last.file == Path("d.jpg")


def test_no_memory_for_a_line_without_an_end():
    """As of a disk image: it is cut, and what follows is read."""
    found = files(b"x" * (10 * PIECE) + b"\nb.jpg\n")
    assert found[-1] == b"b.jpg" and len(found) == 2 and len(found[0]) <= 2 * PIECE
