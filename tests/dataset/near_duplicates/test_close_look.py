"""The close look tells two products of one shape apart, and knows a changed copy."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates.close_look import Closeup, is_same
from alexnet_cli.dataset.near_duplicates.fingerprint import (
    Table,
    candidates,
    fingerprint,
    likeness,
)
from alexnet_cli.dataset.synthetic import KINDS, draw_image

EXPERIMENTS = Path(__file__).parents[3] / "scripts" / "experiments"


def experiment(name):
    """What a script of the experiments defines; they import each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXPERIMENTS)
        return runpy.run_path(str(EXPERIMENTS / name))


CATALOG, LABELS = experiment("drawn_catalog.py"), experiment("drawn_labels.py")
CHANGES = experiment("planted.py")["CHANGES"]
SLIGHT = [
    "resized 0.5", "resized 2", "quality 50", "flipped", "flipped, 0.6, quality 60",
    "cropped 2 %", "cropped 5 %", "brightness 0.75", "brightness 1.3", "contrast 0.8",
    "contrast 1.25", "margin 10 %, 0.6, quality 60", "margin 10 %, brightness 1.2",
    "cut on one side by 6 %",
]  # fmt: skip


def same(one, two, whole=True):
    return is_same(Closeup.of(one, whole), Closeup.of(two, whole))


@pytest.fixture(scope="module")
def images():
    kinds = list(KINDS)
    return [draw_image(kinds[i % 5], np.random.default_rng((9, i))) for i in range(10)]


@pytest.mark.parametrize("change", SLIGHT)
def test_a_changed_copy_is_the_same(images, change):
    whole = "margin" not in change
    found = [same(x, CHANGES[change](x), whole) for x in images]
    assert sum(found) >= 9


@pytest.mark.parametrize("kind", CATALOG["KINDS"])
def test_products_of_one_shape_are_different(kind):
    products = [CATALOG["product"](kind, i) for i in range(8)]
    views = [Closeup.of(x, False) for x in products]
    pairs = [(i, j) for j in range(8) for i in range(j)]
    assert [x for x in pairs if is_same(views[x[0]], views[x[1]])] == []
    assert all(same(x, CHANGES["quality 75"](x)) for x in products)


@pytest.mark.parametrize("kind", LABELS["KINDS"])
def test_things_that_differ_in_what_they_show_are_different(kind):
    images = LABELS["things"](kind, 3)
    views = [Closeup.of(x) for x in images]
    assert not any(is_same(x, y) for x, y in itertools.combinations(views, 2))
    for change in ("quality 50", "flipped, 0.6, quality 60"):
        assert same(images[0], CHANGES[change](images[0]))


def test_another_letter_is_enough_to_differ():
    font = LABELS["font"](1, 20)
    for one, two in (("K 1834", "K 1884"), ("GRAPE", "GRAVE"), ("8.95", "3.95")):
        images = [Image.new("RGB", (320, 240), (200, 190, 170)) for _ in range(2)]
        for image, text in zip(images, (one, two), strict=True):
            ImageDraw.Draw(image).rectangle((60, 20, 240, 200), (70, 90, 120))
            ImageDraw.Draw(image).text((100, 90), text, (250, 250, 240), font)
        assert not same(*images)
        assert all(same(x, CHANGES["quality 50"](x)) for x in images)


def test_products_pass_the_looks_before():
    """What the test above would miss if the shapes were not alike at all."""
    prints = np.stack([fingerprint(CATALOG["product"]("shoe", i))[0] for i in range(8)])
    table = Table.of(prints)
    near = likeness(table.prints, table.prints, candidates(table, table))
    assert np.triu(near, 1).astype(bool).sum() > 20


def test_other_images_are_different(images):
    assert not any(same(x, y) for x, y in itertools.pairwise(images))


@pytest.mark.parametrize("size", [20, 40])
def test_a_label_is_enough_to_differ(images, size):
    for image in images[:4]:
        labeled = image.copy()
        box = (100, 120, 100 + 2 * size, 120 + size)
        ImageDraw.Draw(labeled).rectangle(box, (250, 250, 250), (10, 10, 10), 4)
        assert not same(image, labeled)


def test_a_color_is_enough_to_differ():
    board = CATALOG["product"]("board", 3)
    channels = board.split()
    for order in ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0)):
        other = Image.merge("RGB", [channels[i] for i in order])
        differs = np.abs(np.asarray(board, int) - np.asarray(other, int)).mean() > 20
        assert same(board, other) is not differs


def test_symmetric_products_are_tried_both_ways_round():
    bottle = CATALOG["product"]("bottle", 4)
    assert same(bottle, ImageOps.mirror(bottle))
    assert not same(bottle, ImageOps.mirror(CATALOG["product"]("bottle", 7)))


def test_of_a_gray_copy_detail_alone_decides():
    """A scene full of detail is one image; a product in gray may be another product."""
    levels = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    scene = Image.fromarray(levels).resize((256, 256), Image.Resampling.BICUBIC)
    toned = Image.merge(
        "RGB", [scene.convert("L").point(lambda v, k=k: v * k) for k in (1, 0.8, 0.6)]
    )
    for other in (scene.convert("L").convert("RGB"), toned):
        assert same(scene, other)
    shoe = CATALOG["product"]("shoe", 1)
    assert not same(shoe, shoe.convert("L").convert("RGB"))


def test_it_does_not_matter_which_comes_first(images):
    for image in images[:3]:
        for change in ("cropped 5 %", "cropped 10 %", "brightness 1.3"):
            one, two = Closeup.of(image), Closeup.of(CHANGES[change](image))
            assert is_same(one, two) == is_same(two, one)


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (90, 120, 40)])
def test_flat_images_are_the_same_only_in_one_color(color):
    flat = Image.new("RGB", (60, 40), color)
    assert same(flat, flat.resize((200, 200)))
    assert not same(flat, Image.new("RGB", (60, 40), (200, 40, 90)))


def test_a_closeup_has_one_size_whatever_the_image():
    sizes = {(1, 1): 128, (3, 500): 128, (128, 128): 128, (1000, 700): 256, (256, 256): 256}
    for size, side in sizes.items():
        found = Closeup.of(Image.new("RGB", size, (9, 8, 7)))
        assert found.pixels.shape == (128, 128, 3) and found.pixels.dtype == np.uint8
        assert found.fine.shape == (side, side, 3)
        assert (found.pixels == (9, 8, 7)).all() and (found.fine == (9, 8, 7)).all()


@pytest.mark.slow
def test_real_flowers_and_their_copies(shared):
    files = sorted((shared / "flower_photos").glob("*/*"))[::60]
    images = [open_image(x).image for x in files]
    for name in SLIGHT:
        whole = "margin" not in name
        share = np.mean([same(x, CHANGES[name](x), whole) for x in images])
        assert share >= 0.95, name
    assert sum(same(x, y) for x, y in itertools.pairwise(images)) == 0


def test_the_catalog_is_the_same_every_time():
    one, two = (CATALOG["product"]("disc", 5) for _ in range(2))
    assert one.tobytes() == two.tobytes() and one.size == (320, 320)
    assert len(CATALOG["products"]("disc", 2)) == 2
