"""Small files that would cost much memory or time are refused; good ones are not."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from helpers import encoded, photo, python
from PIL import Image

from alexnet_cli.dataset import images
from alexnet_cli.dataset.formats import file_limits, identify
from alexnet_cli.errors import ImageError, OversizedImage

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(name, data=b""):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, extra=b"", rows=0):
    """A black gray PNG with so many rows of pixels in it."""
    pack = zlib.compressobj(9)
    packed = b"".join(pack.compress(bytes(width + 1)) for _ in range(rows)) + pack.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG + header + extra + chunk(b"IDAT", packed) + chunk(b"IEND")


def jpeg2000(width, height):
    """One of 64 x 64 pixels that declares another size."""
    data = encoded(photo((64, 64)), "JPEG2000", no_jp2=True)
    at = data.index(b"\xff\x51") + 6
    return (
        data[:at] + struct.pack(">6I", width, height, 0, 0, width, height) + data[at + 24 :]
    )


def ico(inner, bits=32):
    return (
        struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, bits, len(inner), 22) + inner
    )


def icns(inner):
    block = b"ic10" + struct.pack(">I", len(inner) + 8) + inner
    return b"icns" + struct.pack(">I", len(block) + 8) + block


def dib(width, height, bits=32):
    header = (40, width, 2 * height, 1, bits, 0, 0, 0, 0, 0, 0)
    return struct.pack("<IiiHHIIiiII", *header) + bytes(64)


def webp(width, height):
    frames = [Image.new("RGB", (16, 16), x) for x in ("red", "blue")]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    at = data.index(b"VP8X") + 12
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return data[:at] + sides + data[at + 6 :]


def tiled_tiff(side):
    """10 x 10 pixels in one tile of `side` x `side`."""
    tags = [(256, 10), (257, 10), (258, 8), (259, 8), (262, 1), (277, 1)]
    tags += [(322, side), (323, side), (324, 8), (325, 64)]
    entries = b"".join(struct.pack("<HHII", x, 4, 1, y) for x, y in tags)
    return b"II*\0" + struct.pack("<IH", 8, 10) + entries + bytes(4)


def gif(screen, frame):
    """A logical screen and a frame, each square, with one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0)
    return head + image + b"\x02\x02\x4c\x01\x00;"


def bmp(width, height):
    header = (40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, *header)


def sized_jpeg(width, height):
    data = encoded(photo(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


OVERSIZED = {
    "PNG": png(30_000, 30_000), "PNG in ICO": ico(png(30_000, 30_000)),
    "bitmap in ICO": ico(dib(30_000, 30_000)), "1-bit bitmap in ICO": ico(dib(9000, 9000, 1), 1),
    "PNG in ICNS": icns(png(30_000, 30_000)), "JPEG 2000": jpeg2000(65_535, 65_535),
    "JPEG 2000 in ICNS": icns(jpeg2000(65_535, 65_535)), "WEBP": webp(16_383, 16_383),
    "tile of a TIFF": tiled_tiff(30_000), "GIF": gif(65_535, 1), "frame of a GIF": gif(1, 65_535),
    "JPEG": sized_jpeg(65_500, 65_500), "BMP": bmp(65_535, 65_535),
    "QOI": b"qoif" + struct.pack(">II", 65_535, 65_535) + b"\4\0",
    "PPM": b"P6 65535 65535 255 ", "plain PPM": b"P3 65535 65535 255 1 2 3",
    "SGI": struct.pack(">HBBHHHH", 474, 0, 1, 3, 65_535, 65_535, 3) + bytes(500),
    "SUN": struct.pack(">8I", 0x59A66A95, 65_535, 65_535, 24, 0, 1, 0, 0),
    "XBM": b"#define i_width 99999\n#define i_height 99999\nstatic char i_bits[] = {\n0x00};",
    "PCX": b"\x0a\5\1\x08" + struct.pack("<4H", 0, 0, 29_999, 29_999) + bytes(53) + b"\3\x30\x75" + bytes(60),
}  # fmt: skip


def test_declared_sizes_are_refused_before_memory_is_taken(tmp_path):
    for name, data in OVERSIZED.items():
        (tmp_path / name).write_bytes(data)
    code = """
import sys
from pathlib import Path
from PIL import Image
from alexnet_cli.dataset import images
from alexnet_cli.errors import OversizedImage
def peak():
    lines = dict(x.split(":", 1) for x in open("/proc/self/status"))
    return int(lines["VmHWM"].split()[0])
Image.init()
before = peak()
for file in sorted(Path(sys.argv[1]).iterdir()):
    try: images.decode(file)
    except OversizedImage as error: pass
    else: print("decoded", file)
print(peak() - before)
"""
    done = python(code, tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert int(done.stdout) < 60_000, done.stdout


@pytest.mark.parametrize("name", OVERSIZED)
def test_the_declared_size_is_named(name):
    with pytest.raises(
        OversizedImage, match=r"^has \d+ x \d+ pixels, more than \d+\.?\d* mil"
    ):
        images.decode(OVERSIZED[name])


def test_pillows_limit_switched_off_by_the_caller_does_not_switch_ours_off(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for name in ("PNG in ICO", "PNG in ICNS", "tile of a TIFF"):
        with pytest.raises(OversizedImage):
            images.decode(OVERSIZED[name])


def test_a_side_may_not_have_more_pixels_than_a_million():
    with pytest.raises(
        OversizedImage, match="^has 1 x 1000001 pixels, more than 1000000 a side$"
    ):
        images.decode(png(1, 1_000_001))
    assert images.decode(png(1, 70_000, rows=70_000)).shape == (70_000, 1, 3)


def test_icons_of_usual_sizes_are_read():
    for side in (16, 256, 1024):
        inner = encoded(photo((side, side)))
        for data in (
            ico(inner),
            icns(inner),
            icns(encoded(photo((side, side)), "JPEG2000")),
        ):
            assert images.decode(data).shape[2] == 3


def progressive(size, scans):
    """A JPEG with its last scan repeated."""
    data = encoded(Image.new("RGB", size, (9, 99, 200)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + b"\xff\xd9"


@pytest.mark.parametrize(
    "size,limit", [((64, 48), 500), ((2000, 2000), 100), ((5000, 5001), 16)]
)
def test_a_jpeg_has_as_many_scans_as_its_size_allows(size, limit):
    data = progressive(size, limit + 1)
    assert len(data) < 500_000
    with pytest.raises(
        ImageError, match=f"^has {limit + 1} scans, more than {limit}; save it"
    ):
        images.decode(data)
    data = progressive(size, limit)
    file_limits.require_few_scans(data, Image.open(io.BytesIO(data)))


def test_scans_of_thumbnails_and_further_images_are_not_the_images():
    one = progressive((64, 48), 400)
    exif = b"Exif\0\0" + progressive((8, 8), 300)
    thumbnail = one[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + one[2:]
    for data in (thumbnail, one + one):
        assert data.count(b"\xff\xda") > 500
        assert images.decode(data).shape == (48, 64, 3)


def jpeg_tiff(data, size, strips):
    """A TIFF of which every strip is the same JPEG."""
    width, height = size
    tags = [(256, width), (257, height * strips), (258, 8), (259, 7), (262, 6), (273, 0)]
    tags += [(277, 3), (278, height), (279, 0)]
    start = 8 + 2 + 12 * len(tags) + 4
    lists = {273: start, 279: start + 4 * strips}
    offsets = struct.pack("<I", start + 8 * strips) * strips
    sizes = struct.pack("<I", len(data)) * strips
    entries = b"".join(
        struct.pack("<HHII", x, 4, strips if x in lists else 1, lists.get(x, y))
        for x, y in tags
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + bytes(4) + offsets + sizes + data


def test_scans_of_a_jpeg_in_a_tiff_count(monkeypatch):
    monkeypatch.setattr(file_limits, "SCANNED_PIXELS", 20 * 64 * 96)
    good, bad = progressive((64, 48), 18), progressive((64, 48), 23)
    assert images.decode(jpeg_tiff(good, (64, 48), 2)).shape == (96, 64, 3)
    with pytest.raises(ImageError, match="^has 23 scans, more than 20"):
        images.decode(jpeg_tiff(bad, (64, 48), 2))


def test_a_scan_of_an_arithmetic_coded_jpeg_counts():
    data = progressive((64, 48), 501).replace(b"\xff\xc2", b"\xff\xca", 1)
    with pytest.raises(ImageError, match="^has 501 scans"):
        images.decode(data)


MANY = {
    "chunks": lambda n: png(8, 8, chunk(b"teXt") * (n - 1), rows=8),
    "segments": lambda n: encoded(photo(), "JPEG")[:2] + b"\xff\xfe\0\2" * n + encoded(photo(), "JPEG")[2:],
    "bytes between segments": lambda n: encoded(photo(), "JPEG")[:2] + b"\xff\xd0" * (n + 1) + encoded(photo(), "JPEG")[2:],
}  # fmt: skip


@pytest.mark.parametrize("parts", MANY)
def test_a_file_may_not_be_in_too_many_parts(parts):
    with pytest.raises(ImageError, match=f"^has more than 20000 {parts}; save it again$"):
        images.decode(MANY[parts](20_000))
    assert images.decode(MANY[parts](2_000)).ndim == 3


@pytest.mark.parametrize("filler", [b"\xff\xd0", b"\xff\xff", b"\xff\0"])
def test_filler_is_counted_whatever_it_is(filler):
    data = encoded(photo(), "JPEG")
    with pytest.raises(ImageError, match="^has more than 20000 "):
        images.decode(data[:2] + filler * 20_001 + data[2:])


def test_a_large_png_may_have_as_many_chunks_as_libpng_writes(monkeypatch):
    monkeypatch.setattr(file_limits, "MAX_PARTS", 10)
    data = png(8, 8, chunk(b"prVt", bytes(8192)) * 100, rows=8)
    assert images.decode(data).shape == (8, 8, 3)


def test_restarts_are_not_segments():
    data = encoded(photo((1600, 1200)), "JPEG", restart_marker_blocks=1, quality=95)
    assert data.count(b"\xff") > 7_000
    assert sum(1 for _ in file_limits._jpeg_markers(data)) < 20


def test_plain_text_has_a_limit(monkeypatch):
    monkeypatch.setattr(file_limits, "MAX_PLAIN_BYTES", 2**20)
    data = b"P1 1024 1024 " + b"01" * 2**19
    with pytest.raises(
        ImageError, match="^is plain text of more than 1 MiB; save it as PNG$"
    ):
        images.decode(data)
    assert images.decode(b"P1 512 512 " + b"01" * 2**17).shape == (512, 512, 3)


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt", b"iTXt"])
def test_metadata_that_unpacks_to_much_is_cheap(name, tmp_path):
    start = b"x\0\1\0\0\0" if name == b"iTXt" else b"x\0\0"
    data = png(8, 8, chunk(name, start + zlib.compress(bytes(100_000_000), 1)), rows=8)
    (tmp_path / "a.png").write_bytes(data)
    code = """
import sys
from pathlib import Path
from alexnet_cli.dataset import images
from alexnet_cli.errors import ImageError
try: images.decode(Path(sys.argv[1]))
except ImageError: pass
lines = dict(x.split(":", 1) for x in open("/proc/self/status"))
print(lines["VmHWM"].split()[0])
"""
    done = python(code, tmp_path / "a.png")
    assert int(done.stdout) < 110_000, done.stderr


@pytest.mark.parametrize("inner", ["JPEG", "EPS", "GIF", "TGA", "FLI"])
def test_an_icon_holds_no_other_format(inner):
    """Only what `formats` names is ever opened: ICO and ICNS take PNG, bitmap, JPEG 2000."""
    if inner == "FLI":
        data = struct.pack("<IHHHHHHI", 128, 0xAF11, 1, 8, 8, 8, 3, 5) + bytes(108)
    else:
        data = encoded(photo(), inner)
    for icon in (ico(data), icns(data)):
        with pytest.raises(ImageError):
            images.decode(icon)


def test_no_plugin_beyond_the_list_is_reached(shared, monkeypatch):
    """Neither asked whether it accepts a file nor to open one, and no program is run."""
    Image.init()
    reached = []
    for name in set(Image.OPEN) - {*identify.FORMATS, "MPO"}:
        spy = lambda *_, name=name: reached.append(name)  # noqa: E731
        monkeypatch.setitem(Image.OPEN, name, (spy, spy))
    monkeypatch.setattr("subprocess.Popen", lambda *_: reached.append("a program"))
    for file in sorted((shared / "torture").rglob("*.*")):
        with suppress(ImageError):
            images.decode(file)
    for form in ("EPS", "PDF", "TGA", "DDS"):
        with pytest.raises(ImageError):
            images.decode(encoded(photo(), form))
    assert reached == []


@pytest.mark.parametrize("size", [1, 255])
def test_a_gif_has_few_blocks_before_its_first_image(size):
    """Pillow keeps 43 bytes for each byte of a comment in blocks of one."""
    image = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
    head = b"GIF89a\x0a\0\x0a\0\x80\0\0" + bytes(3) + b"\xff" * 3
    block = bytes([size]) + b"x" * size
    for comments in (1, 3):
        few = (b"!\xfe" + block * (file_limits.MAX_PARTS // comments) + b"\0") * comments
        assert images.decode(head + few + image).shape == (10, 10, 3)
        with pytest.raises(ImageError, match="^has more than 20000 blocks before its"):
            images.decode(head + few + b"!\xfe" + block * 3 + b"\0" + image)


def test_blocks_of_images_are_no_comments():
    """Those of a long animation are more than may be before its first image."""
    # Gray ones, whose palette need not be found.
    frames = [photo((512, 512), seed).convert("L") for seed in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:] * 20)
    assert len(data) > 4_000_000
    assert images.decode(data).shape == (512, 512, 3)
