"""The search finds the groups and copies of all pairs, whatever it does not compare."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from alexnet_cli.dataset import near_search
from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import SIDE, SURE, fingerprint
from alexnet_cli.dataset.near_search import connected, find_copies, near_pairs
from alexnet_cli.dataset.synthetic import KINDS, draw_image

ORACLE = runpy.run_path(
    str(Path(__file__).parents[2] / "scripts" / "experiments" / "all_pairs.py")
)
all_pairs, best_correlation = ORACLE["all_pairs"], ORACLE["best_correlation"]


def ignored(done, count):
    assert 0 <= done <= count


@pytest.fixture(scope="module")
def images():
    kinds = list(KINDS)
    return [draw_image(kinds[i % 5], np.random.default_rng((7, i))) for i in range(30)]


def prints(images):
    return np.stack([fingerprint(x)[0] for x in images])


def scene(seed):
    """Gray levels [48, 48], smooth."""
    noise = np.random.default_rng(seed).integers(0, 256, (7, 7)).astype(np.uint8)
    return np.asarray(Image.fromarray(noise).resize((48, 48), Image.Resampling.BICUBIC))


@st.composite
def views(draw):
    """A fingerprint: a part of one of four scenes, moved, noisy, mirrored, or flat."""
    x, y = draw(st.integers(0, 12)), draw(st.integers(0, 1))
    part = scene(draw(st.integers(0, 3)))[y : y + SIDE, x : x + SIDE].astype(float)
    noise = draw(st.sampled_from([0, 0, 10, 60]))
    part = (
        part
        + np.random.default_rng(draw(st.integers(0, 9))).normal(0, 1, part.shape) * noise
    )
    part = part[:, ::-1] if draw(st.booleans()) else part
    return np.clip(part * draw(st.sampled_from([0, 0.6, 1, 1])), 0, 255).astype(np.uint8)


def tables(most):
    return st.lists(views(), max_size=most).map(
        lambda x: np.array(x, np.uint8).reshape(-1, SIDE, SIDE)
    )


def sure_enough(one, two):
    """Whether no correlation is so near the threshold that rounding decides."""
    pairs = list(itertools.product(range(len(one)), range(len(two))))
    if not pairs:
        return True
    i, j = np.array(pairs).T
    return abs(best_correlation(one[i], two[j]) - SURE).min() > 1e-5


@given(tables(12), st.sampled_from([1, 2, 3, 5, 512]), st.integers(1, 8))
def test_groups_are_those_of_all_pairs(table, tile, batch):
    assume(sure_enough(table, table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_search, "TILE", tile)
        patch.setattr(near_search, "BATCH", batch)
        found = near_pairs(table, ignored)
    count, pairs = len(table), list(all_pairs(table))
    assert connected(count, found.pairs) == connected(count, pairs)
    assert set(found.pairs) <= set(pairs) and list(found.pairs) == sorted(found.pairs)
    assert len(found.pairs) == count - len(set(connected(count, pairs)))
    assert found.compared == found.count == count * (count - 1) // 2


@given(tables(8), tables(8), st.sampled_from([1, 3, 512]))
def test_copies_are_those_of_all_pairs(first, second, tile):
    assume(sure_enough(first, second))
    names = [str(i) for i in range(16)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_search, "TILE", tile)
        found = find_copies(
            names[: len(first)], first, names[8:][: len(second)], second, ignored
        )
    expected = {}
    for i, j in all_pairs(second, first):
        expected.setdefault(i, j)
    assert found == expected


def test_the_scenes_have_pairs_chains_and_strangers():
    """What the two tests above would miss if all images were one group, or none."""
    table = np.stack([scene(i)[:SIDE, x : x + SIDE] for i in range(4) for x in range(13)])
    pairs = set(all_pairs(table))
    assert set(connected(len(table), pairs)) == {0, 13, 26, 39}
    assert (0, 1) in pairs and (0, 12) not in pairs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flower_photos", "caltech45"])
def test_real_photos_have_the_groups_of_all_pairs(shared, name):
    files = sorted((shared / name).glob("*/*.jpg"))[::2]
    images = [open_image(x).image for x in files]
    copies = [x.resize((x.width // 2, x.height // 2)) for x in images[::10]]
    one, two = prints(images), prints(copies)
    both = np.concatenate([one, two])
    found = near_pairs(both, ignored).pairs
    assert connected(len(both), found) == connected(len(both), all_pairs(both))
    assert len(found) >= len(copies)


def test_pairs_are_lower_first_and_in_order(images):
    table = prints([*images[:20], *images[:3]])
    assert near_pairs(table, ignored).pairs == ((0, 20), (1, 21), (2, 22))
    nothing = np.zeros((0, SIDE, SIDE), np.uint8)
    assert near_pairs(nothing, ignored) == near_search.NearPairs()


def test_frames_of_a_clip_are_compared_no_more_than_they_must(monkeypatch):
    """Once all are connected, no tile is looked at."""
    looked = []
    look = near_search.candidates
    monkeypatch.setattr(near_search, "candidates", lambda *x: looked.append(1) or look(*x))
    monkeypatch.setattr(near_search, "TILE", 4)
    monkeypatch.setattr(near_search, "BATCH", 8)
    frames = np.repeat(scene(0)[None, :SIDE, :SIDE], 64, axis=0)
    assert len(near_pairs(frames, ignored).pairs) == 63
    # 16 tiles of the diagonal and 15 beside it, in batches of 8; of 136 in all.
    assert 31 <= len(looked) <= 40


def test_progress_counts_pairs_of_images(images, monkeypatch):
    monkeypatch.setattr(near_search, "TILE", 7)
    monkeypatch.setattr(near_search, "BATCH", 2)
    calls = []
    near_pairs(prints(images), lambda *x: calls.append(x))
    assert calls == sorted(calls) and calls[-1] == (435, 435) and len(calls) == 8


def test_when_time_is_up_neighbors_were_compared(images, monkeypatch):
    monkeypatch.setattr(near_search, "TILE", 5)
    monkeypatch.setattr(near_search, "BATCH", 6)
    table = prints([*images[:4], images[3], *images[5:29], images[0]])
    # The clock is read for the end, and before each batch: 6 tiles of the diagonal.
    found = near_pairs(table, ignored, 1.5, clock=itertools.count().__next__)
    assert found.pairs == ((3, 4),)
    assert (found.compared, found.count) == (6 * 10, 435)
    assert near_pairs(table, ignored, 0).compared == 0
    assert near_pairs(table, ignored).pairs == ((0, 29), (3, 4))


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
    found = find_copies(
        digests, np.concatenate([table, flat]), others, other_prints, ignored
    )
    assert found == {0: 7, 1: 10, 2: 3}
    assert list(found) == [0, 1, 2]


def test_of_equal_images_the_first_is_the_original(images):
    table = prints([images[0], images[1], images[1]])
    assert find_copies(["a", "b", "b"], table, ["b"], table[1:2], ignored) == {0: 1}
    nothing = np.zeros((0, SIDE, SIDE), np.uint8)
    assert find_copies([], nothing, ["b"], table[1:2], ignored) == {}
