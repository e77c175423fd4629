"""simplejpeg makes JPEGs faster to read, and changes neither pixels nor errors."""

import base64
import itertools
import random

import pytest
from helpers import encoded, photo, python
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import jpeg
from alexnet_cli.errors import ImageError

SIDES = [0, *(2 * x for x in (36, 64, 227, 256))]
END = b"\xff\xd9"

KINDS = {
    "4:2:0": {}, "4:2:2": {"subsampling": 1}, "4:4:4": {"subsampling": 0},
    "RGB": {"keep_rgb": True},
    "progressive": {"progressive": True}, "optimized": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive with restarts": {"restart_marker_rows": 1, "progressive": True},
    "thumbnail": {"exif": b"Exif\x00\x00" + encoded(photo((32, 32), 1), "JPEG")},
}  # fmt: skip

# By cjpeg -arithmetic, of 24 x 16 gray pixels; libjpeg does not warn if it is cut.
ARITHMETIC = base64.b64decode(
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4p
    LSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//yQALCAAQABgBAREA/8wABgAQEAX/2gAI
    AQEAAD8Azi7grWZGxToOgrhEDLmisiKFGqog2eF7SqvhQDrBxSsl/wBNdB4OAr5lhaVMVVOdrbQA
    NwLUnPSwVWV4d03gvD5BIPtad2P5jEJQGJZhrDFbR/7FDIcFOkj/2Q==
    """
)


def answer(data, min_side=0, *, strict=True):
    """The error, or all that `open_image` tells; without `strict` simplejpeg is hidden."""
    with pytest.MonkeyPatch.context() as patch:
        if not strict:
            patch.setattr(jpeg, "STRICT", None)
        try:
            found = images.open_image(data, 10**8, min_side)
        except ImageError as error:
            return str(error)
    return found.image.size, found.format, found.turned, found.image.tobytes()


def same(data, min_side=0):
    """The answer, which is the one without simplejpeg."""
    found = answer(data, min_side)
    expected = answer(data, min_side, strict=False)
    assert found == expected, (str(found)[:90], str(expected)[:90])
    return found


def decoded_once(data, min_side=0):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jpeg, "_compared", lambda *_: pytest.fail("was decoded twice"))
        return images.open_image(data, min_side=min_side)


def cuts(whole):
    """`whole` less some of its end, with what may follow, and whether pixels are missing."""
    tails = (b"", END, END + b"junk" * 50, b"\xff" + END, END + whole[:99])
    for lost in (0, 2, 20, len(whole) // 100, len(whole) * 3 // 100, len(whole) // 2):
        for tail in tails:
            yield whole[: len(whole) - lost] + tail, lost > 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [0, 20, 40])
def test_every_kind_of_whole_jpeg_is_decoded_once(kind, side):
    data = encoded(photo((163, 121)), "JPEG", **KINDS[kind])
    assert isinstance(same(data, side), tuple) and decoded_once(data, side)


@pytest.mark.parametrize(
    "stored,changed,once",
    [(0x21, 0x12, True), (0x22, 0x41, True), (0x22, 0x14, False)],
)
def test_rare_samplings_have_the_same_pixels(stored, changed, once):
    """As many blocks in another order are a valid file too."""
    whole = encoded(photo((96, 64)), "JPEG", subsampling=1 if stored == 0x21 else 2)
    at = whole.index(b"\xff\xc0") + 11
    assert whole[at] == stored
    data = whole[:at] + bytes([changed]) + whole[at + 1 :]
    for side in (0, 20, 32):
        assert isinstance(same(data, side), tuple)
        if once:
            decoded_once(data, side)


@pytest.mark.parametrize("kind", [*KINDS, "gray", "CMYK"])
def test_cut_jpegs_are_told_from_whole_ones(kind):
    mode = {"gray": "L", "CMYK": "CMYK"}.get(kind, "RGB")
    whole = encoded(photo().convert(mode), "JPEG", quality=95, **KINDS.get(kind, {}))
    for data, is_cut in cuts(whole):
        assert isinstance(same(data), str) == isinstance(same(data, 20), str) == is_cut


@pytest.mark.slow
def test_cut_photographs_are_told_from_whole_ones(shared):
    for file in sorted((shared / "flower_photos").glob("*/*"))[::150]:
        with Image.open(file) as image:
            whole = encoded(image.convert("RGB"), "JPEG", quality=90)
        for data, is_cut in cuts(whole):
            assert isinstance(same(data, 72), str) == is_cut


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["flower_photos", "caltech45"])
def test_photographs_have_the_same_pixels(shared, folder):
    for file in sorted(x for x in (shared / folder).rglob("*") if x.is_file())[::20]:
        data = file.read_bytes()
        for side in SIDES:
            assert isinstance(same(data, side), tuple), file


@pytest.mark.slow
def test_the_torture_list_has_the_same_answers(shared):
    for file in (shared / "torture").rglob("*.jp*"):
        if data := file.read_bytes():
            assert same(data) and same(data, 72)


@pytest.mark.parametrize("quality", [1, 10, 50, 90, 100])
def test_small_jpegs_have_the_same_pixels(quality):
    sizes = (1, 2, 7, 8, 9, 15, 16, 17)
    for width, height, mode in itertools.product(sizes, sizes, ("RGB", "L")):
        data = encoded(photo((width, height)).convert(mode), "JPEG", quality=quality)
        for side in (0, 1, 2, 4):
            assert isinstance(same(data, side), tuple)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64))
def test_the_scale_is_pillows(width, height, side):
    data = encoded(Image.new("RGB", (width, height)), "JPEG")
    same(data, side)


def test_a_fill_byte_before_the_end_marker_is_no_damage():
    """ISO 10918-1, B.1.1.2: any marker may be preceded by bytes of 255."""
    whole = encoded(photo(), "JPEG")
    for fill in (b"\xff", b"\xff" * 3):
        assert same(whole[:-2] + fill + END) == answer(whole)
    assert same(whole[:-1]) == answer(whole)


def test_a_harmless_warning_of_libjpeg_is_no_damage():
    whole = encoded(photo(), "JPEG")
    odd = whole[:-2] + b"junk" + END
    with pytest.raises(ValueError, match="extraneous bytes"):
        jpeg.STRICT.decode_jpeg(odd)
    assert same(odd) == answer(whole)


def test_arithmetic_coding_is_left_to_pillow():
    cut = ARITHMETIC[:-20] + END
    assert jpeg.STRICT.decode_jpeg(cut, "GRAY").shape == (16, 24, 1)
    assert same(cut) == "is damaged: image data is missing at its end"


def test_profile_and_orientation_are_kept():
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = encoded(photo(), "JPEG", exif=exif)
    assert same(plain)[:3] == ((64, 96), "JPEG", True)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Red is green in it, and its name another one.
    swapped = (
        srgb.replace(b"rXYZ", b"tmp ").replace(b"gXYZ", b"rXYZ").replace(b"tmp ", b"gXYZ")
    )
    swapped = swapped.replace(b"s\0R\0G\0B", b"S\0w\0a\0p").replace(b"sRGB", b"Swap")
    profiled = encoded(photo(), "JPEG", icc_profile=swapped)
    assert same(profiled)[3] != answer(encoded(photo(), "JPEG"))[3]


def test_the_first_frame_of_several_is_read():
    several = encoded(photo(), "MPO", save_all=True, append_images=[photo(seed=1)])
    found = same(several)
    assert found[1] == "MPO" and found[3] == answer(encoded(photo(), "JPEG"))[3]


def test_headers_that_pillow_and_libjpeg_read_differently():
    """Sizes in the header are changed, one byte at a time."""
    whole = encoded(photo(), "JPEG")
    start = whole.index(b"\xff\xc0")
    for at, value in itertools.product(
        range(start + 2, start + 20), (0, 1, 3, 17, 34, 255)
    ):
        data = bytearray(whole)
        data[at] = value
        same(bytes(data))
        same(bytes(data), 20)


def flipped(whole, start, count):
    rng = random.Random(0)
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(start, len(data))] = rng.randrange(256)
        yield bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_have_the_same_answers(kind):
    whole = encoded(photo(), "JPEG", quality=90, **KINDS[kind])
    for data in flipped(whole, whole.rindex(b"\xff\xda"), 60):
        same(data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["4:4:4", "progressive", "restarts"])
def test_flipped_bytes_in_files_of_several_reads_have_the_same_answers(kind):
    """Pillow hands libjpeg 64 KB at a time, simplejpeg all at once."""
    clouds = photo((500, 400)).effect_spread(40)
    whole = encoded(clouds, "JPEG", quality=98, **KINDS[kind])
    assert len(whole) > 2 * 2**16
    for data in flipped(whole, 1000, 100):
        same(data)


@pytest.mark.parametrize(
    "hide", ["sys.modules['simplejpeg'] = None", "features.check = lambda _: False"]
)
def test_it_works_without_simplejpeg(tmp_path, hide):
    whole = encoded(photo((163, 121)), "JPEG")
    (tmp_path / "whole").write_bytes(whole)
    (tmp_path / "cut").write_bytes(whole[:-200] + END)
    code = (
        f"import sys; from PIL import features; {hide}\n"
        "from pathlib import Path; from alexnet_cli.dataset import images; from alexnet_cli.dataset.formats import jpeg\n"
        "from alexnet_cli.errors import ImageError\n"
        "assert jpeg.STRICT is None\n"
        "folder = Path(sys.argv[1])\n"
        "for side in (0, 40):\n"
        "    print(images.open_image(folder / 'whole', min_side=side).image.tobytes().hex())\n"
        "try: images.decode(folder / 'cut')\n"
        "except ImageError as error: print(error)\n"
    )
    done = python(code, tmp_path)
    expected = [answer(whole, x)[3].hex() for x in (0, 40)]
    assert done.stdout.splitlines() == [
        *expected,
        "is damaged: image data is missing at its end",
    ], done.stderr
