"""What tests share: toy images, the command in this process and in others, small readers."""

import csv
import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from PIL import Image

from alexnet_cli.cli.main import main

SHARED = Path(__file__).parents[2] / "shared" / "data"
COLOURS = {"blue": (40, 60, 200), "green": (50, 190, 60), "red": (200, 50, 40)}
TINY = (
    "--arch", "tiny", "--size", "36", "--optimizer", "adam", "--learning-rate", "0.003",
    "--epochs", "6", "--batch-size", "8", "--schedule", "constant", "--no-hflip", "--crop-area", "0",
    "--brightness", "0", "--contrast", "0", "--saturation", "0", "--label-smoothing", "0",
)  # fmt: skip
HARD_NAMES = [
    b"a b.jpg", b"quote'\".jpg", b"com,ma.jpg", b"new\nline.jpg", b"return\r.jpg", "emoji\U0001f337.jpg".encode(),
    "цветок.jpg".encode(), "\u00e9.jpg".encode(), "e\u0301.jpg".encode(), b"-dash.jpg",
    b"bad\xff\xfe.jpg", b"x" * 246 + b".jpg", b"gl[o]b*?.jpg",
]  # fmt: skip


def draw_toy(folder: Path, each: int = 12, seed: int = 0) -> Path:
    """Class folders of noisy plain images that a tiny network tells apart."""
    rng = np.random.default_rng(seed)
    for name, color in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(each):
            size = (int(rng.integers(40, 60)), int(rng.integers(40, 60)), 3)
            pixels = np.array(color) + rng.normal(0, 30, size)
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / name / f"{i:02}.{'png' if i % 2 else 'jpg'}")
    return folder


def alexnet(*args: object, **kwargs: object) -> Result:
    """The command, run in this process; errors that are ours never escape it."""
    return CliRunner().invoke(main, [str(x) for x in args], **kwargs)


def python(code: str, *args: object, **env: str) -> subprocess.CompletedProcess:
    """`code` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=300, env={**os.environ, **env}, check=False,
    )  # fmt: skip


def fails(code, text, *args, **kwargs):
    """The command ends with `code` and one line on stderr that holds `text`."""
    result = alexnet(*args, **kwargs)
    assert result.exit_code == code, result.output + repr(result.exception)
    assert text in result.stderr.splitlines()[-1], result.stderr
    assert "Traceback" not in result.output
    return result


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
