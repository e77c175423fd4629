"""One decoder: every odd file is the right image or an error, never a wrong image."""

import csv
import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import distance, encoded, photo, python
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from alexnet_cli.dataset import images
from alexnet_cli.errors import ImageError
from alexnet_cli.preprocess import Preprocess

ALWAYS_BAD = {
    "damaged/broken_stream.png", "damaged/zero_byte.jpg",
    "damaged/random.jpg", "damaged/zero_width.gif", "misnamed/text_as.png",
    "sizes/bomb_header_only.jpg",
}  # fmt: skip


def test_the_torture_list(shared):
    with (shared / "torture" / "torture.csv").open(encoding="utf-8") as x:
        rows = list(csv.DictReader(x))
    assert len(rows) == 59
    for row in rows:
        file = shared / "torture" / row["file"]
        expected = row["a_good_loader"]
        try:
            image = images.decode(file)
        except ImageError as error:
            assert "skip" in expected or "refuse" in expected, f"{row['file']}: {error}"
            assert len(str(error).splitlines()) == 1
        else:
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            assert row["file"] not in ALWAYS_BAD
            assert not expected.startswith("refuse")


def test_all_orientations_are_one_scene(shared):
    scenes = [
        images.decode(shared / "torture/exif" / f"Landscape_{i}.jpg") for i in range(1, 9)
    ]
    for scene in scenes[1:]:
        assert scene.shape == scenes[0].shape
        assert distance(scene, scenes[0]) <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_orientation_is_applied(orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(photo(), form, exif=exif)
    turned = images.decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(turned, expected)
    assert turned.shape[:2] == ((64, 96) if orientation < 5 else (96, 64))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("marker", [False, True], ids=["bare", "with an end marker"])
@pytest.mark.parametrize("lost", [30, 300])
def test_a_cut_jpeg_is_bad(shared, progressive, marker, lost):
    files = sorted((shared / "flower_photos").glob("*/*"))[::150]
    for file in files:
        with Image.open(file) as image:
            whole = encoded(
                image.convert("RGB"), "JPEG", quality=90, progressive=progressive
            )
        np.testing.assert_array_equal(images.decode(whole[:-2]), images.decode(whole))
        with pytest.raises(ImageError, match="is damaged"):
            images.decode(whole[: -2 - lost] + b"\xff\xd9" * marker)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_bombs_cost_little(shared, tmp_path):
    big = tmp_path / "big.png"
    Image.new("1", (14000, 14000)).save(big)
    files = [
        big,
        *(shared / "torture" / "sizes").glob("bomb*"),
        shared / "torture/sizes/png_text_dos.png",
    ]
    code = (
        "import sys, time; from pathlib import Path\n"
        "from alexnet_cli.dataset import images; from alexnet_cli.errors import ImageError\n"
        "started = time.perf_counter()\n"
        "for file in sys.argv[1:]:\n"
        "    try: images.decode(Path(file)); print('decoded', file)\n"
        "    except ImageError: pass\n"
        "seconds = time.perf_counter() - started\n"
        "status = dict(x.split(':', 1) for x in open('/proc/self/status'))\n"
        "print(seconds, status['VmHWM'].split()[0])"
    )
    done = python(code, *files)
    seconds, kilobytes = map(float, done.stdout.split())
    assert seconds < len(files) and kilobytes < 200_000, done.stdout


def test_a_thumbnails_end_marker_is_not_the_images():
    thumbnail = encoded(photo((32, 32), 1), "JPEG")
    whole = encoded(photo(), "JPEG", exif=b"Exif\x00\x00" + thumbnail)
    np.testing.assert_array_equal(images.decode(whole[:-2]), images.decode(whole))


def test_limits_come_before_memory():
    data = encoded(photo((144, 100)))
    with pytest.raises(ImageError) as error:
        images.decode(data, max_pixels=10_000)
    assert str(error.value) == (
        "has 144 x 100 pixels, more than 0.01 million (--max-megapixels)"
    )
    assert images.decode(data, max_pixels=14_400).shape == (100, 144, 3)


@pytest.mark.parametrize(
    "data,message",
    [
        (b"", "is empty"),
        (b"hello", "is not an image in a known format"),
        (bytes(4096), "is not an image in a known format"),
        (b"\xff\xd8\xff", "is not an image in a known format"),
        (b"GIF89a" + bytes(50), "is not an image in a known format"),
        (encoded(photo())[:-200], "is damaged: "),
    ],
)
def test_what_is_not_an_image_is_an_error(data, message):
    with pytest.raises(ImageError) as error:
        images.decode(data)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("form", ["TGA", "EPS", "PDF", "DDS", "SPIDER"])
def test_formats_without_a_signature_or_with_programs_are_refused(form):
    image = photo().convert("F") if form == "SPIDER" else photo()
    with pytest.raises(
        ImageError, match="not an image in a known format|which is not read"
    ):
        images.decode(encoded(image, form))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(form):
    colors = [(200, 30, 30), (30, 200, 30)]
    first, second = (Image.new("RGB", (24, 16), x) for x in colors)
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(first, form, save_all=True, append_images=[second], **options)
    found = images.decode(data)
    assert found.shape == (16, 24, 3) and distance(found, first) < 2


FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "ICO", "PPM", "JPEG2000", "AVIF")


@given(
    st.sampled_from(FORMATS),
    st.lists(
        st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 60)), max_size=4
    ),
    st.floats(0.2, 1),
)
@settings(max_examples=300)
def test_mutations_end_in_pixels_or_an_error(form, changes, kept):
    """A short one of scripts/experiments/fuzz.py."""
    data = bytearray(encoded(photo((48, 32)), form))
    for place, new, dropped in changes:
        at = int(place * len(data))
        data[at : at + dropped] = new
    del data[max(1, int(kept * len(data))) :]
    try:
        pixels = images.decode(bytes(data), max_pixels=10**6)
    except ImageError as error:
        assert "\n" not in str(error)
    else:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3


def test_an_icon_larger_than_it_says():
    inner = encoded(photo((300, 200)))
    directory = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22)
    assert images.decode(directory + inner).ndim == 3
    with pytest.raises(ImageError, match="300 x 200"):
        images.decode(directory + inner, max_pixels=50_000)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    for path, message in (
        (tmp_path / "none.jpg", "does not exist"),
        (tmp_path, "is not a file"),
    ):
        with pytest.raises(ImageError) as error:
            images.decode(path)
        assert str(error.value) == message
    (tmp_path / "big.jpg").write_bytes(bytes(2**20 + 1))
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)
    with pytest.raises(ImageError, match="^is larger than 1 MiB$"):
        images.decode(tmp_path / "big.jpg")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "a.jpg").write_bytes(b"x")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ImageError, match="^cannot be read: Permission denied$"):
        images.decode(tmp_path / "a.jpg")


def test_a_file_and_its_bytes_are_one_image(tmp_path):
    data = encoded(photo(), "WEBP", quality=80)
    (tmp_path / "misnamed.txt").write_bytes(data)
    found = images.open_image(tmp_path / "misnamed.txt")
    np.testing.assert_array_equal(found.image, images.decode(data))
    assert found.format == "WEBP" and not found.turned


@pytest.mark.parametrize("size", [(320, 200), (200, 320), (31, 7), (64, 64)])
def test_square_makes_squares(size):
    image = photo(size)
    squashed = images.square(image, "squash", 64)
    assert squashed.shape == (64, 64, 3)
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    center = image.crop((left, top, left + side, top + side))
    np.testing.assert_array_equal(
        images.square(image, "crop", 64), images.square(center, "squash", 64)
    )
    padded = images.square(image, "pad", 64)
    inside = (padded != images.PAD_GRAY).any(axis=2)
    share = min(size) / max(size)
    assert inside.sum() == pytest.approx(64 * 64 * share, rel=0.15)


@given(st.integers(1, 200), st.integers(1, 200), st.integers(8, 80))
def test_a_padded_image_is_centered_between_gray_bars(width, height, side):
    padded = images.square(Image.new("RGB", (width, height)), "pad", side)
    inside = (padded == 0).all(axis=2)
    assert (inside | (padded == images.PAD_GRAY).all(axis=2)).all()
    rows, columns = (np.flatnonzero(inside.any(axis=x)) for x in (1, 0))
    longest = max(width, height)
    for places, length in ((rows, height), (columns, width)):
        assert len(places) == pytest.approx(max(1, length * side / longest), abs=0.51)
        before, after = places[0], side - 1 - places[-1]
        assert 0 <= after - before <= 1
    assert inside.sum() == len(rows) * len(columns)


def test_squares_are_bilinear_with_antialiasing():
    """Halving by triangles of twice the width: weights 1, 3, 3, 1 of eight."""
    image = np.asarray(photo((64, 64)), float)
    weights = np.array((1, 3, 3, 1)) / 8
    rows = sum(w * image[1 + k : 60 + k : 2] for k, w in enumerate(weights))
    expected = sum(w * rows[:, 1 + k : 60 + k : 2] for k, w in enumerate(weights))
    found = images.square(photo((64, 64)), "squash", 32)
    assert abs(found[1:-1, 1:-1] - expected).max() <= 1


def test_load_is_decode_then_square():
    preprocess = Preprocess("pad", 48, 40, (0, 0, 0), (1, 1, 1))
    data = encoded(photo())
    np.testing.assert_array_equal(
        images.load(data, preprocess), images.square(photo(), "pad", 48)
    )
    with pytest.raises(ImageError, match="96 x 64 pixels, more than 0.005 million"):
        images.load(data, replace(preprocess, max_pixels=5000))


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_pixels_are_stored_as_their_file_would_be(resize):
    preprocess = Preprocess(resize, 48, 40, (0, 0, 0), (1, 1, 1))
    np.testing.assert_array_equal(
        images.from_pixels(np.asarray(photo()), preprocess),
        images.load(encoded(photo()), preprocess),
    )


@pytest.mark.parametrize(
    "pixels,found",
    [
        (np.zeros((9, 9, 3), np.float32), "float32 [9, 9, 3]"),
        (np.zeros((9, 9, 4), np.uint8), "uint8 [9, 9, 4]"),
        (np.zeros((9, 9), np.uint8), "uint8 [9, 9]"),
        (np.zeros((2, 9, 9, 3), np.uint8), "uint8 [2, 9, 9, 3]"),
    ],
)
def test_pixels_of_another_type_or_shape_are_an_error(pixels, found):
    with pytest.raises(ValueError) as error:
        images.from_pixels(pixels, Preprocess("crop", 48, 40, (0, 0, 0), (1, 1, 1)))
    assert str(error.value) == f"pixels must be uint8 [H, W, 3], not {found}"


@pytest.mark.parametrize("progressive", [False, True])
def test_large_jpegs_are_decoded_at_reduced_size_with_the_same_result(
    tmp_path, progressive
):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8))
    big = coarse.resize((2400, 1800), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 12, (1800, 2400, 3))
    big = Image.fromarray((np.asarray(big) + noise).clip(0, 255).astype(np.uint8))
    big.save(tmp_path / "big.jpg", quality=90, progressive=progressive)
    assert images.open_image(tmp_path / "big.jpg", min_side=520).image.size == (1200, 900)
    preprocess = Preprocess("crop", 260, 227, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    full = images.open_image(tmp_path / "big.jpg").image
    difference = abs(
        images.load(tmp_path / "big.jpg", preprocess).astype(int)
        - images.square(full, "crop", 260)
    )
    assert difference.mean() < 1 and np.quantile(difference, 0.999) <= 6
    whole = (tmp_path / "big.jpg").read_bytes()
    for cut in (whole[: len(whole) * 2 // 3], whole[: len(whole) // 2] + b"\xff\xd9"):
        with pytest.raises(ImageError, match="missing at its end"):
            images.load(cut, preprocess)
