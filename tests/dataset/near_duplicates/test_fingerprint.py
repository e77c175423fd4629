"""Copies are found whatever was done to them; other images of the same thing are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import fingerprint as near_duplicates
from alexnet_cli.dataset.near_duplicates.fingerprint import (
    SIDE,
    Table,
    alignment,
    candidates,
    fingerprint,
    likeness,
)
from alexnet_cli.dataset.synthetic import KINDS, draw_image


@pytest.fixture(scope="module")
def images():
    kinds = list(KINDS)
    return [draw_image(kinds[i % 5], np.random.default_rng((7, i))) for i in range(60)]


def prints(images):
    """Fingerprints [N, 32, 32] of the whole images."""
    return np.stack([fingerprint(x)[0][0] for x in images])


def table_of(prints):
    """The table of images without margins."""
    return Table.of(np.stack([prints, prints], axis=1))


def near_pairs(one, two):
    """All pairs (i, j) of two sets that pass both looks."""
    alike = candidates(table_of(one), table_of(two))
    return {tuple(x) for x in np.argwhere(likeness(one, two, alike)).tolist()}


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
    found = near_pairs(prints(images), prints(changed))
    assert sum((i, i) in found for i in range(60)) >= (48 if "cut" in change else 57)
    assert all(i == j for i, j in found)


def test_different_images_are_not_pairs(images):
    assert near_pairs(prints(images), prints(images)) == {(i, i) for i in range(60)}


@pytest.mark.slow
def test_real_flowers_with_planted_copies(shared):
    files = sorted((shared / "flower_photos").glob("*/*"))[::20]
    images = [open_image(x).image for x in files]
    table = prints(images)
    for name, change in CHANGES.items():
        found = near_pairs(table, prints([change(x) for x in images]))
        share = sum((i, i) in found for i in range(len(files))) / len(files)
        assert share >= (0.8 if "cut" in name else 0.95), name


def test_flat_images_are_like_nothing():
    table = np.full((5, SIDE, SIDE), 80, np.uint8)
    assert near_pairs(table, table) == set()
    ramp = np.broadcast_to(np.arange(SIDE, dtype=np.uint8) * 8, (5, SIDE, SIDE))
    assert near_pairs(ramp, ramp) == near_pairs(ramp, table) == set()
    nothing = np.zeros((0, SIDE, SIDE), np.uint8)
    assert near_pairs(nothing, table) == near_pairs(table, nothing) == set()


def test_only_pairs_that_passed_the_first_look_have_the_second(images):
    table = prints(images[:5])
    alike = np.eye(5, dtype=bool)
    alike[1, 1], alike[0, 3] = False, True
    assert likeness(table, table, alike).nonzero()[0].tolist() == [0, 2, 3, 4]


def test_it_does_not_matter_which_set_comes_first(images):
    one = prints(images[:20])
    two = prints([cropped(x, 0.04) for x in images[10:30]])
    forward, backward = near_pairs(one, two), near_pairs(two, one)
    assert len(forward) >= 5
    assert forward == {(j, i) for i, j in backward}


def centered(print_):
    """The 16 x 16 tiles of a fingerprint less the means of their rows and columns."""
    tiles = print_.astype(float).reshape(16, 2, 16, 2).mean(axis=(1, 3))
    return (
        tiles - tiles.mean(0, keepdims=True) - tiles.mean(1, keepdims=True) + tiles.mean()
    )


def test_an_alignment_is_at_least_the_plain_correlation(images):
    table = prints(images)
    found = alignment(table, table[:20])
    assert found.shape == (60, 20)
    for (i, j), score in np.ndenumerate(found):
        one, two = table[i], table[j]
        plain = np.corrcoef(centered(one).ravel(), centered(two).ravel())[0, 1]
        mirrored = np.corrcoef(centered(one[:, ::-1]).ravel(), centered(two).ravel())[0, 1]
        assert score >= max(plain, mirrored) - 1e-5
    np.testing.assert_allclose(np.diag(alignment(table, table)), 1, atol=1e-5)
    mirrored = alignment(table, table[:, :, ::-1])
    np.testing.assert_allclose(np.diag(mirrored), 1, atol=1e-5)


@pytest.mark.parametrize("cut", near_duplicates.CUTS)
def test_windows_are_weighted_means_of_what_is_left(cut):
    window = near_duplicates._window(cut, 16)
    np.testing.assert_allclose(window.sum(axis=1), 1, rtol=1e-6)
    assert window.min() >= 0
    # The mean of a ramp is that of its middle, wherever edges are cut alike.
    np.testing.assert_allclose((window @ np.arange(SIDE)).mean(), (SIDE - 1) / 2, rtol=1e-6)
    first = np.arange(SIDE) + 1 <= SIDE * cut
    assert not window[:, first].any() and not window[:, first[::-1]].any()


def test_a_fingerprint_is_the_gray_average(images):
    small = images[0].resize((SIDE * 4, SIDE * 4))
    found, gray = fingerprint(small)
    luma = np.asarray(small.convert("L"), float).reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))
    assert found.shape == (2, SIDE, SIDE) and found.dtype == np.uint8 and not gray
    assert abs(found - luma).max() <= 2


def test_images_smaller_than_a_fingerprint_have_one():
    found, gray = fingerprint(Image.new("RGB", (1, 3), (90, 90, 90)))
    assert found.shape == (2, SIDE, SIDE) and (found == 90).all() and gray


def test_gray_differs_from_color(images):
    assert not any(fingerprint(x)[1] for x in images[:10])
    assert fingerprint(saved_again(images[0].convert("L").convert("RGB"), 70))[1]
