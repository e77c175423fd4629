"""A folder with one HTML page that runs a network in the browser, without any server."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2

from ...dataset.images import PAD_GRAY
from ...preprocess import Preprocess
from ...run.files import replacing, write_text

PIECE = 3 * 2**18
"""Bytes in one string of a script: browsers read one long string 10 times as slowly."""

WORTH = 0.85
"""A network is compressed if it becomes at most this part of its size."""

_HERE = resources.files(__package__)
_STATIC = ("app.css", "app.js", "classify.js", "resize.js")
_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader(__package__),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)


@dataclass(frozen=True)
class Page:
    """What a page shows besides the picture, and how it makes that square."""

    title: str
    classes: tuple[str, ...]
    preprocess: Preprocess
    """Only its resize_mode, stored_size, max_pixels and white_level are used."""
    threshold: float
    """Probability below which the label is "unknown"."""
    note: str
    """A sentence below the title; may be empty."""


def write_page(folder: Path, page: Page, model: bytes) -> None:
    """Write the page and all that it needs into `folder`, which is made if need be.

    `model` is a LiteRT file: RGB float32 [1, R, R, 3], 0 to 255, R being
    `page.preprocess.stored_size`, to the probabilities float32 [1, K] of `page.classes`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    html = _PAGE.get_template("index.html").render(title=page.title, note=page.note)
    for name in _STATIC:
        write_text(folder / name, _text(f"templates/{name}"))
    write_text(folder / "litert.js", _text("vendor/litert.js"))
    write_text(folder / "LICENSES.txt", _text("vendor/LICENSES.txt"))
    write_text(folder / "settings.js", _settings(page))
    runtime = (_HERE / "vendor/litert.wasm.gz").read_bytes()
    _write_pieces(folder / "runtime.js", "runtime", runtime)
    _write_pieces(folder / "model.js", "model", _packed(model))
    write_text(folder / "index.html", html)


def _text(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _settings(page: Page) -> str:
    """The script that tells the page about its network, in ASCII."""
    values = {
        "classes": page.classes,
        "resize": page.preprocess.resize_mode,
        "size": page.preprocess.stored_size,
        "maxPixels": page.preprocess.max_pixels,
        "whiteLevel": page.preprocess.white_level,
        "padGray": PAD_GRAY,
        "threshold": page.threshold,
    }
    text = json.dumps(values, allow_nan=False, indent=1).replace("<", "\\u003c")
    return f'"use strict";\nwindow.alexnet = {{ settings: {text} }};\n'


def _packed(model: bytes) -> bytes:
    """`model` compressed, if that is worth the time that a browser needs to undo it.

    Float weights lose 8 percent of their size, and a page opens twice as slowly.
    """
    # No time inside, so that equal networks give equal files.
    packed = gzip.compress(model, 6, mtime=0)
    return packed if len(packed) < WORTH * len(model) else model


def _write_pieces(file: Path, name: str, data: bytes) -> None:
    """Write the script that hands `data`, under `name`, to the page as base64."""
    with replacing(file) as part, part.open("w", encoding="ascii") as out:
        out.writelines(f'alexnet.add("{name}", "{x}");\n' for x in _pieces(data))


def _pieces(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), PIECE):
        yield base64.b64encode(data[start : start + PIECE]).decode()
