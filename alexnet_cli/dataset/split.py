"""Which images are trained on: stratified, and decided by content, never by file name."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from .class_names import MOST_LISTED, quoted

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


class TooFewImages(DatasetError):
    """Classes have too few different images."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """`counts` are the different images of each such class."""
        super().__init__(_too_few(counts))
        self.counts = counts


def split(names: Sequence[str], groups: Sequence[str], options: SplitOptions) -> list[str]:
    """The part of each image, "train", "val" or "test".

    `names` are the classes of the images, `groups` names of their content: images of one
    group stay together. Equal groups and options give equal parts on every machine; order
    and names of files do not matter. Every class has an image in each of the parts that
    `options` ask for. With folds, validation is one of the folds of what is not test;
    together they hold every image once.

    Raises:
        TooFewImages: classes have too few different images for that; it names them all.
    """
    part = dict.fromkeys(groups, TRAIN)
    members = _members(names, groups)
    # Test is taken from one end and validation from the other, so that a change of one
    # does not reach into the other.
    failed: list[str] = []
    if options.test_fraction:
        failed += _hold_out(part, members, _Cut(TEST, options.test_fraction, options.seed))
    if options.folds > 1:
        failed += _hold_fold(part, members, options)
    elif options.val_fraction:
        cut = _Cut(VAL, options.val_fraction, options.seed, last=True)
        failed += _hold_out(part, members, cut)
    if failed:
        raise TooFewImages({x: len(members[x]) for x in sorted(set(failed))})
    return [part[x] for x in groups]


def different_images(names: Sequence[str], groups: Sequence[str]) -> dict[str, int]:
    """How many different images each class has, as `split` counts them."""
    return {name: len(x) for name, x in _members(names, groups).items()}


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


def _hold_out(part: dict[str, str], members: Members, cut: _Cut) -> list[str]:
    """Move the cut of each class's training images to its part; classes without any."""
    failed = []
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
            failed.append(name)
    return failed


def _hold_fold(part: dict[str, str], members: Members, options: SplitOptions) -> list[str]:
    """Move one of the folds of each class to validation; classes with too few images."""
    seed, count = options.seed, options.folds
    failed = []
    fold_of: dict[str, int] = {}
    for name, sizes in sorted(members.items()):
        free = sorted((x for x in sizes if part[x] == TRAIN), key=lambda x: _rank(seed, x))
        if len(free) < count:
            failed.append(name)
        for i, group in enumerate(free):
            # A group with images of two classes has its fold from the first of them.
            fold_of.setdefault(group, i * count // len(free) + 1)
    for group, number in fold_of.items():
        if number == options.fold:
            part[group] = VAL
    return failed


def _too_few(counts: Mapping[str, int]) -> str:
    """The message about classes with so few different images, the first of them by name."""
    least = max(counts.values()) + 1
    if len(counts) == 1:
        ((name, count),) = counts.items()
        who = f"class {quoted(name)} has {count} different image(s)"
        leave = "leave the class out with --classes"
    else:
        few = [f"{quoted(x)} {n}" for x, n in list(counts.items())[:MOST_LISTED]]
        more = len(counts) - len(few)
        rest = f" and {more} more" if more else ""
        who = f"{len(counts)} classes have few different images: {', '.join(few)}{rest}"
        leave = "leave the classes out with --classes"
    return (
        f"{who}, too few for one in each part; add images, {leave} or "
        f"--drop-small-classes {least}, or see --no-group-near"
    )


def _rank(seed: int, name: str) -> str:
    # A hash, not random.sample: its order may change between Python versions.
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
