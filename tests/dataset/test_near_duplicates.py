"""Copies are found whatever was done to them; other images of the same thing are not."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from alexnet_cli.dataset import near_duplicates
from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import (
    SIDE,
    alignment,
    connected,
    find_copies,
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


def test_memory_is_bounded_without_another_result(images, monkeypatch):
    """Blocks of any size give the same pairs in the same order."""
    table = prints([*images[:20], *(ImageOps.mirror(x) for x in images[:20])])
    expected = list(near_pairs(table))
    assert len(expected) == 20
    for rows in (1, 7, 1000):
        monkeypatch.setattr(near_duplicates, "ROWS", rows)
        assert list(near_pairs(table)) == expected


def test_it_does_not_matter_which_set_comes_first(images):
    one = prints(images[:20])
    two = prints([cropped(x, 0.04) for x in images[10:30]])
    forward, backward = set(near_pairs(one, two)), set(near_pairs(two, one))
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
    found = alignment(table[:-1], table[1:])
    for score, one, two in zip(found, table[:-1], table[1:], strict=True):
        plain = np.corrcoef(centered(one).ravel(), centered(two).ravel())[0, 1]
        mirrored = np.corrcoef(centered(one[:, ::-1]).ravel(), centered(two).ravel())[0, 1]
        assert score >= max(plain, mirrored) - 1e-5
    np.testing.assert_allclose(alignment(table, table), 1, atol=1e-5)
    np.testing.assert_allclose(alignment(table, table[:, :, ::-1]), 1, atol=1e-5)


@pytest.mark.parametrize("cut", near_duplicates.CUTS)
def test_windows_are_weighted_means_of_what_is_left(cut):
    window = near_duplicates._window(cut)
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
    assert found.shape == (SIDE, SIDE) and found.dtype == np.uint8 and not gray
    assert abs(found - luma).max() <= 2


def test_images_smaller_than_a_fingerprint_have_one():
    found, gray = fingerprint(Image.new("RGB", (1, 3), (90, 90, 90)))
    assert found.shape == (SIDE, SIDE) and (found == 90).all() and gray


def test_gray_differs_from_color(images):
    assert not any(fingerprint(x)[1] for x in images[:10])
    assert fingerprint(saved_again(images[0].convert("L").convert("RGB"), 70))[1]


def test_connected_images_share_the_lowest_index():
    assert connected(6, [(4, 1), (4, 5), (2, 3)]) == [0, 1, 2, 2, 1, 1]
    assert connected(0, []) == []


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 12))
    index = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(index, index)))


@given(graphs())
def test_connections_are_those_of_a_matrix(graph):
    """Powers of the matrix of neighbors say what can be reached."""
    count, pairs = graph
    neighbors = np.eye(count, dtype=bool)
    for i, j in pairs:
        neighbors[i, j] = neighbors[j, i] = True
    reached = np.linalg.matrix_power(neighbors.astype(object), count) > 0
    assert connected(count, iter(pairs)) == [int(np.flatnonzero(x)[0]) for x in reached]


def test_copies_are_of_equal_content_or_of_equal_looks(images):
    table = prints(images[:10])
    flat = np.zeros((1, SIDE, SIDE), np.uint8)
    digests, others = [*map(str, range(10)), "flat"], ["new", "flat", "3"]
    other_prints = np.concatenate([table[7:8], flat, table[2:3]])
    found = find_copies(digests, np.concatenate([table, flat]), others, other_prints)
    assert found == {0: 7, 1: 10, 2: 3}
    assert list(found) == [0, 1, 2]


def test_of_equal_images_the_first_is_the_original(images):
    table = prints([images[0], images[1], images[1]])
    assert find_copies(["a", "b", "b"], table, ["b"], table[1:2]) == {0: 1}
    nothing = np.zeros((0, SIDE, SIDE), np.uint8)
    assert find_copies([], nothing, ["b"], table[1:2]) == {}
