"""The files of the exported page: texts are escaped, equal networks give equal files."""

import base64
import gzip
import hashlib
import html
import json
import re
from importlib import resources

import numpy as np
import pytest

from alexnet_cli.export.web.page import PIECE, Page, write_page
from alexnet_cli.preprocess import Preprocess

HARD = ("</script><script>", "\"'&\\", "\u2028🌷", "bad\udcff", "цветок")
NOISE = np.random.default_rng(0).bytes(2 * PIECE + 1)


def write(folder, model=b"TFL3", title="Flowers", note="", classes=HARD):
    preprocess = Preprocess("pad", 36, 32, None, (1.0, 1.0, 1.0))
    write_page(folder, Page(title, classes, preprocess, 0.5, note), model)
    return folder


def stored(folder, name="model"):
    """The bytes that a script of pieces hands to the page, and how many there are."""
    lines = (folder / f"{name}.js").read_text("ascii").splitlines()
    pieces = [re.fullmatch(rf'alexnet\.add\("{name}", "(.*)"\);', x)[1] for x in lines]
    return b"".join(map(base64.b64decode, pieces)), len(pieces)


def test_class_names_of_all_kinds_are_data(tmp_path):
    text = (write(tmp_path) / "settings.js").read_text("ascii")
    assert "<" not in text
    values = json.loads(text[text.index("settings: ") + 10 : text.rindex("}")])
    assert tuple(values["classes"]) == HARD
    assert (values["resize"], values["size"], values["threshold"]) == ("pad", 36, 0.5)
    assert values["whiteLevel"] is None


@pytest.mark.parametrize("text", HARD)
def test_title_and_note_are_text(tmp_path, text):
    page = (write(tmp_path, title=text, note=text) / "index.html").read_bytes()
    found = page.decode("utf-8", "surrogateescape")
    assert html.unescape(re.search("<title>(.*?)</title>", found)[1]) == text
    assert html.unescape(re.search('class="note".*?>(.*?)</p>', found)[1]) == text
    assert found.count("<script") == 7


def test_all_scripts_of_the_page_are_beside_it(tmp_path):
    found = (write(tmp_path) / "index.html").read_text()
    named = re.findall('(?:src|href)="([^"]*)"', found)
    assert {x for x in named if x != "data:,"} | {"index.html"} == {
        x.name for x in tmp_path.iterdir()
    }


@pytest.mark.parametrize(("model", "count"), [(NOISE, 3), (bytes(2 * PIECE), 1)])
def test_the_network_is_cut_into_pieces_and_compressed_if_that_helps(
    tmp_path, model, count
):
    data, pieces = stored(write(tmp_path, model))
    assert (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data) == model
    assert pieces == count
    assert (len(data) < len(model)) == (model is not NOISE)


def test_equal_networks_make_equal_pages_also_over_old_ones(tmp_path):
    one, two = write(tmp_path / "one", bytes(100)), write(tmp_path / "two", NOISE)
    write(two, bytes(100))
    assert {x.name: x.read_bytes() for x in one.iterdir()} == {
        x.name: x.read_bytes() for x in two.iterdir()
    }


def test_the_vendored_files_are_those_of_their_script(tmp_path):
    vendor = resources.files("alexnet_cli.export.web") / "vendor"
    for line in (vendor / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == digest, name
    assert stored(write(tmp_path), "runtime")[0] == (vendor / "litert.wasm.gz").read_bytes()


def test_the_licenses_come_along(tmp_path):
    text = (write(tmp_path) / "LICENSES.txt").read_text()
    for name in (
        "@litertjs/core 2.5.3",
        "Apache License",
        "XNNPACK",
        "Emscripten",
        "Pillow",
    ):
        assert name in text
