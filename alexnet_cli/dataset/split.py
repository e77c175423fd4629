"""Which images are trained on: stratified, and decided by content, never by file name."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError

TRAIN, VAL, TEST = "train", "val", "test"


@dataclass(frozen=True)
class SplitOptions:
    """How images are split; fractions (0..1) are of every class."""

    val_fraction: float
    test_fraction: float = 0.0
    fold: int = 1
    """The one of `folds` that validates, from 1."""
    folds: int = 1
    """More than 1 is cross-validation: `val_fraction` is then ignored."""
    seed: int = 0


def split(names: Sequence[str], groups: Sequence[str], options: SplitOptions) -> list[str]:
    """The part of each image, "train", "val" or "test".

    `names` are the classes of the images, `groups` names of their content: images of one
    group stay together. Equal groups and options give equal parts on every machine; order
    and names of files do not matter. Every class has an image in each of the parts that
    `options` ask for. With folds, validation is one of the folds of what is not test;
    together they hold every image once.

    Raises:
        DatasetError: a class has too few different images for that.
    """
    part = dict.fromkeys(groups, TRAIN)
    members = _members(names, groups)
    # Test is taken from one end and validation from the other, so that a change of one
    # does not reach into the other.
    if options.test_fraction:
        _hold_out(part, members, _Cut(TEST, options.test_fraction, options.seed))
    if options.folds > 1:
        _hold_fold(part, members, options)
    elif options.val_fraction:
        _hold_out(part, members, _Cut(VAL, options.val_fraction, options.seed, last=True))
    return [part[x] for x in groups]


def subsample(names: Sequence[str], digests: Sequence[str], fraction: float) -> list[int]:
    """Indices of `fraction` (0..1) of each class, at least two each, chosen by content."""
    by_class: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        by_class[name].append(i)
    chosen: list[int] = []
    for rows in by_class.values():
        ranked = sorted(rows, key=lambda i: _rank(-1, digests[i]))
        chosen += ranked[: max(2, round(fraction * len(rows)))]
    return sorted(chosen)


Members = dict[str, Counter[str]]
"""For each class, how many images each of its groups has."""


def _members(names: Sequence[str], groups: Sequence[str]) -> Members:
    members: Members = defaultdict(Counter)
    for name, group in zip(names, groups, strict=True):
        members[name][group] += 1
    return members


@dataclass(frozen=True)
class _Cut:
    """What is taken from the training images of each class: the first or the last."""

    part: str
    fraction: float
    seed: int
    last: bool = False


def _hold_out(part: dict[str, str], members: Members, cut: _Cut) -> None:
    """Move the cut of each class's training images to its part."""
    for name, sizes in sorted(members.items()):
        wanted = max(1, round(cut.fraction * sizes.total()))
        held = sum(n for x, n in sizes.items() if part[x] == cut.part)
        ranked = sorted(sizes, key=lambda x: _rank(cut.seed, x), reverse=cut.last)
        free = [x for x in ranked if part[x] == TRAIN]
        # The last one stays, to be trained on.
        for group in free[:-1]:
            if held < wanted and (sizes[group] <= wanted - held or not held):
                part[group] = cut.part
                held += sizes[group]
        if not held:
            raise _too_few(name, len(sizes))


def _hold_fold(part: dict[str, str], members: Members, options: SplitOptions) -> None:
    """Move one of the folds of each class's training images to validation."""
    seed, count = options.seed, options.folds
    fold_of: dict[str, int] = {}
    for name, sizes in sorted(members.items()):
        free = sorted((x for x in sizes if part[x] == TRAIN), key=lambda x: _rank(seed, x))
        if len(free) < count:
            raise _too_few(name, len(sizes))
        for i, group in enumerate(free):
            # A group with images of two classes has its fold from the first of them.
            fold_of.setdefault(group, i * count // len(free) + 1)
    for group, number in fold_of.items():
        if number == options.fold:
            part[group] = VAL


def _too_few(name: str, count: int) -> DatasetError:
    return DatasetError(
        f"class {name!r} has {count} different image(s), too few for one in each part; "
        f"add images, leave the class out with --classes, or see --no-group-near"
    )


def _rank(seed: int, name: str) -> str:
    # A hash, not random.sample: its order may change between Python versions.
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
