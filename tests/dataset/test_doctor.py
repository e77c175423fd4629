"""The doctor names every problem of a folder, in one pass over its files."""

import dataclasses
import json
import re
import runpy
import shutil
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers import alexnet, encoded, photo
from PIL import Image

from alexnet_cli.dataset.doctor import EXTENSIONS, examine
from alexnet_cli.dataset.findings import Range
from alexnet_cli.dataset.formats.identify import FORMATS
from alexnet_cli.dataset.synthetic import draw_image
from alexnet_cli.errors import DatasetError


def save(file, *args, form="PNG", **options):
    """An image at `file`, whatever its name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(photo(*args), form, **options))


@pytest.fixture
def healthy(tmp_path):
    for k, kind in enumerate(("daisy", "fish")):
        (tmp_path / "d" / kind).mkdir(parents=True)
        for i in range(5):
            image = draw_image(kind, np.random.default_rng((k, i)))
            image.save(tmp_path / "d" / kind / f"{i}.jpg")
    return tmp_path / "d"


def test_a_healthy_folder_has_no_problems(healthy):
    found = examine(healthy)
    assert not found.wrong and found.counts == {"daisy": 5, "fish": 5}
    assert found.formats == {"JPEG": 10} and found.widths == (256, 256, 256)
    result = alexnet("doctor", healthy)
    assert result.exit_code == 0 and result.stdout.endswith("No problems found.\n")


def test_every_problem_is_named(healthy, tmp_path):
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
    found = examine(healthy)
    assert found.bad == (("daisy/bad.jpg", "is not an image in a known format"),)
    assert found.equal == (
        ("daisy/0.jpg", "daisy/same.jpg"),
        ("daisy/1.jpg", "fish/other_label.jpg"),
    )
    copies = {"fish/2.jpg", "fish/smaller.jpg", "daisy/mirrored.png"}
    assert {x for pair in found.near for x in pair if copies & {*pair}} == copies
    assert ("daisy/1.jpg", "fish/other_label.jpg") in found.two_labels
    assert any("daisy/mirrored.png" in x for x in found.two_labels)
    assert found.turned == ("fish/turned.jpg",)
    assert found.wrong_ending == (("fish/wrong.png", "JPEG"),)
    assert found.tiny == (("fish/tiny_gray.png", "40 x 40"),)
    assert found.gray == ("fish/tiny_gray.png",)
    assert found.wrong
    result = alexnet("doctor", healthy)
    assert result.exit_code == 3 and "class 'alone' has 1 different image" in result.stderr
    for text in (
        "under two labels",
        "Bad files",
        "classes with fewer than 2 images: alone, too little to train on",
    ):
        assert text in result.stdout


def test_overlap_with_another_folder(healthy, tmp_path):
    other = tmp_path / "Test_set"
    shutil.copytree(healthy / "fish", other / "fish")
    for file in sorted((other / "fish").iterdir())[1:]:
        file.unlink()
    draw_image("star", np.random.default_rng(5)).save(other / "fish" / "new.jpg")
    with Image.open(healthy / "daisy" / "4.jpg") as image:
        image.resize((200, 200)).save(other / "fish" / "resized.jpg", quality=60)
    found = examine(healthy, other)
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
    found = examine(tmp_path / "p")
    assert found.two_parts == (("train/fish/1.jpg", "val/fish/x.jpg"),)


def test_the_test_part_may_be_what_the_others_are_compared_with(healthy, tmp_path):
    shutil.copytree(healthy, tmp_path / "p" / "train")
    test = tmp_path / "p" / "test"
    for k, kind in enumerate(("daisy", "fish")):
        (test / kind).mkdir(parents=True)
        draw_image(kind, np.random.default_rng((k, 9))).save(test / kind / "9.jpg")
    assert not examine(tmp_path / "p", test).overlap
    shutil.copy(healthy / "fish" / "1.jpg", test / "fish" / "copy.jpg")
    assert examine(tmp_path / "p", test).overlap == (("fish/copy.jpg", "train/fish/1.jpg"),)


def test_a_folder_is_read_once(healthy):
    progress = []

    @contextmanager
    def counting(what):
        yield lambda *x: progress.append((what, *x))

    examine(healthy, healthy, counting)
    examined = [("examining", i, 10) for i in range(1, 11)]
    found = ("finding near duplicates", 45, 45), ("finding copies", 10, 10)
    assert progress == [*examined, found[0], *examined, found[1]]


def test_an_equal_file_hides_no_near_one(healthy):
    """The copy of a file may be what is most like a third."""
    shutil.copy(healthy / "fish" / "3.jpg", healthy / "daisy" / "copy.jpg")
    with Image.open(healthy / "fish" / "3.jpg") as image:
        image.resize((200, 200)).save(healthy / "daisy" / "small.jpg")
        image.resize((180, 180)).save(healthy / "fish" / "small.jpg")
    found = examine(healthy)
    assert found.equal == (("daisy/copy.jpg", "fish/3.jpg"),)
    # The fewest pairs that connect three images.
    assert len(found.near) == 2
    assert {x for pair in found.near for x in pair} == {
        "daisy/copy.jpg", "daisy/small.jpg", "fish/small.jpg",
    }  # fmt: skip
    assert len(found.two_labels) == 2


def test_sizes_are_smallest_median_and_largest(tmp_path):
    for i, size in enumerate([(100, 200), (300, 100), (120, 120)]):
        save(tmp_path / "ab"[i % 2] / f"{i}.png", size, i)
    found = examine(tmp_path)
    assert found.widths == Range(100, 120, 300) and found.heights == Range(100, 120, 200)
    assert found.aspects == Range(0.5, 1.0, 3.0)
    assert all(type(x) is int for x in (*found.widths, *found.heights))
    data = json.loads(json.dumps(dataclasses.asdict(found), default=str))
    assert data["widths"] == [100, 120, 300] and data["bad"] == []


def test_counts_are_of_readable_images(tmp_path):
    for i in range(4):
        save(tmp_path / "a" / f"{i}.png", (80, 80), i)
    save(tmp_path / "b" / "0.png", (80, 80), 9)
    for i in range(3):
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / f"{i}.png").write_bytes(b"x")
    found = examine(tmp_path)
    assert found.counts == {"a": 4, "b": 1, "c": 0}
    assert found.imbalance == 4.0 and found.wrong
    assert [x for x, _ in found.bad] == ["c/0.png", "c/1.png", "c/2.png"]


def test_a_folder_of_bad_files_alone_is_examined(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jpg").write_bytes(b"x")
    found = examine(tmp_path, tmp_path)
    assert found.counts == {"a": 0, "b": 0} and found.formats == {}
    assert found.widths == Range(0, 0, 0)
    # They are equal bytes; but what cannot be read is no duplicate.
    assert found.equal == found.near == found.overlap == ()


@pytest.mark.parametrize(
    "name,form,fits",
    [
        ("a.JPG", "JPEG", True), ("a.jfif", "JPEG", True), ("a.png", "JPEG", False),
        ("a", "PNG", False), ("a.gif", "WEBP", False), ("a.tiff", "TIFF", True),
        ("a.anything", "PCX", True),
    ],
)  # fmt: skip
def test_extensions_are_those_of_the_format(tmp_path, name, form, fits):
    save(tmp_path / "a" / name, form=form)
    save(tmp_path / "b" / "x.bmp", form="BMP")
    found = examine(tmp_path)
    assert found.formats == {form: 1, "BMP": 1}
    assert found.wrong_ending == (() if fits else ((f"a/{name}", form),))
    assert found.wrong  # one image of a class is too few; the extension is harmless


def test_extensions_belong_to_formats_that_are_read():
    assert set(EXTENSIONS) <= {*FORMATS, "MPO", "HEIF"}
    assert all(x == x.lower() and x[0] == "." for y in EXTENSIONS.values() for x in y)


def test_equal_files_are_paired_with_the_first_of_them(tmp_path):
    for name in ("a/2.png", "a/1.png", "b/3.png"):
        save(tmp_path / name, (90, 90))
    found = examine(tmp_path)
    assert found.equal == (("a/1.png", "a/2.png"), ("a/1.png", "b/3.png"))
    assert found.near == () and found.two_labels == (("a/1.png", "b/3.png"),)


def test_an_overlap_names_the_first_copy_of_each(healthy, tmp_path):
    shutil.copy(healthy / "fish" / "1.jpg", healthy / "fish" / "again.jpg")
    save(tmp_path / "other" / "x" / "new.png", (256, 256), 7)
    shutil.copy(healthy / "fish" / "1.jpg", tmp_path / "other" / "x" / "copy.jpg")
    found = examine(healthy, tmp_path / "other")
    assert found.overlap == (("x/copy.jpg", "fish/1.jpg"),)


def test_notes_of_all_parts_are_kept(healthy, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(healthy, tmp_path / "p" / part)
        (tmp_path / "p" / part / "fish" / f"{part}.txt").write_text("x")
    found = examine(tmp_path / "p")
    assert found.notes == (
        "left out: 'train/fish/train.txt', 'test/fish/test.txt': not an image by its "
        "extension; rename to use",
    )
    assert found.counts == {"daisy": 10, "fish": 10} and len(found.two_parts) == 10


def test_links_to_nothing_are_bad_files(healthy):
    for i in range(12):
        (healthy / "fish" / f"x{i}.jpg").symlink_to(f"/mnt/gone/{i}.jpg")
    (healthy / "fish" / "loop.jpg").symlink_to("loop.jpg")
    found = examine(healthy)
    assert len(found.bad) == 13 and found.wrong and all(reason for _, reason in found.bad)
    result = alexnet("doctor", healthy)
    assert result.exit_code == 1 and "Problems found: bad files: 13" in result.stdout


def test_a_file_linked_into_two_classes_is_under_two_labels(healthy):
    (healthy / "daisy" / "soft.jpg").symlink_to(healthy / "fish" / "1.jpg")
    (healthy / "daisy" / "hard.jpg").hardlink_to(healthy / "fish" / "2.jpg")
    found = examine(healthy)
    pairs = {tuple(sorted(x)) for x in found.two_labels}
    assert pairs == {("daisy/soft.jpg", "fish/1.jpg"), ("daisy/hard.jpg", "fish/2.jpg")}


def test_class_names_that_are_easily_confused_are_a_problem(healthy, tmp_path):
    (healthy / "daisy").rename(healthy / "Fish\u00a0")
    found = examine(healthy)
    assert found.confusable == (("Fish\u00a0", "fish"),) and found.wrong
    report = tmp_path / "doctor.html"
    result = alexnet("doctor", healthy, "--report", report)
    assert result.exit_code == 1
    assert result.stdout.endswith("Problems found: confusable class names: 1\n")
    assert r"  'Fish\xa0'  'fish'" in result.stdout and r"  'Fish\xa0'  5" in result.stdout
    assert r"Fish\xa0" in report.read_text("utf-8")
    again = alexnet("doctor", healthy, "--json")
    assert json.loads(again.stdout)["confusable"] == [["Fish\u00a0", "fish"]]


def test_one_class_is_refused_as_in_train(healthy):
    shutil.rmtree(healthy / "daisy")
    result = alexnet("doctor", healthy)
    assert result.exit_code == 3 and "has only one class, 'fish'" in result.stderr


def test_a_folder_without_class_folders_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="has no class folders with images"):
        examine(tmp_path)


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


def test_near_duplicates_alone_are_a_remark(healthy):
    with Image.open(healthy / "fish" / "2.jpg") as image:
        image.resize((200, 200)).save(healthy / "fish" / "smaller.jpg", quality=80)
    found = examine(healthy)
    assert found.near == (("fish/2.jpg", "fish/smaller.jpg"),) and not found.wrong
    result = alexnet("doctor", healthy)
    assert result.exit_code == 0 and "fish/2.jpg  fish/smaller.jpg" in result.stdout
    assert result.stdout.endswith("\nNo problems found; near duplicates: 1.\n")
    data = json.loads(alexnet("doctor", healthy, "--json").stdout)
    assert data["wrong"] is False and len(data["near"]) == 1


def near_copy(file, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(file) as image:
        image.resize((200, 200)).save(place, quality=80)


def equal_copy(file, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)


@pytest.mark.parametrize("copy", [near_copy, equal_copy])
def test_one_image_in_two_places_is_a_failure(healthy, tmp_path, copy):
    """Under two labels, in two parts, and in the folder that tests."""
    shutil.copytree(healthy, tmp_path / "labels")
    copy(healthy / "fish" / "1.jpg", tmp_path / "labels" / "daisy" / "x.jpg")
    found = examine(tmp_path / "labels")
    assert found.two_labels == (("daisy/x.jpg", "fish/1.jpg"),) and found.wrong
    shutil.copytree(healthy, tmp_path / "parts" / "train")
    copy(healthy / "fish" / "1.jpg", tmp_path / "parts" / "test" / "fish" / "x.jpg")
    found = examine(tmp_path / "parts")
    assert {frozenset(x) for x in found.two_parts} == {
        frozenset(("train/fish/1.jpg", "test/fish/x.jpg"))
    }
    assert found.wrong
    copy(healthy / "fish" / "1.jpg", tmp_path / "other" / "fish" / "x.jpg")
    found = examine(healthy, tmp_path / "other")
    assert found.overlap == (("fish/x.jpg", "fish/1.jpg"),) and found.wrong


def test_products_of_one_shape_are_no_problem(tmp_path):
    """Shoes in many colors: none is another's near duplicate, nor under two labels."""
    scripts = Path(__file__).parents[2] / "scripts" / "experiments"
    product = runpy.run_path(str(scripts / "drawn_catalog.py"))["product"]
    for i in range(10):
        file = tmp_path / "d" / ("boots", "shoes")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        product("shoe", i).save(file)
    found = examine(tmp_path / "d")
    assert found.near == found.two_labels == () and not found.wrong
    near_copy(tmp_path / "d" / "boots" / "4.png", tmp_path / "d" / "shoes" / "copy.jpg")
    assert examine(tmp_path / "d").two_labels == (("boots/4.png", "shoes/copy.jpg"),)


@pytest.mark.slow
def test_the_real_flowers_have_one_image_under_two_labels(shared):
    found = examine(shared / "flower_photos")
    name = "15922772266_1167a06620.jpg"
    assert found.two_labels == ((f"roses/{name}", f"tulips/{name}"),)
    assert len(found.near) >= 9 and not found.bad
