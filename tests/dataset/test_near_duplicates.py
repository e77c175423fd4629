"""Copies are found whatever was done to them; other images of the same thing are not."""

import io

import numpy as np
import pytest
from PIL import ImageOps

from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import (
    SIDE,
    connected,
    copies,
    fingerprint,
    near_pairs,
)
from alexnet_cli.dataset.synthetic import KINDS, draw_image


@pytest.fixture(scope="module")
def images():
    kinds = list(KINDS)
    return [draw_image(kinds[i % 5], np.random.default_rng((7, i))) for i in range(60)]


def prints(images):
    return np.stack([fingerprint(x)[0] for x in images])


def saved_again(image, quality):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return open_image(out.getvalue()).image


def cropped(image, share):
    w, h = image.size
    box = (
        round(w * share),
        round(h * share),
        round(w * (1 - share)),
        round(h * (1 - share)),
    )
    return image.crop(box)


CHANGES = {
    "half the size": lambda x: x.resize((x.width // 2, x.height // 2), 1),
    "twice the size": lambda x: x.resize((x.width * 2, x.height * 2), 3),
    "quality 50": lambda x: saved_again(x, 50),
    "quality 95": lambda x: saved_again(x, 95),
    "mirrored": ImageOps.mirror,
    "gray": lambda x: x.convert("L").convert("RGB"),
    "cut by 2 %": lambda x: cropped(x, 0.02),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(images, change):
    changed = [CHANGES[change](x) for x in images]
    found = set(near_pairs(prints(images), prints(changed)))
    assert sum((i, i) in found for i in range(60)) >= (48 if "cut" in change else 57)
    assert all(i == j for i, j in found)


def test_different_images_are_not_pairs(images):
    assert list(near_pairs(prints(images))) == []


@pytest.mark.slow
def test_real_flowers_with_planted_copies(shared):
    files = sorted((shared / "flower_photos").glob("*/*"))[::20]
    images = [open_image(x).image for x in files]
    table = prints(images)
    for name, change in CHANGES.items():
        found = set(near_pairs(table, prints([change(x) for x in images])))
        share = sum((i, i) in found for i in range(len(files))) / len(files)
        assert share >= (0.8 if "cut" in name else 0.95), name


def test_pairs_come_once_and_in_order(images):
    table = prints([*images[:20], *images[:3]])
    assert sorted(near_pairs(table)) == [(0, 20), (1, 21), (2, 22)]


def test_flat_images_are_like_nothing():
    table = np.full((5, SIDE, SIDE), 80, np.uint8)
    assert list(near_pairs(table)) == []
    ramp = np.broadcast_to(np.arange(SIDE, dtype=np.uint8) * 8, (5, SIDE, SIDE))
    assert list(near_pairs(np.ascontiguousarray(ramp))) == []
    assert list(near_pairs(np.zeros((0, SIDE, SIDE), np.uint8))) == []


def test_gray_is_told_from_color(images):
    assert not any(fingerprint(x)[1] for x in images[:10])
    assert fingerprint(saved_again(images[0].convert("L").convert("RGB"), 70))[1]


def test_connected_images_share_the_lowest_index():
    assert connected(6, [(4, 1), (4, 5), (2, 3)]) == [0, 1, 2, 2, 1, 1]


def test_copies_join_content_and_looks(images):
    table = prints(images[:10])
    flat = np.zeros((1, SIDE, SIDE), np.uint8)
    here, there = [*map(str, range(10)), "flat"], ["new", "flat", "3"]
    others = np.concatenate([table[7:8], flat, table[2:3]])
    assert copies(here, np.concatenate([table, flat]), there, others) == {0: 7, 1: 10, 2: 3}
