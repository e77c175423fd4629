"""A PNG with damaged or missing chunks is refused, as libpng refuses it."""

import io
import struct
import zlib

import numpy as np
import pytest
from helpers import encoded, photo
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import png
from alexnet_cli.errors import ImageError


def chunks(data):
    """(name, where it begins, bytes of content) of each chunk."""
    position = 8
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        yield name, position, length
        position += length + 12


def flipped(data, where):
    return data[:where] + bytes((data[where] ^ 0x10,)) + data[where + 1 :]


def kinds():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = photo((40, 30))
    second = photo((40, 30), seed=1)
    return {
        "RGB": encoded(image),
        "gray": encoded(image.convert("L")),
        "1": encoded(image.convert("1")),
        "palette": encoded(image.quantize(16), transparency=3),
        "RGBA": encoded(image.convert("RGBA"), exif=exif, dpi=(72, 72)),
        "16": encoded(Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30))),
        "APNG": encoded(image, save_all=True, append_images=[second]),
    }


@pytest.fixture(scope="module")
def decode_png():
    """libpng's own judgment, through TensorFlow."""
    import tensorflow as tf

    def whole(data):
        try:
            tf.io.decode_png(data, channels=4)
        except tf.errors.InvalidArgumentError:
            return False
        return True

    return whole


@pytest.mark.parametrize("kind", kinds())
def test_a_flipped_bit_in_any_chunk_is_damage(kind):
    data = kinds()[kind]
    images.decode(data)
    for name, position, length in chunks(data):
        for where in {
            position + 4,
            position + 7,
            *range(position + 8, position + 8 + length, max(1, length // 9)),
            *range(position + 8 + length, position + 12 + length),
        }:
            with pytest.raises(ImageError) as error:
                images.decode(flipped(data, where))
            assert str(error.value).startswith("is damaged: "), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds())
def test_what_libpng_refuses_is_refused(kind, decode_png):
    data = kinds()[kind]
    assert decode_png(data)
    refused = 0
    for _, position, length in chunks(data):
        for where in (position + 5, position + 8 + length // 2, position + 11 + length):
            for damaged in (flipped(data, where), data[:where]):
                if not decode_png(damaged):
                    refused += 1
                    with pytest.raises(ImageError, match="^is damaged: "):
                        images.decode(damaged)
    assert refused > 10


@pytest.mark.slow
def test_a_wrong_sum_of_the_pixels_is_damage_even_if_the_chunk_is_whole(decode_png):
    data = encoded(photo((40, 30)))
    (_, position, length), *_ = [x for x in chunks(data) if x[0] == b"IDAT"]
    pixels = data[position + 8 : position + 8 + length]
    for changed in (pixels[:-1] + bytes((pixels[-1] ^ 1,)), pixels[: length // 2]):
        chunk = b"IDAT" + changed
        whole = len(changed).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4)
        damaged = data[:position] + whole + data[position + 12 + length :]
        png.require_whole(damaged)
        assert not decode_png(damaged)
        with pytest.raises(ImageError, match="^is damaged: "):
            images.decode(damaged)


def chunk(name, content):
    return (
        len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)
    )


def with_pixels(data, content):
    """The PNG `data` with another compressed stream, and right checksums."""
    (_, position, length), *rest = [x for x in chunks(data) if x[0] == b"IDAT"]
    assert not rest
    return data[:position] + chunk(b"IDAT", content) + data[position + 12 + length :]


def stream(data):
    (_, position, length), *_ = [x for x in chunks(data) if x[0] == b"IDAT"]
    return zlib.decompress(data[position + 8 : position + 8 + length])


@pytest.mark.parametrize("kind", kinds())
def test_a_stream_that_ends_properly_but_too_early_is_damage(kind):
    data = kinds()[kind]
    rows = stream(data)
    np.testing.assert_array_equal(
        images.decode(with_pixels(data, zlib.compress(rows))), images.decode(data)
    )
    for cut in (0, 1, len(rows) // 2, len(rows) - 1):
        with pytest.raises(ImageError, match="^is damaged: "):
            images.decode(with_pixels(data, zlib.compress(rows[:cut])))


def test_an_interlaced_png_without_a_pass_is_damaged():
    # Of 3 x 3 gray pixels: of the seven passes those that have pixels, each row filtered.
    rows = bytes((0, 9)) + bytes((0, 9)) + bytes((0, 9, 9)) + bytes((0, 9)) * 2
    rows += bytes((0, 9, 9, 9))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 1))
    ends = (
        chunk(b"IDAT", zlib.compress(x)) + chunk(b"IEND", b"") for x in (rows, rows[:-4])
    )
    whole, cut = (png.SIGNATURE + head + x for x in ends)
    assert (images.decode(whole) == 9).all()
    with pytest.raises(ImageError, match="^is damaged: rows of the PNG are missing$"):
        images.decode(cut)


def test_a_black_last_row_is_no_damage():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        assert (images.decode(encoded(Image.new(mode, (7, 5)))) % 255 == 0).all()


@pytest.mark.slow
def test_libpng_refuses_the_same_streams_and_chunks(decode_png):
    for data in kinds().values():
        rows = stream(data)
        assert decode_png(with_pixels(data, zlib.compress(rows)))
        for cut in (0, 1, len(rows) // 2, len(rows) - 1):
            assert not decode_png(with_pixels(data, zlib.compress(rows[:cut])))
    data = encoded(photo())
    assert not decode_png(data[:33] + chunk(b"ABCD", b"x") + data[33:])
    assert decode_png(data[:33] + chunk(b"aBCD", b"x") + data[33:])


def test_only_chunks_that_do_not_matter_may_be_unknown():
    data = encoded(photo())
    images.decode(data[:33] + chunk(b"aBCD", b"x") + data[33:])
    with pytest.raises(
        ImageError, match="^is damaged: PNG chunk ABCD is of no known kind$"
    ):
        images.decode(data[:33] + chunk(b"ABCD", b"x") + data[33:])


@pytest.mark.parametrize("kind", ["RGB", "APNG"])
def test_a_png_without_its_end_is_damaged(kind):
    data = kinds()[kind]
    last = [position for _, position, _ in chunks(data)][-1]
    for cut in (last, last + 4, last + 8, len(data) - 1):
        with pytest.raises(ImageError) as error:
            images.decode(data[:cut])
        assert str(error.value) == "is damaged: the end of the PNG is missing"


def test_what_follows_the_end_does_not_matter():
    data = encoded(photo())
    for rest in (b"x", bytes(1000), data[:50]):
        np.testing.assert_array_equal(images.decode(data + rest), images.decode(data))


def icon(inside, size):
    head = struct.pack("<HHHBBBBHHII", 0, 1, 1, size, size, 0, 0, 1, 32, len(inside), 22)
    return head + inside


def test_a_png_within_an_icon_is_checked_too():
    inside = encoded(photo((48, 48)).convert("RGBA"))
    whole = icon(inside, 48)
    assert images.decode(whole).shape == (48, 48, 3)
    middle = len(whole) - len(inside) // 2
    with pytest.raises(
        ImageError, match="^is damaged: PNG chunk IDAT has a wrong checksum"
    ):
        images.decode(flipped(whole, middle))
    apple = encoded(photo((128, 128)).convert("RGBA"), "ICNS")
    assert png.SIGNATURE in apple
    images.decode(apple)
    with pytest.raises(
        ImageError, match="^is damaged: PNG chunk IDAT has a wrong checksum"
    ):
        images.decode(flipped(apple, len(apple) - 100))


def test_signatures_in_an_icon_cost_no_more_than_its_bytes(monkeypatch):
    """Each byte is summed once, however many begin a PNG."""
    inside = encoded(photo((48, 48)).convert("RGBA"), pnginfo=None)
    one = png.SIGNATURE + inside[8:-12]
    nested = one + b"".join(
        len(x).to_bytes(4) + b"teXt" + x + zlib.crc32(b"teXt" + x).to_bytes(4)
        for x in [png.SIGNATURE * 100] * 50
    )
    data = icon(nested + inside[-12:], 48)
    summed = []
    crc32 = zlib.crc32
    monkeypatch.setattr(png.zlib, "crc32", lambda x: (summed.append(len(x)), crc32(x))[1])
    png.require_whole(data)
    assert sum(summed) <= len(data)


@pytest.mark.parametrize("file", ["*.png", "*/*.png"])
def test_sound_files_of_others_stay_sound(shared, file):
    for path in (shared / "torture").glob(file):
        data = path.read_bytes()
        try:
            with Image.open(io.BytesIO(data)) as image:
                image.verify()
        except Exception:
            continue
        if path.name not in ("png_text_dos.png",):
            png.require_whole(data)
