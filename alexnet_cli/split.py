"""Which pictures are trained on: stratified, and decided by content, never by name."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from .errors import DatasetError

TRAIN, VAL, TEST = "train", "val", "test"


def split(
    names: Sequence[str],
    digests: Sequence[str],
    *,
    val_fraction: float,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """ "train", "val" or "test" for each picture; fractions are of every class.

    `digests` name the content; pictures of equal content stay together. Equal content,
    fractions and seed give equal parts on every machine; order and names do not matter.
    A class has at least one picture in every part asked for.

    Raises:
        DatasetError: a class has too few different pictures for that.
    """
    part = dict.fromkeys(digests, TRAIN)
    # Test is taken from one end and validation from the other, so that a change of one
    # does not reach into the other.
    for name, fraction, reverse in (
        (TEST, test_fraction, False),
        (VAL, val_fraction, True),
    ):
        if fraction:
            _hold_out(part, names, digests, (name, fraction, seed, reverse))
    return [part[x] for x in digests]


def _hold_out(
    part: dict[str, str],
    names: Sequence[str],
    digests: Sequence[str],
    how: tuple[str, float, int, bool],
) -> None:
    """Move `fraction` of each class's training pictures to the part called `target`."""
    target, fraction, seed, reverse = how
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for name, digest in zip(names, digests, strict=True):
        members[name][digest] += 1
    for name, copies in sorted(members.items()):
        wanted = max(1, round(fraction * copies.total()))
        held = sum(n for x, n in copies.items() if part[x] == target)
        ranked = sorted(copies, key=lambda x: _rank(seed, x), reverse=reverse)
        free = [x for x in ranked if part[x] == TRAIN]
        # The last one stays, to be trained on.
        for digest in free[:-1]:
            if held < wanted and (copies[digest] <= wanted - held or not held):
                part[digest] = target
                held += copies[digest]
        if not held:
            raise DatasetError(
                f"class {name!r} has {len(copies)} different picture(s), too few to "
                f"keep one for each part; add pictures or leave it out with --classes"
            )


def _rank(seed: int, digest: str) -> str:
    # A hash, not random.sample: its order may change between Python versions.
    return hashlib.sha256(f"{seed}/{digest}".encode()).hexdigest()
