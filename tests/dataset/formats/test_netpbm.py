"""Netpbm files in digits become binary ones of the same pixels; long headers are refused."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats.netpbm import MAX_HEADER, binary
from alexnet_cli.errors import ImageError

SPACES = st.sampled_from([b" ", b"\n", b"\r\n", b"\t", b" # 7 \n", b"#\n "])


@given(
    st.sampled_from([b"P1", b"P2", b"P3"]), st.integers(1, 9), st.integers(1, 9),
    st.sampled_from([1, 200, 255, 256, 1023, 65535]), st.randoms(), SPACES,
)  # fmt: skip
def test_the_pixels_are_those_that_were_written(kind, width, height, most, random, space):
    most = 1 if kind == b"P1" else most
    count = width * height * (3 if kind == b"P3" else 1)
    values = [random.randint(0, most) for _ in range(count)]
    numbers = [width, height] + ([] if kind == b"P1" else [most])
    data = space.join([kind, *(b"%d" % x for x in (*numbers, *values))]) + b"\n"
    found = binary(data)
    head, _, body = found.partition(b"\n")
    assert head.split() == [
        {b"P1": b"P4", b"P2": b"P5", b"P3": b"P6"}[kind],
        *(b"%d" % x for x in numbers),
    ]
    if kind == b"P1":
        rows = np.unpackbits(np.frombuffer(body, np.uint8).reshape(height, -1), axis=1)
        assert rows[:, :width].ravel().tolist() == values
    else:
        assert np.frombuffer(body, "u1" if most < 256 else ">u2").tolist() == values


@pytest.mark.parametrize("data", [
    b"P3\n2 1\n255\n1 2 3 4 5 6\n", b"P2 3 1 255 0 128 255", b"P1 3 2 101 010", b"P1\n3 2\n1 0 1\n0 1 0\n",
    b"P3 # a comment\n1 1 # another\n255\n 9 # and one more 8\n 7 6",
])  # fmt: skip
def test_they_are_those_that_pillow_reads(data):
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(images.decode(data), expected)


@pytest.mark.parametrize("data", [
    b"P3 2 1 255 1 2 3", b"P2 1 1 255 300", b"P2 1 1 255 x", b"P2 1 1 255 -1", b"P2 1 1 0 0", b"P2 0 5 255 0",
    b"P1 3 3 1012", b"P1 3 3 10", b"P2 1 1 99999999999 1", b"P2 1 1 255 99999999999999999999999", b"P2 1", b"P2", b"P3 x",
    b"P2 1 1 255 1.5",
])  # fmt: skip
def test_what_is_damaged_is_pillows_to_name(data):
    assert binary(data) is data
    with pytest.raises(ImageError, match="is damaged|is not an image"):
        images.decode(data)


@pytest.mark.parametrize(
    "filler", [b" ", b"\n", b"#\n", b"#" + b"x" * 99 + b"\n", b"#" + b"x" * 99_999 + b"\n"]
)
@pytest.mark.parametrize("kind", [b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"])
def test_a_header_has_a_limit(kind, filler):
    """Pillow takes a second for each 2 MB of it."""
    data = kind + filler * (100_000 // len(filler) + 1) + b"1 1 255 0"
    with pytest.raises(
        ImageError, match=f"^has a header of more than {MAX_HEADER >> 10} KiB"
    ):
        images.decode(data)


def test_a_short_header_with_comments_is_read():
    assert images.decode(b"P6 # one\n# two\n1 1 # three\n255\nabc")[0, 0].tolist() == [
        97,
        98,
        99,
    ]
