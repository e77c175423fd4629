"""The search finds the groups and copies of all pairs, whatever it does not compare."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from alexnet_cli.dataset.images import open_image
from alexnet_cli.dataset.near_duplicates import search as near_search
from alexnet_cli.dataset.near_duplicates.closeups import TRIES, ImageSet
from alexnet_cli.dataset.near_duplicates.fingerprint import SIDE, SURE, fingerprint
from alexnet_cli.dataset.near_duplicates.groups import connected
from alexnet_cli.dataset.near_duplicates.search import find_copies, near_pairs
from alexnet_cli.dataset.synthetic import KINDS, draw_image
from alexnet_cli.errors import ImageError

ORACLE = runpy.run_path(
    str(Path(__file__).parents[3] / "scripts" / "experiments" / "all_pairs.py")
)
all_pairs, best_correlation = ORACLE["all_pairs"], ORACLE["best_correlation"]


def ignored(done, count):
    assert 0 <= done <= count


@pytest.fixture(scope="module")
def images():
    kinds = list(KINDS)
    return [draw_image(kinds[i % 5], np.random.default_rng((7, i))) for i in range(30)]


def drawn(images, names=None):
    """The set of some images."""
    prints = np.array([fingerprint(x)[0] for x in images], np.uint8)
    return ImageSet(prints.reshape(-1, 2, SIDE, SIDE), images.__getitem__, names or [])


def bare(table, names=None):
    """The set of images without margins that have fingerprints [N, 32, 32], unread."""

    def never(index):
        raise AssertionError(f"{index} was read")

    return ImageSet(np.stack([table, table], axis=1), never, names or [])


class Looks:
    """Instead of a close look, a rule for two indices."""

    def __init__(self, rule=lambda i, j: True):
        self.rule, self.looked = rule, []

    def __call__(self, one, two):
        return self

    def same(self, pairs):
        self.looked += pairs
        return [self.rule(x[0], y[0]) for x, y in pairs]


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


@given(
    tables(12),
    st.sampled_from([1, 2, 3, 5, 512]),
    st.integers(1, 8),
    st.sampled_from([1, 2, 3, 100]),
)
def test_groups_are_those_of_all_pairs(table, tile, batch, kinds):
    """Of those that look alike and, closely, are of one kind."""
    assume(sure_enough(table, table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_search, "TILE", tile)
        patch.setattr(near_search, "BATCH", batch)
        patch.setattr(near_search, "Closeups", Looks(lambda i, j: (i + j) % kinds == 0))
        found = near_pairs(bare(table), ignored)
    count = len(table)
    pairs = [(i, j) for i, j in all_pairs(table) if (i + j) % kinds == 0]
    assert connected(count, found.pairs) == connected(count, pairs)
    assert set(found.pairs) <= set(pairs) and list(found.pairs) == sorted(found.pairs)
    assert len(found.pairs) == count - len(set(connected(count, pairs)))
    assert found.compared == found.count == count * (count - 1) // 2


@given(tables(8), tables(8), st.sampled_from([1, 3, 512]), st.sampled_from([1, 2, 100]))
def test_copies_are_those_of_all_pairs(first, second, tile, kinds):
    assume(sure_enough(first, second))
    names = [str(i) for i in range(16)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_search, "TILE", tile)
        patch.setattr(near_search, "Closeups", Looks(lambda i, j: (i + j) % kinds == 0))
        here = bare(first, names[: len(first)])
        found = find_copies(here, bare(second, names[8:][: len(second)]), ignored)
    expected = {}
    for i, j in all_pairs(second, first):
        if (i + j) % kinds == 0:
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
def test_real_photos_have_the_groups_of_all_pairs(shared, name, monkeypatch):
    monkeypatch.setattr(near_search, "Closeups", Looks())
    files = sorted((shared / name).glob("*/*.jpg"))[::2]
    images = [open_image(x).image for x in files]
    copies = [x.resize((x.width // 2, x.height // 2)) for x in images[::10]]
    both = np.stack([fingerprint(x)[0][0] for x in [*images, *copies]])
    found = near_pairs(bare(both), ignored).pairs
    assert connected(len(both), found) == connected(len(both), all_pairs(both))
    assert len(found) >= len(copies)


def test_pairs_are_lower_first_and_in_order(images):
    table = drawn([*images[:20], *images[:3]])
    assert near_pairs(table, ignored).pairs == ((0, 20), (1, 21), (2, 22))
    assert near_pairs(drawn([]), ignored) == near_search.NearPairs()


def test_a_copy_on_white_paper_is_found_by_what_its_margins_leave(images):
    paper = [ImageOps.expand(x, 60, "white") for x in images[:6]]
    table = drawn([*images[:6], *paper])
    views = (table.prints[:, 0] != table.prints[:, 1]).any(axis=(1, 2))
    assert views.tolist() == [False] * 6 + [True] * 6
    found = near_pairs(table, ignored)
    assert found.pairs == tuple((i, i + 6) for i in range(6))
    # Pairs of views: twelve images and six without their margins.
    assert found.compared == found.count == 18 * 17 // 2
    here, other = drawn(images[:6], [*"abcdef"]), drawn(paper, [*"uvwxyz"])
    assert find_copies(here, other, ignored) == {i: i for i in range(6)}
    assert find_copies(other, here, ignored) == {i: i for i in range(6)}


def test_the_order_of_files_changes_no_group(images):
    mixed = [*images[:9], *(x.resize((200, 200)) for x in images[:9:2]), images[3]]
    order = np.random.default_rng(0).permutation(len(mixed)).tolist()
    pairs = near_pairs(drawn(mixed), ignored).pairs
    again = near_pairs(drawn([mixed[i] for i in order]), ignored).pairs
    groups = {frozenset(x) for x in pairs}
    assert {frozenset((order[i], order[j])) for i, j in again} == groups
    assert len(pairs) == 6


def test_an_image_that_can_no_longer_be_read_is_like_no_other(images):
    table = drawn([images[0], images[0], images[1], images[1]])

    def image(index):
        if index == 1:
            raise ImageError("does not exist")
        return table.image(index)

    found = near_pairs(ImageSet(table.prints, image), ignored)
    assert found.pairs == ((2, 3),)


def test_frames_of_a_clip_are_compared_no_more_than_they_must(monkeypatch):
    """Once all are connected, no tile is looked at, and no pair closely."""
    looked, closely = [], Looks()
    look = near_search.candidates
    monkeypatch.setattr(near_search, "candidates", lambda *x: looked.append(1) or look(*x))
    monkeypatch.setattr(near_search, "Closeups", closely)
    monkeypatch.setattr(near_search, "TILE", 4)
    monkeypatch.setattr(near_search, "BATCH", 8)
    frames = np.repeat(scene(0)[None, :SIDE, :SIDE], 64, axis=0)
    assert len(near_pairs(bare(frames), ignored).pairs) == 63
    # 16 tiles of the diagonal and 15 beside it, in batches of 8; of 136 in all.
    assert 31 <= len(looked) <= 40
    assert len(closely.looked) == 63


def test_products_of_one_shape_are_looked_at_a_bounded_number_of_times(monkeypatch):
    """After some refusals only at what looks more alike; a copy does."""
    closely = Looks(lambda i, j: {i, j} == {3, 390})
    monkeypatch.setattr(near_search, "Closeups", closely)
    rng, shape = np.random.default_rng(0), scene(0)[:SIDE, :SIDE]
    noise = rng.normal(0, 12, (400, SIDE, SIDE))
    table = np.clip(shape + noise, 0, 255).astype(np.uint8)
    table[390] = table[3]
    assert near_pairs(bare(table), ignored).pairs == ((3, 390),)
    count = len(table)
    assert len(closely.looked) < count * TRIES < count * (count - 1) / 4
    closely.looked.clear()
    found = find_copies(bare(table[:200]), bare(table[200:]), ignored)
    assert found == {} and len(closely.looked) < 200 * TRIES * 2


def test_progress_counts_pairs_of_images(images, monkeypatch):
    monkeypatch.setattr(near_search, "TILE", 7)
    monkeypatch.setattr(near_search, "BATCH", 2)
    calls = []
    near_pairs(drawn(images), lambda *x: calls.append(x))
    assert calls == sorted(calls) and calls[-1] == (435, 435) and len(calls) == 8


def test_when_time_is_up_neighbors_were_compared(images, monkeypatch):
    monkeypatch.setattr(near_search, "TILE", 5)
    monkeypatch.setattr(near_search, "BATCH", 6)
    table = drawn([*images[:4], images[3], *images[5:29], images[0]])
    calls = []
    found = near_pairs(table, lambda *x: calls.append(x), 1, clock=lambda: len(calls))
    # 6 tiles of the diagonal.
    assert found.pairs == ((3, 4),)
    assert (found.compared, found.count) == (6 * 10, 435)
    assert near_pairs(table, ignored, 0).compared == 0
    assert near_pairs(table, ignored).pairs == ((0, 29), (3, 4))


def test_a_tile_that_it_became_too_late_for_does_not_count(images, monkeypatch):
    monkeypatch.setattr(near_search, "TILE", 5)
    monkeypatch.setattr(near_search, "BATCH", 6)
    table = drawn([*images[:4], images[3], *images[5:30]])
    # The clock is read for the end, before the batch, and before the only close look.
    found = near_pairs(table, ignored, 1.5, clock=itertools.count().__next__)
    assert found.pairs == () and found.compared == 0


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
    flat = Image.new("RGB", (50, 50))
    here = drawn([*images[:10], flat], [*map(str, range(10)), "flat"])
    other = drawn([images[7], flat, images[2]], ["new", "flat", "3"])
    found = find_copies(here, other, ignored)
    assert found == {0: 7, 1: 10, 2: 3}
    assert list(found) == [0, 1, 2]


def test_of_equal_images_the_first_is_the_original(images):
    here = drawn([images[0], images[1], images[1]], ["a", "b", "b"])
    other = drawn([images[1]], ["b"])
    assert find_copies(here, other, ignored) == {0: 1}
    assert find_copies(drawn([]), other, ignored) == {}


def test_what_has_no_digest_is_no_copy():
    flat = drawn([Image.new("RGB", (50, 50))], [""])
    assert find_copies(flat, flat, ignored) == {}
