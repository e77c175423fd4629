"""A folder of pictures -> examples to train on: scan, decode, split. No TensorFlow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Fingerprints
from ..errors import DatasetError, printable
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .decoding import DecodedImage, ProgressCallback, decode_all, decode_files, digest
from .folders import Dataset, find_parts, scan
from .near_duplicates import SIDE, connected, copies, near_pairs
from .pixel_cache import Examples
from .split import TEST, TRAIN, VAL, split, subsample


@dataclass(frozen=True)
class ImageFolder:
    """What a folder holds, not decoded yet: one Dataset, or one for each part."""

    root: Path
    classes: tuple[str, ...]
    parts: Mapping[str, Dataset]
    """{"train": all of it}, or train and val and maybe test as the folder has them."""

    def __len__(self) -> int:
        return sum(len(x) for x in self.parts.values())


@dataclass(frozen=True)
class PreparedData:
    """Decoded examples and the records of what became of every file."""

    training: Examples
    validation: Examples
    split: tuple[tuple[str, str, str, str, str], ...]
    """(file, class, split, sha256, group) of every good picture."""
    bad: tuple[tuple[str, str], ...]
    """(file, reason) of every other one."""
    shared: int
    """Held-out pictures that are also, or almost, in the train folder."""
    fingerprints: Fingerprints
    """uint8 [N, 32, 32] of the pictures of `split`."""

    def counts(self) -> dict[str, int]:
        """Pictures in each part."""
        parts = [x[2] for x in self.split]
        return {name: parts.count(name) for name in (TRAIN, VAL, TEST)}


def find_images(data: Path, classes: Sequence[str] = ()) -> ImageFolder:
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
            f"{printable(folders[TRAIN])} holds one class, {names[0]!r}; there is nothing to "
            f"tell apart"
        )
    parts = {TRAIN: training}
    for part in (x for x in (VAL, TEST) if x in folders):
        held = scan(folders[part])
        unknown = [x for x in held.classes if x not in names]
        if unknown and not classes:
            raise DatasetError(
                f"{printable(folders[part])} has a class {unknown[0]!r} that "
                f"{printable(folders[TRAIN])} lacks"
            )
        parts[part] = _renumbered(held, names)
    return ImageFolder(data, names, parts)


def _renumbered(data: Dataset, classes: tuple[str, ...]) -> Dataset:
    """`data` with labels by the name of the class; other classes are left out."""
    kept = [i for i, x in enumerate(data.labels) if data.classes[x] in classes]
    labels = tuple(classes.index(data.classes[data.labels[i]]) for i in kept)
    files = tuple(data.files[i] for i in kept)
    return Dataset(data.root, classes, files, labels, data.notes)


def prepare(found: ImageFolder, recipe: Recipe, progress: ProgressCallback) -> PreparedData:
    """Decode every file once and share the pictures out, near-identical ones together.

    Raises:
        DatasetError: no good picture in a class, or too few to hold any out.
    """
    entries = _entries(found, recipe.fraction)
    decoded = decode_all(
        [x.file for x in entries], preprocess_of(recipe), recipe.cache, progress
    )
    good = [entries[i] for i in decoded.good]
    near = near_pairs(decoded.fingerprints) if recipe.group_near else ()
    groups = content_groups(decoded.digests, near)
    parts = _shared_out(found, recipe, good, groups)
    trained_on = {g for g, part in zip(groups, parts, strict=True) if part == TRAIN}
    held = [g for g, part in zip(groups, parts, strict=True) if part != TRAIN]
    labels = np.array([x.label for x in good], np.int64)

    def examples(part: str) -> Examples:
        return Examples(decoded.pictures, np.flatnonzero(np.array(parts) == part), labels)

    rows = zip(good, parts, decoded.digests, groups, strict=True)
    return PreparedData(
        examples(TRAIN),
        examples(VAL),
        split=tuple((x.name, found.classes[x.label], p, d, g) for x, p, d, g in rows),
        bad=tuple((entries[i].name, reason) for i, reason in decoded.bad),
        shared=sum(x in trained_on for x in held),
        fingerprints=decoded.fingerprints,
    )


def refuse_overlap(gathered: PreparedData, against: Path) -> None:
    """Refuse to train on pictures of the folder `against`.

    Raises:
        DatasetError: one of them is also, or almost, among the gathered ones.
    """
    other = scan(against)
    loaded = list(zip(other.relative(), decode_files(other.files), strict=True))
    good = [(name, x) for name, x in loaded if isinstance(x, DecodedImage)]
    found = copies(
        [x[3] for x in gathered.split],
        gathered.fingerprints,
        [x.digest for _, x in good],
        np.array([x.fingerprint for _, x in good], np.uint8).reshape(-1, SIDE, SIDE),
    )
    if found:
        there, here = next(iter(found.items()))
        raise DatasetError(
            f"{len(found)} picture(s) of {printable(against)} are also, or almost, in the "
            f"data, as {printable(good[there][0])} in {printable(gathered.split[here][0])}; "
            f"`alexnet doctor --against` lists them, --allow-overlap goes on"
        )


@dataclass(frozen=True)
class _Entry:
    """One file of a found folder."""

    file: Path
    name: str
    """Its path below the root, with forward slashes."""
    label: int
    part: str


def _entries(found: ImageFolder, fraction: float) -> list[_Entry]:
    """All files, or `fraction` of each class of each part, chosen by their content."""
    entries = [
        _Entry(file, file.relative_to(found.root).as_posix(), label, part)
        for part, data in found.parts.items()
        for file, label in zip(data.files, data.labels, strict=True)
    ]
    if fraction == 1:
        return entries
    strata = [f"{x.part}/{x.label}" for x in entries]
    return [
        entries[i] for i in subsample(strata, [digest(x.file) for x in entries], fraction)
    ]


def content_groups(digests: Sequence[str], near: Iterable[tuple[int, int]]) -> list[str]:
    """A name for each picture that equal ones and the pairs in `near` share.

    The first digits of the lowest SHA-256 among them, which no file name changes.
    """
    first: dict[str, int] = {}
    same = [(first.setdefault(x, i), i) for i, x in enumerate(digests)]
    roots = connected(len(digests), [*same, *near])
    lowest: dict[int, str] = {}
    for root, name in zip(roots, digests, strict=True):
        lowest[root] = min(name, lowest.get(root, name))
    return [lowest[x][:12] for x in roots]


def _shared_out(
    found: ImageFolder, recipe: Recipe, good: list[_Entry], groups: list[str]
) -> list[str]:
    """The part of each good picture: as the folder has it, else split from train."""
    parts = [x.part for x in good]
    rows = [i for i, x in enumerate(parts) if x == TRAIN]
    missing = set(range(len(found.classes))) - {good[i].label for i in rows}
    if missing:
        name = found.classes[min(missing)]
        raise DatasetError(f"class {name!r}: none of its pictures can be read")
    if VAL in found.parts and VAL not in parts:
        raise DatasetError(f"{printable(found.root)}: no validation picture can be read")
    given_val = VAL in found.parts
    if given_val and recipe.folds > 1:
        raise DatasetError(
            f"{printable(found.root)} has a validation folder; --folds needs none"
        )
    shares = split(
        [found.classes[good[i].label] for i in rows],
        [groups[i] for i in rows],
        val_fraction=0.0 if given_val else recipe.val_fraction,
        test_fraction=0.0 if TEST in found.parts else recipe.test_fraction,
        folds=(recipe.fold, recipe.folds),
        seed=recipe.seed,
    )
    for i, part in zip(rows, shares, strict=True):
        parts[i] = part
    return parts
