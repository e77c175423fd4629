"""A source of images -> examples to train on: decoded, split. No TensorFlow."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..arrays import Fingerprints
from ..errors import DatasetError, printable
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .decoding import (
    BadImage,
    Counting,
    DecodedImage,
    DecodedSet,
    decode_all,
    decode_files,
    digest,
    uncounted,
)
from .folders import scan
from .near_duplicates import SIDE
from .near_search import NearPairs, connected, find_copies, near_pairs
from .pixel_cache import Examples
from .small_classes import KeptClasses, kept_classes, unreadable_classes
from .sources.source import Sample, Source
from .split import TEST, TRAIN, VAL, SplitOptions, TooFewImages, split, subsample

SEARCH_SHARE = 0.1
"""Of --max-minutes, the most that the search for near-identical images takes."""


@dataclass(frozen=True)
class SplitRow:
    """One row of split.csv: an image that is used."""

    file: str
    label: str
    """Name of the class."""
    part: str
    sha256: str
    group: str
    """The same for images of equal or almost equal content."""


@dataclass(frozen=True)
class PreparedData:
    """Decoded examples, and what became of every image."""

    training: Examples
    validation: Examples
    split: tuple[SplitRow, ...]
    bad: tuple[BadImage, ...]
    shared: int
    """Held-out images of which an equal or almost equal one is trained on."""
    fingerprints: Fingerprints
    """uint8 [N, 32, 32] of the images of `split`."""
    near: NearPairs
    """Which of them are near-identical, as far as that was looked for."""
    names: tuple[str, ...]
    """Of all images in the cache of the examples."""
    kept: KeptClasses
    """The classes that are trained on, and those that --drop-small-classes left out."""

    def counts(self) -> dict[str, int]:
        """Images in each part."""
        parts = [x.part for x in self.split]
        return {name: parts.count(name) for name in (TRAIN, VAL, TEST)}


def prepare(source: Source, recipe: Recipe, counting: Counting = uncounted) -> PreparedData:
    """Decode every image once and split them, near-identical ones together.

    Raises:
        DatasetError: classes have no usable image, or too few to hold any out.
    """
    decoded = _decoded(source, recipe, counting)
    near = _near(decoded, recipe, counting)
    all_groups = content_groups(decoded.digests, near.pairs)
    kept = kept_classes(source, decoded, all_groups, recipe.split.drop_small_classes)
    rows = kept.rows
    digests, groups = ([x[i] for i in rows] for x in (decoded.digests, all_groups))
    parts = _parts(source, recipe, kept, groups)
    trained_on = {g for g, part in zip(groups, parts, strict=True) if part == TRAIN}
    held_out = (g for g, part in zip(groups, parts, strict=True) if part != TRAIN)

    def examples(part: str) -> Examples:
        chosen = np.array(rows, np.int64)[np.array(parts) == part]
        return Examples(decoded.cache, chosen, kept.labels)

    return PreparedData(
        examples(TRAIN),
        examples(VAL),
        split=tuple(
            SplitRow(x.name, kept.classes[x.label], part, sha256, group)
            for x, part, sha256, group in zip(
                kept.samples, parts, digests, groups, strict=True
            )
        ),
        bad=decoded.bad,
        shared=sum(x in trained_on for x in held_out),
        fingerprints=decoded.fingerprints[list(rows)],
        near=_among(near, rows),
        names=tuple(x.name for x in decoded.samples),
        kept=kept,
    )


def _decoded(source: Source, recipe: Recipe, counting: Counting) -> DecodedSet:
    """Every image of `source`, or --fraction of them, read once."""
    with counting("decoding") as progress:
        return decode_all(
            _chosen(source, recipe.split.fraction),
            source.read,
            preprocess_of(recipe),
            recipe.machine.cache,
            progress,
        )


def _among(near: NearPairs, rows: Sequence[int]) -> NearPairs:
    """`near` of the images numbered `rows`, by their places there."""
    places = {x: i for i, x in enumerate(rows)}
    pairs = [(places[i], places[j]) for i, j in near.pairs if i in places and j in places]
    return replace(near, pairs=tuple(pairs))


def _near(decoded: DecodedSet, recipe: Recipe, counting: Counting) -> NearPairs:
    """Near-identical images, looked for in a share of --max-minutes.

    With --deterministic and --folds in all the time that it takes: splits of several
    trainings are then to be the same.
    """
    if not recipe.split.group_near:
        return NearPairs()
    seconds = math.inf
    repeated = recipe.machine.deterministic or recipe.split.folds > 1
    if recipe.stopping.max_minutes and not repeated:
        seconds = SEARCH_SHARE * 60 * recipe.stopping.max_minutes
    with counting("finding near duplicates") as progress:
        return near_pairs(decoded.fingerprints, progress, seconds)


def contradictions(rows: Iterable[SplitRow]) -> int:
    """How many training images are wrong at best: equal ones stand in several classes."""
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.part == TRAIN:
            labels[row.sha256][row.label] += 1
    return sum(x.total() - max(x.values()) for x in labels.values())


def refuse_overlap(
    prepared: PreparedData, against: Path, counting: Counting = uncounted
) -> None:
    """Refuse to train on images of the folder `against`.

    Raises:
        DatasetError: one of them is also, or almost, among the prepared ones.
    """
    other = scan(against)
    decoded = list(zip(other.relative(), decode_files(other.files), strict=True))
    good = [(name, x) for name, x in decoded if isinstance(x, DecodedImage)]
    with counting("finding copies") as progress:
        copies = find_copies(
            [x.sha256 for x in prepared.split],
            prepared.fingerprints,
            [x.digest for _, x in good],
            np.array([x.fingerprint for _, x in good], np.uint8).reshape(-1, SIDE, SIDE),
            progress,
        )
    if copies:
        i, j = next(iter(copies.items()))
        name, copy = good[i][0], prepared.split[j].file
        raise DatasetError(
            f"{len(copies)} image(s) of {printable(against)} are also, or almost, in the "
            f"data, such as {printable(name)} in {printable(copy)}; "
            f"`alexnet doctor --against` lists them, --allow-overlap trains anyway"
        )


def _chosen(source: Source, fraction: float) -> tuple[Sample, ...]:
    """All samples, or `fraction` of each class of each part, chosen by their content."""
    samples = source.samples
    if fraction == 1:
        return samples
    strata = [f"{x.part}/{x.label}" for x in samples]
    digests = [digest(x, source.read) for x in samples]
    return tuple(samples[i] for i in subsample(strata, digests, fraction))


def content_groups(digests: Sequence[str], near: Iterable[tuple[int, int]]) -> list[str]:
    """A name for each image that equal ones and the pairs in `near` share.

    The first digits of the lowest SHA-256 among them, which no file name changes.
    """
    first: dict[str, int] = {}
    same = [(first.setdefault(x, i), i) for i, x in enumerate(digests)]
    roots = connected(len(digests), [*same, *near])
    lowest: dict[int, str] = {}
    for root, name in zip(roots, digests, strict=True):
        lowest[root] = min(name, lowest.get(root, name))
    return [lowest[x][:12] for x in roots]


def _parts(
    source: Source, recipe: Recipe, kept: KeptClasses, groups: list[str]
) -> list[str]:
    """The part of each usable image: as the source has it, else split from train."""
    parts = [x.part for x in kept.samples]
    rows = [i for i, x in enumerate(parts) if x == TRAIN]
    labels = {kept.samples[i].label for i in rows}
    missing = [x for i, x in enumerate(kept.classes) if i not in labels]
    has_val = VAL in source.parts
    if has_val and VAL not in parts and not missing:
        raise DatasetError(f"{source.location}: no validation image can be read")
    if has_val and recipe.split.folds > 1:
        raise DatasetError(
            f"{source.location} already has a validation part; leave out --folds"
        )
    options = SplitOptions(
        val_fraction=0.0 if has_val else recipe.split.val_fraction,
        test_fraction=0.0 if TEST in source.parts else recipe.split.test_fraction,
        fold=recipe.split.fold,
        folds=recipe.split.folds,
        seed=recipe.machine.seed,
    )
    names = [kept.classes[kept.samples[i].label] for i in rows]
    try:
        found = split(names, [groups[i] for i in rows], options)
    except TooFewImages as error:
        raise TooFewImages({**dict.fromkeys(missing, 0), **error.counts}) from error
    if missing:
        raise DatasetError(f"{source.location}: {unreadable_classes(missing)}")
    for i, part in zip(rows, found, strict=True):
        parts[i] = part
    return parts
