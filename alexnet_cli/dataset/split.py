"""Which pictures are trained on: stratified, and decided by content, never by name."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from ..errors import DatasetError

TRAIN, VAL, TEST = "train", "val", "test"


def split(
    names: Sequence[str],
    groups: Sequence[str],
    *,
    val_fraction: float,
    test_fraction: float = 0.0,
    folds: tuple[int, int] = (1, 1),
    seed: int = 0,
) -> list[str]:
    """ "train", "val" or "test" for each picture; fractions are of every class.

    `names` are the classes. `groups` name the content; pictures of one group stay
    together. Equal content, fractions and seed give equal parts on every machine; order
    and names of files do not matter. A class has at least one picture in every part
    asked for. With `folds` = (k, n) validation is the k-th of n folds of what is not
    test, which together hold every picture once.

    Raises:
        DatasetError: a class has too few different pictures for that.
    """
    part = dict.fromkeys(groups, TRAIN)
    # Test is taken from one end and validation from the other, so that a change of one
    # does not reach into the other.
    if test_fraction:
        _hold_out(part, names, groups, (TEST, test_fraction, seed, False))
    if folds[1] > 1:
        _hold_fold(part, names, groups, (*folds, seed))
    elif val_fraction:
        _hold_out(part, names, groups, (VAL, val_fraction, seed, True))
    return [part[x] for x in groups]


def _hold_fold(
    part: dict[str, str],
    names: Sequence[str],
    groups: Sequence[str],
    how: tuple[int, int, int],
) -> None:
    """Move the k-th of n folds of each class's training pictures to validation."""
    fold, count, seed = how
    placed: dict[str, int] = {}
    for name, copies in sorted(_members(names, groups).items()):
        free = sorted((x for x in copies if part[x] == TRAIN), key=lambda x: _rank(seed, x))
        if len(free) < count:
            raise _too_few(name, len(copies))
        for i, group in enumerate(free):
            # A group of two classes has its place from the first of them.
            placed.setdefault(group, i * count // len(free) + 1)
    for group, number in placed.items():
        if number == fold:
            part[group] = VAL


def _members(names: Sequence[str], groups: Sequence[str]) -> dict[str, Counter[str]]:
    """For each class, how many pictures each of its groups has."""
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for name, group in zip(names, groups, strict=True):
        members[name][group] += 1
    return members


def _too_few(name: str, count: int) -> DatasetError:
    return DatasetError(
        f"class {name!r} has {count} different picture(s), too few to keep one for each "
        f"part; add pictures, leave it out with --classes, or see --no-group-near"
    )


def subsample(names: Sequence[str], digests: Sequence[str], fraction: float) -> list[int]:
    """Indices of `fraction` of each class, at least two pictures, chosen by content."""
    by_class: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        by_class[name].append(i)
    chosen: list[int] = []
    for rows in by_class.values():
        ranked = sorted(rows, key=lambda i: _rank(-1, digests[i]))
        chosen += ranked[: max(2, round(fraction * len(rows)))]
    return sorted(chosen)


def _hold_out(
    part: dict[str, str],
    names: Sequence[str],
    groups: Sequence[str],
    how: tuple[str, float, int, bool],
) -> None:
    """Move `fraction` of each class's training pictures to the part called `target`."""
    target, fraction, seed, reverse = how
    for name, copies in sorted(_members(names, groups).items()):
        wanted = max(1, round(fraction * copies.total()))
        held = sum(n for x, n in copies.items() if part[x] == target)
        ranked = sorted(copies, key=lambda x: _rank(seed, x), reverse=reverse)
        free = [x for x in ranked if part[x] == TRAIN]
        # The last one stays, to be trained on.
        for group in free[:-1]:
            if held < wanted and (copies[group] <= wanted - held or not held):
                part[group] = target
                held += copies[group]
        if not held:
            raise _too_few(name, len(copies))


def _rank(seed: int, name: str) -> str:
    # A hash, not random.sample: its order may change between Python versions.
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
