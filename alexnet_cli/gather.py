"""A folder of pictures -> examples to train on: scan, decode, split. No TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .cache import Decoded, Examples, Progress, decode_all
from .dataset import Dataset, find_parts, scan
from .errors import DatasetError, shown
from .recipe import Preprocess, Recipe
from .split import TEST, TRAIN, VAL, split


@dataclass(frozen=True)
class Found:
    """What a folder holds, not decoded yet: one Dataset, or one for each part."""

    root: Path
    classes: tuple[str, ...]
    parts: Mapping[str, Dataset]
    """{"train": all of it}, or train and val and maybe test as the folder has them."""

    def __len__(self) -> int:
        return sum(len(x) for x in self.parts.values())


@dataclass(frozen=True)
class Gathered:
    """Decoded examples and the records of what became of every file."""

    training: Examples
    validation: Examples
    split: tuple[tuple[str, str, str, str], ...]
    """(file, class, split, sha256) of every good picture."""
    bad: tuple[tuple[str, str], ...]
    """(file, reason) of every other one."""
    shared: int
    """Held-out pictures whose content is also in the train folder."""

    def counts(self) -> dict[str, int]:
        """Pictures in each part."""
        parts = [x[2] for x in self.split]
        return {name: parts.count(name) for name in (TRAIN, VAL, TEST)}


def find(data: Path, classes: Sequence[str] = ()) -> Found:
    """The class folders of `data`, or of its train, val and test folders.

    Raises:
        DatasetError: there are none, fewer than two classes, or a part has a class that
            train lacks.
    """
    folders = find_parts(data) or {TRAIN: data}
    training = scan(folders[TRAIN], classes)
    names = training.classes
    if len(names) < 2:
        raise DatasetError(
            f"{shown(folders[TRAIN])} holds one class, {names[0]!r}; there is nothing to "
            f"tell apart"
        )
    parts = {TRAIN: training}
    for part in (x for x in (VAL, TEST) if x in folders):
        held = scan(folders[part])
        unknown = [x for x in held.classes if x not in names]
        if unknown and not classes:
            raise DatasetError(
                f"{shown(folders[part])} has a class {unknown[0]!r} that "
                f"{shown(folders[TRAIN])} lacks"
            )
        parts[part] = _renumbered(held, names)
    return Found(data, names, parts)


def _renumbered(data: Dataset, classes: tuple[str, ...]) -> Dataset:
    """`data` with labels by the name of the class; other classes are left out."""
    kept = [i for i, x in enumerate(data.labels) if data.classes[x] in classes]
    labels = tuple(classes.index(data.classes[data.labels[i]]) for i in kept)
    files = tuple(data.files[i] for i in kept)
    return Dataset(data.root, classes, files, labels, data.notes)


def gather(found: Found, recipe: Recipe, progress: Progress) -> Gathered:
    """Decode every file once and share the pictures out.

    Raises:
        DatasetError: no good picture in a class, or too few to hold any out.
    """
    files = [x for data in found.parts.values() for x in data.files]
    labels = [x for data in found.parts.values() for x in data.labels]
    given = [part for part, data in found.parts.items() for _ in data.files]
    decoded = decode_all(files, Preprocess.of(recipe), progress)
    names = [x.relative_to(found.root).as_posix() for x in files]
    good = decoded.good
    kept = [labels[i] for i in good]
    parts = _shared_out(found, recipe, decoded, [given[i] for i in good], kept)
    rows = [
        (names[i], found.classes[label], part, digest)
        for i, label, part, digest in zip(good, kept, parts, decoded.digests, strict=True)
    ]
    trained_on = {x[3] for x in rows if x[2] == TRAIN}

    def examples(part: str) -> Examples:
        chosen = np.flatnonzero(np.array(parts) == part)
        return Examples(decoded.pixels, chosen, np.array(kept, np.int64))

    return Gathered(
        examples(TRAIN),
        examples(VAL),
        split=tuple(rows),
        bad=tuple((names[i], reason) for i, reason in decoded.bad),
        shared=sum(x[2] != TRAIN and x[3] in trained_on for x in rows),
    )


def _shared_out(
    found: Found, recipe: Recipe, decoded: Decoded, given: list[str], labels: list[int]
) -> list[str]:
    """The part of each good picture: as the folder has it, else split from train."""
    parts = list(given)
    rows = [i for i, x in enumerate(given) if x == TRAIN]
    missing = set(range(len(found.classes))) - {labels[i] for i in rows}
    if missing:
        name = found.classes[min(missing)]
        raise DatasetError(f"class {name!r}: none of its pictures can be read")
    if VAL in found.parts and VAL not in given:
        raise DatasetError(f"{shown(found.root)}: no validation picture can be read")
    shares = split(
        [found.classes[labels[i]] for i in rows],
        [decoded.digests[i] for i in rows],
        val_fraction=0.0 if VAL in found.parts else recipe.val_fraction,
        test_fraction=0.0 if TEST in found.parts else recipe.test_fraction,
        seed=recipe.seed,
    )
    for i, part in zip(rows, shares, strict=True):
        parts[i] = part
    return parts
