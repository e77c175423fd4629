"""The doctor names what is wrong, in one pass, and writes a page that stands alone."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from helpers import alexnet
from PIL import Image

from alexnet_cli.dataset.doctor import examine
from alexnet_cli.dataset.synthetic import draw_image


def none(done, count):
    assert 0 < done <= count


@pytest.fixture
def healthy(tmp_path):
    for k, kind in enumerate(("daisy", "fish")):
        (tmp_path / "d" / kind).mkdir(parents=True)
        for i in range(5):
            image = draw_image(kind, np.random.default_rng((k, i)))
            image.save(tmp_path / "d" / kind / f"{i}.jpg")
    return tmp_path / "d"


def test_nothing_is_wrong_with_a_healthy_folder(healthy):
    found = examine(healthy, None, none)
    assert not found.wrong and found.counts == {"daisy": 5, "fish": 5}
    assert found.formats == {"JPEG": 10} and found.widths == (256, 256, 256)
    result = alexnet("doctor", healthy)
    assert result.exit_code == 0 and result.stdout.endswith("Nothing is wrong.\n")


def test_everything_that_is_wrong_is_named(healthy, tmp_path):
    daisy, fish = healthy / "daisy", healthy / "fish"
    (daisy / "bad.jpg").write_bytes(b"no image")
    shutil.copy(daisy / "0.jpg", daisy / "same.jpg")
    shutil.copy(daisy / "1.jpg", fish / "other_label.jpg")
    with Image.open(fish / "2.jpg") as image:
        image.resize((180, 180)).save(fish / "smaller.jpg")
        image.transpose(0).save(daisy / "mirrored.png")
        image.resize((40, 40)).convert("L").save(fish / "tiny_gray.png")
    with Image.open(fish / "3.jpg") as image:
        exif = Image.Exif()
        exif[0x0112] = 6
        image.crop((0, 0, 128, 256)).save(fish / "turned.jpg", exif=exif)
        image.crop((100, 0, 256, 120)).save(fish / "wrong.png", "JPEG")
    (healthy / "alone").mkdir()
    draw_image("star", np.random.default_rng(1)).save(healthy / "alone" / "1.png")
    found = examine(healthy, None, none)
    assert found.bad == (("daisy/bad.jpg", "is not an image in a known format"),)
    assert found.equal == (
        ("daisy/0.jpg", "daisy/same.jpg"),
        ("daisy/1.jpg", "fish/other_label.jpg"),
    )
    assert ("fish/2.jpg", "fish/smaller.jpg") in found.near
    assert set(found.two_labels) >= {
        ("daisy/1.jpg", "fish/other_label.jpg"), ("daisy/mirrored.png", "fish/2.jpg"),
    }  # fmt: skip
    assert found.turned == ("fish/turned.jpg",)
    assert found.wrong_ending == (("fish/wrong.png", "JPEG"),)
    assert found.tiny == (("fish/tiny_gray.png", "40 x 40"),)
    assert found.gray == ("fish/tiny_gray.png",)
    assert found.wrong
    result = alexnet("doctor", healthy)
    assert result.exit_code == 1
    for text in ("under two labels", "Bad files", "fewer than 2 images of alone"):
        assert text in result.stdout


def test_overlap_with_another_folder(healthy, tmp_path):
    other = tmp_path / "Test_set"
    shutil.copytree(healthy / "fish", other / "fish")
    for file in sorted((other / "fish").iterdir())[1:]:
        file.unlink()
    draw_image("star", np.random.default_rng(5)).save(other / "fish" / "new.jpg")
    with Image.open(healthy / "daisy" / "4.jpg") as image:
        image.resize((200, 200)).save(other / "fish" / "resized.jpg", quality=60)
    found = examine(healthy, other, none)
    assert found.overlap == (
        ("fish/0.jpg", "fish/0.jpg"),
        ("fish/resized.jpg", "daisy/4.jpg"),
    )
    result = alexnet("doctor", healthy, "--against", other, "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["wrong"] and data["overlap"][0] == ["fish/0.jpg", "fish/0.jpg"]


def test_the_same_image_in_two_parts(healthy, tmp_path):
    shutil.copytree(healthy, tmp_path / "p" / "train")
    (tmp_path / "p" / "val" / "fish").mkdir(parents=True)
    shutil.copy(healthy / "fish" / "1.jpg", tmp_path / "p" / "val" / "fish" / "x.jpg")
    found = examine(tmp_path / "p", None, none)
    assert found.two_parts == (("train/fish/1.jpg", "val/fish/x.jpg"),)


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [v for k, v in attrs if k in ("src", "href")]
        assert tag != "script"

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_stands_alone_and_escapes_names(healthy, tmp_path):
    evil = "<img src=x onerror=alert(1)> & 'x'.jpg"
    shutil.copy(healthy / "fish" / "1.jpg", healthy / "daisy" / evil)
    (healthy / "daisy" / "bad\n\udcff.jpg").write_bytes(b"x")
    report = tmp_path / "doctor.html"
    assert alexnet("doctor", healthy, "--report", report).exit_code == 1
    page = Page()
    page.feed(report.read_text("utf-8"))
    assert page.sources and all(
        x.startswith("data:image/jpeg;base64,") for x in page.sources
    )
    assert not re.search(r"https?://", report.read_text())
    assert any(evil in x for x in page.text)
    assert any("bad\\n\\xff.jpg" in x for x in page.text)


def test_the_real_flowers_have_one_image_under_two_labels(shared):
    found = examine(shared / "flower_photos", None, none)
    name = "15922772266_1167a06620.jpg"
    assert found.two_labels == ((f"roses/{name}", f"tulips/{name}"),)
    assert len(found.near) >= 15 and not found.bad
