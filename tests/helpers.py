"""What tests share: toy images, the command in this process and in others, small readers."""

import csv
import io
import os
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image, ImageCms

from alexnet_cli.cli.main import main
from alexnet_cli.dataset.pixel_cache import Examples, MemoryCache
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.recipe.recipe import FIELDS, Recipe
from alexnet_cli.run.directory import new_run

SHARED = Path(__file__).parents[2] / "shared" / "data"
COLORS = {"blue": (40, 60, 200), "green": (50, 190, 60), "red": (200, 50, 40)}
TINY = (
    "--arch", "tiny", "--size", "36", "--optimizer", "adam", "--learning-rate", "0.003",
    "--epochs", "6", "--batch-size", "8", "--schedule", "constant", "--no-hflip", "--crop-area", "0",
    "--brightness", "0", "--contrast", "0", "--saturation", "0", "--label-smoothing", "0",
    "--precision", "float32",
)  # fmt: skip
HARD_NAMES = [
    b"a b.jpg", b"quote'\".jpg", b"com,ma.jpg", b"new\nline.jpg", b"return\r.jpg", "emoji\U0001f337.jpg".encode(),
    "цветок.jpg".encode(), "\u00e9.jpg".encode(), "e\u0301.jpg".encode(), b"-dash.jpg",
    b"bad\xff\xfe.jpg", b"x" * 246 + b".jpg", b"gl[o]b*?.jpg",
]  # fmt: skip


def draw_toy(folder: Path, each: int = 12, seed: int = 0) -> Path:
    """Class folders of noisy plain images that a tiny network tells apart."""
    rng = np.random.default_rng(seed)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        for i in range(each):
            size = (int(rng.integers(40, 60)), int(rng.integers(40, 60)), 3)
            pixels = np.array(color) + rng.normal(0, 30, size)
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / name / f"{i:02}.{'png' if i % 2 else 'jpg'}")
    return folder


def assembled_png(width, height, kind, rows, *chunks):
    """A PNG written without Pillow; `kind` is its bits and its color type."""
    head = width.to_bytes(4) + height.to_bytes(4) + bytes((*kind, 0, 0, 0))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(x).to_bytes(4) + name + x + zlib.crc32(name + x).to_bytes(4)
        for name, x in parts
    )


def png_of_16_bits(values, *chunks):
    """Values [H, W, 1 to 4] as a PNG; Pillow writes gray alone."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + x.astype(">u2").tobytes() for x in values)
    kind = 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return assembled_png(width, height, kind, rows, *chunks)


def alexnet(*args: object, **kwargs: object) -> Result:
    """The command, run in this process; errors that are ours never escape it."""
    return CliRunner().invoke(main, [str(x) for x in args], prog_name="alexnet", **kwargs)


def python(code: str, *args: object, **env: str) -> subprocess.CompletedProcess:
    """`code` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=300, env={**os.environ, **env}, check=False,
    )  # fmt: skip


def fails(code, text, *args, **kwargs):
    """The command ends with `code` and a last line on stderr that holds `text`."""
    result = alexnet(*args, **kwargs)
    assert result.exit_code == code, result.output + repr(result.exception)
    assert text in result.stderr.splitlines()[-1], result.stderr
    assert "Traceback" not in result.output, result.output
    return result


def tree(folder):
    """The files below `folder` with their bytes, and folders with None."""
    return {
        str(x.relative_to(folder)): x.read_bytes() if x.is_file() else None
        for x in folder.rglob("*")
    }


def npy(body, shape="()"):
    """A .npy file of objects whose pickle is `body`."""
    header = (
        f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def history(run):
    """The rows of history.csv."""
    with (run / "history.csv").open() as x:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(x)]


def train(toy, out, *options):
    """A training of the tiny network that succeeds."""
    result = alexnet("train", "--data", toy, "--out", out, *TINY, *options)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def as_fields(words):
    """Options of `alexnet train`, such as TINY, as the fields of `alexnet_cli.train`."""
    flags = {x.flag: x for x in FIELDS.values()}
    found, rest = {}, list(words)
    while rest:
        flag = rest.pop(0)
        if flag.startswith("--no-"):
            found[flags[f"--{flag[5:]}"].name] = False
        else:
            found[flags[flag].name] = flags[flag].type(rest.pop(0))
    return found


def photo(side=(96, 64), seed=0):
    """An image of colored clouds."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8))
    return coarse.resize(side, Image.Resampling.BICUBIC)


def encoded(image, form="PNG", **options):
    """The bytes of `image` as a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def distance(one, other):
    """How much the pixels of two images differ on average, 0 to 255."""
    return float(abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def toy_examples(count=30, side=36, seed=0):
    """`Examples` in memory: noisy plain images, blue, green, red and so on by turns."""
    rng = np.random.default_rng(seed)
    cache, labels = MemoryCache(count, side), np.arange(count) % 3
    for label in labels:
        pixels = np.array(list(COLORS.values())[label]) + rng.normal(0, 30, (side, side, 3))
        cache.add(Sample("", int(label), ""), pixels.clip(0, 255).astype(np.uint8))
    return Examples(cache, np.arange(count), labels)


def new_tiny_run(path, **fields):
    """A run of the tiny network in the new folder `path`, with nothing written yet."""
    path.mkdir(parents=True, exist_ok=True)
    basics = {"arch": "tiny", "size": 36, "batch_size": 8, "precision": "float32"}
    return new_run(path, Recipe(**{**basics, **fields}), tuple(COLORS))


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped(profile):
    """sRGB whose red and green primaries are exchanged, under another name."""
    data = bytearray(
        profile.replace(b"s\0R\0G\0B", b"S\0w\0a\0p").replace(b"sRGB", b"Swap")
    )
    (count,) = struct.unpack_from(">I", data, 128)
    at = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


def free_addresses(count: int) -> list[str]:
    """Addresses of loopback that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for x in sockets:
        x.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{x.getsockname()[1]}" for x in sockets]
    for x in sockets:
        x.close()
    return found
