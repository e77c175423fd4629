"""A split is a repeatable, stratified partition that follows content, not names."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.split import SplitOptions, TooFewImages, split, subsample
from alexnet_cli.errors import DatasetError


def digests(count, salt=""):
    return [f"{salt}{i}" for i in range(count)]


sizes = st.lists(st.integers(4, 60), min_size=2, max_size=4)
seeds = st.integers(0, 5)


def labeled(counts):
    names = [f"c{i}" for i, n in enumerate(counts) for _ in range(n)]
    return names, digests(len(names))


@given(sizes, st.floats(0.05, 0.45), st.sampled_from((0.0, 0.1, 0.3)), seeds)
def test_every_class_gives_its_share(counts, val, test, seed):
    names, content = labeled(counts)
    parts = split(names, content, SplitOptions(val, test, seed=seed))
    for i, count in enumerate(counts):
        got = Counter(p for p, n in zip(parts, names, strict=True) if n == f"c{i}")
        assert got["val"] == max(1, round(val * count))
        assert got["test"] == (max(1, round(test * count)) if test else 0)
        assert got["train"] >= 1


@given(sizes, seeds, st.randoms(use_true_random=False))
def test_order_does_not_matter(counts, seed, random):
    names, content = labeled(counts)
    options = SplitOptions(0.2, 0.1, seed=seed)
    parts = dict(zip(content, split(names, content, options), strict=True))
    pairs = list(zip(names, content, strict=True))
    random.shuffle(pairs)
    names, content = zip(*pairs, strict=True)
    again = split(names, content, options)
    assert dict(zip(content, again, strict=True)) == parts


@given(st.integers(5, 80), seeds)
def test_one_more_image_moves_at_most_one_other(count, seed):
    content = digests(count)
    options = SplitOptions(0.2, seed=seed)
    before = split(["a"] * count, content, options)
    after = split(["a"] * (count + 1), [*content, "new"], options)
    assert sum(x != y for x, y in zip(before, after, strict=False)) <= 1


def test_copies_stay_together():
    content = [f"{i // 2}" for i in range(40)]
    parts = split(["a"] * 40, content, SplitOptions(0.25, 0.25))
    for i in range(0, 40, 2):
        assert parts[i] == parts[i + 1]
    assert Counter(parts) == {"train": 20, "val": 10, "test": 10}


def test_a_copy_under_another_class_stays_together():
    names = ["a"] * 10 + ["b"] * 10
    content = [*digests(10), *digests(1), *digests(9, "b")]
    for seed in range(20):
        parts = split(names, content, SplitOptions(0.3, seed=seed))
        assert parts[0] == parts[10]


def test_seeds_differ_and_are_the_same_everywhere():
    content = digests(50)
    one, two = (split(["a"] * 50, content, SplitOptions(0.2, seed=s)) for s in (0, 1))
    assert one != two
    # Written down from CPython 3.11 on Linux; SHA-256 is the same on every machine.
    assert [i for i, x in enumerate(one) if x == "val"] == EXPECTED


EXPECTED = [3, 15, 17, 19, 20, 22, 30, 33, 36, 49]


@pytest.mark.parametrize("content", [["x"], ["x", "x", "x"]])
def test_too_few_images_are_an_error_by_name(content):
    names = ["roses"] * len(content) + ["b"] * 5
    with pytest.raises(DatasetError) as error:
        split(names, content + digests(5), SplitOptions(0.2))
    assert str(error.value) == (
        "class 'roses' has 1 different image(s), too few for one in each part; "
        "add images, leave the class out with --classes or --drop-small-classes 2, "
        "or see --no-group-near"
    )


def test_all_classes_with_too_few_images_are_named_at_once():
    """Those that lack one for the test part, and those that then lack one to validate on."""
    counts = {"a": 1, "b": 2, "c": 9, "d": 2, "e'": 1}
    names = [x for x, n in counts.items() for _ in range(n)]
    with pytest.raises(TooFewImages) as error:
        split(names, digests(len(names)), SplitOptions(0.2, 0.2))
    assert error.value.counts == {"a": 1, "b": 2, "d": 2, "e'": 1}
    assert str(error.value) == (
        "4 classes have few different images: 'a' 1, 'b' 2, 'd' 2, \"e'\" 1, too few for one "
        "in each part; add images, leave the classes out with --classes or "
        "--drop-small-classes 3, or see --no-group-near"
    )
    with pytest.raises(TooFewImages) as error:
        split(names, digests(len(names)), SplitOptions(0.0, folds=3))
    assert set(error.value.counts) == {"a", "b", "d", "e'"}


def test_a_long_list_of_small_classes_is_cut_with_a_count():
    names = [f"{i:03}" for i in range(200)]
    with pytest.raises(TooFewImages) as error:
        split(names, digests(200), SplitOptions(0.2))
    assert str(error.value).startswith("200 classes have few different images: '000' 1, ")
    assert "'009' 1 and 190 more, too few" in str(error.value)


def test_three_parts_want_three_images():
    with pytest.raises(DatasetError, match="too few"):
        split(["a", "a"], ["x", "y"], SplitOptions(0.2, 0.2))


@given(sizes, st.integers(2, 4), seeds)
def test_folds_hold_every_image_once(counts, folds, seed):
    names, content = labeled(counts)
    held = Counter()
    for fold in range(1, folds + 1):
        parts = split(names, content, SplitOptions(0.0, fold=fold, folds=folds, seed=seed))
        mine = [c for c, p in zip(content, parts, strict=True) if p == "val"]
        held.update(mine)
        for i, count in enumerate(counts):
            size = sum(
                n == f"c{i}" and p == "val" for n, p in zip(names, parts, strict=True)
            )
            assert size in (count // folds, -(-count // folds))
    assert held == Counter(content)


def test_more_folds_than_images_are_an_error():
    with pytest.raises(DatasetError, match="too few"):
        split(["a"] * 3, digests(3), SplitOptions(0.0, folds=5))


@given(sizes, st.sampled_from((0.1, 0.3)), seeds)
def test_validation_never_reaches_into_test(counts, test, seed):
    """Another --val-fraction, or folds, leave the test part as it is."""
    names, content = labeled([x + 4 for x in counts])
    some = [
        SplitOptions(0.1, test, seed=seed),
        SplitOptions(0.4, test, seed=seed),
        SplitOptions(0.0, test, fold=2, folds=3, seed=seed),
    ]
    held = [
        {c for c, p in zip(content, split(names, content, x), strict=True) if p == "test"}
        for x in some
    ]
    assert held[0] == held[1] == held[2] and held[0]


@given(st.lists(st.integers(0, 9), min_size=30, max_size=60), st.integers(2, 3), seeds)
def test_groups_stay_together_in_folds_too(groups, folds, seed):
    content = [str(x) for x in (*groups, *range(10))]
    held = []
    for fold in range(1, folds + 1):
        options = SplitOptions(0.0, fold=fold, folds=folds, seed=seed)
        parts = split(["a"] * len(content), content, options)
        val = {c for c, p in zip(content, parts, strict=True) if p == "val"}
        assert not val & {c for c, p in zip(content, parts, strict=True) if p == "train"}
        held.append(val)
    assert set.union(*held) == set(content)
    assert sum(len(x) for x in held) == len(set(content))


@given(sizes, st.floats(0.05, 1.0))
def test_a_quick_look_keeps_the_strata(counts, fraction):
    names, content = labeled(counts)
    chosen = subsample(names, content, fraction)
    got = Counter(names[i] for i in chosen)
    assert got == {f"c{i}": max(2, round(fraction * n)) for i, n in enumerate(counts)}
    assert chosen == sorted(set(chosen))
    more = subsample([*names, "c0"], [*content, "new"], fraction)
    assert len(set(chosen) - set(more)) <= 1


def test_a_larger_fraction_keeps_what_a_smaller_one_chose():
    names, content = labeled([40, 25])
    chosen = [set(subsample(names, content, x)) for x in (0.1, 0.3, 0.7, 1.0)]
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3] == set(range(65))
