"""Text, JSON and page of the doctor have every finding, and the page thumbnails of it."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers import photo
from PIL import Image

from alexnet_cli.dataset.findings import Findings, Range
from alexnet_cli.reports.doctor import MOST_SHOWN, SECTIONS, THUMBNAIL, page, text, to_json

PAIRS = ("two_labels", "two_parts", "overlap", "equal", "near")


def findings(root=Path("flowers"), **fields):
    """Nothing wrong, unless `fields` say otherwise."""
    basics = {
        "root": root, "counts": {"daisy": 20, "rose": 10}, "notes": (), "formats": {"JPEG": 28, "PNG": 2},
        "widths": Range(80, 320, 640), "heights": Range(60, 240, 480), "aspects": Range(0.5, 1.333, 2.0),
        **{x.field: () for x in SECTIONS},
    }  # fmt: skip
    return Findings(**{**basics, **fields})


class Reader(HTMLParser):
    """Titles, sources of images, and all text of a page."""

    def __init__(self, text):
        super().__init__()
        self.titles, self.sources, self.text, self.now = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.now = tag
        self.sources += [v for k, v in attrs if k in ("src", "href")]

    def handle_data(self, data):
        if data.strip():
            self.text.append(data.strip())
        if self.now == "h2":
            self.titles.append(data)
            self.now = ""


def test_every_list_of_findings_has_a_section():
    lists = [
        k for k, v in Findings.__annotations__.items() if "tuple" in str(v) and k != "notes"
    ]
    assert sorted(x.field for x in SECTIONS) == sorted(lists)
    # What makes findings `wrong` has a name in the verdict.
    for section in SECTIONS:
        row = (
            ("a", "b")
            if section.pairs or section.field in ("bad", "tiny", "wrong_ending")
            else "a"
        )
        assert findings(**{section.field: (row,)}).wrong == bool(section.problem)
        assert section.pairs == (section.field in PAIRS)


def test_all_of_a_healthy_folder():
    assert "\n".join(text(findings())) == (
        "flowers: 30 images in 2 classes\n"
        "  daisy  20\n"
        "  rose   10\n"
        "formats: JPEG 28, PNG 2\n"
        "width: 80 to 640 pixels, median 320\n"
        "height: 60 to 480 pixels, median 240\n"
        "aspect ratio (width/height): 0.50 to 2.00, median 1.33\n"
        "class imbalance: the largest class has 2.0 times the images of the smallest\n"
        "\n"
        "No problems found."
    )


def test_problems_are_listed_and_counted():
    found = findings(
        counts={"daisy": 20, "rose": 1, "tulip": 0},
        bad=(("a.jpg", "is empty"),),
        near=(("b.jpg", "c.jpg"), ("b.jpg", "d.jpg")),
        gray=("e.jpg",),
    )
    lines = list(text(found))
    start = lines.index("Bad files: not read, not trained on: 1")
    assert lines[start - 1 :] == [
        "",
        "Bad files: not read, not trained on: 1",
        "  a.jpg  is empty",
        "",
        "Near duplicates (kept on one side of the split): 2",
        "  b.jpg  c.jpg",
        "  b.jpg  d.jpg",
        "",
        "Gray images: 1",
        "  e.jpg",
        "",
        "Problems found: bad files: 1, classes with fewer than 2 images: rose, tulip",
    ]


@pytest.mark.parametrize("count", [9, 10, 11, 25])
def test_long_lists_are_cut(count):
    names = tuple(f"{i:02}.jpg" for i in range(count))
    lines = list(text(findings(gray=names, notes=tuple(f"left out: {x}" for x in names))))
    more = max(0, count - 10)
    assert [x for x in lines if x.endswith(".jpg")] == [
        *(f"left out: {x}" for x in names[:10]),
        *(f"  {x}" for x in names[:10]),
    ]
    assert [x for x in lines if x.endswith("more")] == (
        [f"... and {more} more", f"  ... and {more} more"] if more else []
    )


def test_json_has_every_field():
    found = findings(near=(("a", "b"),), notes=("x",), gray=("g",))
    data = json.loads(to_json(found))
    assert data.keys() == {*Findings.__annotations__, "wrong"}
    assert data["root"] == "flowers" and data["wrong"] is False
    assert data["near"] == [["a", "b"]] and data["gray"] == ["g"]
    assert data["widths"] == [80, 320, 640] and data["counts"] == {"daisy": 20, "rose": 10}


def test_names_of_any_bytes_are_on_one_line():
    found = findings(
        counts={"a\nb": 2, "c": 2},
        gray=("bad\udcff\n.jpg",),
        bad=(("\x1b[31m", "is empty"),),
    )
    assert all(x.removeprefix("\n").isprintable() for x in text(found))
    assert "  bad\\xff\\n.jpg" in list(text(found))


@pytest.fixture
def folder(tmp_path):
    """Images of different colors, by name."""
    for name, color in {"red": "red", "blue": "blue", "wide": "lime"}.items():
        size = (600, 100) if name == "wide" else (200, 200)
        Image.new("RGB", size, color).save(tmp_path / f"{name}.png")
    photo().save(tmp_path / "photo.jpg")
    return tmp_path


def thumbnails(reader):
    found = []
    for source in reader.sources:
        head, _, data = source.partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            found.append((image.size, tuple(np.asarray(image)[0, 0] // 100)))
    return found


RED, BLUE, LIME = (2, 0, 0), (0, 0, 2), (0, 2, 0)


def test_a_pair_is_two_thumbnails(folder):
    reader = Reader(page(findings(folder, near=(("red.png", "blue.png"),)), None))
    assert reader.titles == [
        "Classes",
        "Near duplicates (kept on one side of the split): 1",
    ]
    side = (THUMBNAIL, THUMBNAIL)
    assert thumbnails(reader) == [(side, RED), (side, BLUE)]
    assert {"red.png", "blue.png"} <= set(reader.text)


def test_a_remark_is_not_a_file(folder):
    found = findings(folder, tiny=(("wide.png", "600 x 100"),), gray=("red.png",))
    reader = Reader(page(found, None))
    assert thumbnails(reader) == [((128, 21), LIME), ((128, 128), RED)]
    assert "600 x 100" in reader.text


def test_the_first_of_an_overlap_is_in_the_other_folder(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (128, 128), "lime").save(other / "red.png")
    found = findings(folder, overlap=(("red.png", "blue.png"),))
    sizes = (128, 128)
    assert thumbnails(Reader(page(found, other))) == [(sizes, LIME), (sizes, BLUE)]


def test_bad_files_and_files_that_are_gone_have_no_thumbnails(folder):
    found = findings(
        folder, bad=(("red.png", "is empty"),), equal=(("gone.png", "blue.png"),)
    )
    reader = Reader(page(found, None))
    assert thumbnails(reader) == [((128, 128), BLUE)]
    assert {"red.png", "is empty", "gone.png"} <= set(reader.text)


def test_a_page_shows_the_first_of_many(folder):
    count = MOST_SHOWN + 3
    reader = Reader(page(findings(folder, gray=("red.png",) * count), None))
    assert len(reader.sources) == MOST_SHOWN
    assert f"Gray images: {count}" in reader.titles and "... and 3 more" in reader.text


def test_the_bars_of_classes_are_in_proportion():
    found = page(findings(counts={"a": 4, "b": 1, "c": 0}), None)
    assert re.findall(r'style="width: (\d+)px', found) == ["300", "75", "0"]
    # And without a single image that can be read.
    assert re.findall(
        r'style="width: (\d+)px', page(findings(counts={"a": 0, "b": 0}), None)
    ) == ["0", "0"]


@pytest.mark.parametrize("wrong", [False, True])
def test_the_page_has_verdict_facts_and_notes(wrong):
    found = findings(notes=("x.txt is not an image",), bad=(("a", "b"),) if wrong else ())
    reader = Reader(page(found, None))
    assert (
        "Problems found: bad files: 1" if wrong else "No problems found."
    ) in reader.text
    assert reader.titles[-1] == "Notes" and "x.txt is not an image" in reader.text
    start = reader.text.index("class imbalance")
    assert reader.text[start + 1].startswith("the largest class has 2.0 times")


def test_names_on_a_page_are_only_text():
    evil = "<img src=x onerror=alert(1)> & 'x'.jpg"
    found = page(
        findings(Path(evil), counts={evil: 2, "b": 2}, bad=((evil, evil),), notes=(evil,)),
        None,
    )
    assert "<img" not in found
    assert Reader(found).text.count(evil) >= 5
