"""A source of images -> examples to train on: decoded, split. No TensorFlow."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..backend.workers import Workers
from ..errors import DatasetError, printable
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .decoding import (
    BadImage,
    Counting,
    DecodedSet,
    digest,
    uncounted,
)
from .near_duplicates.closeups import ImageSet
from .near_duplicates.groups import content_groups
from .near_duplicates.pairs import NearPairs, among
from .near_duplicates.search import find_copies, searched
from .pixel_cache import Examples
from .shards.decoding import decoded_images, searchable
from .shards.source import ShardSource
from .shared_decoding import decode_shared, shared_pairs
from .small_classes import KeptClasses, kept_classes, unreadable_classes
from .sources.open import open_labeled
from .sources.source import Sample, Source, require_order
from .split import TEST, TRAIN, VAL, SplitOptions, TooFewImages, split, subsample


@dataclass(frozen=True, slots=True)
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
    search_set: Callable[[], ImageSet]
    """Gives `images`."""
    near: NearPairs
    """Which of them are near-identical, as far as that was looked for."""
    names: tuple[str, ...]
    """Of all images in the cache of the examples."""
    kept: KeptClasses
    """The classes that are trained on, and those that --drop-small-classes left out."""
    dim: tuple[int, ...]
    """`DecodedImage.dim` of the images where it is not 0."""

    @property
    def images(self) -> ImageSet:
        """The images of `split`, to be searched; those of shards are read for it."""
        return self.search_set()

    def counts(self) -> dict[str, int]:
        """Images in each part."""
        parts = [x.part for x in self.split]
        return {name: parts.count(name) for name in (TRAIN, VAL, TEST)}


def prepare(
    source: Source,
    recipe: Recipe,
    counting: Counting = uncounted,
    workers: Workers | None = None,
) -> PreparedData:
    """Decode every image once and split them, near-identical ones together.

    Each of `workers` decodes its part, and gets the same split.

    Raises:
        DatasetError: classes have no usable image, or too few to hold any out.
    """
    decoded = _decoded(source, recipe, counting, workers)
    near = shared_pairs(workers, lambda: _near(source, decoded, recipe, counting))
    all_groups = content_groups(decoded.digests, near.pairs)
    kept = kept_classes(source, decoded, all_groups, recipe.split.drop_small_classes)
    rows = kept.rows
    digests, groups = ([x[i] for i in rows] for x in (decoded.digests, all_groups))
    parts = assigned_parts(source, recipe, kept.samples, kept.classes, groups)
    trained_on = {g for g, part in zip(groups, parts, strict=True) if part == TRAIN}
    held_out = (g for g, part in zip(groups, parts, strict=True) if part != TRAIN)

    def examples(part: str) -> Examples:
        chosen = np.array(rows, np.int64)[np.array(parts) == part]
        return Examples(decoded.cache, chosen, kept.labels)

    return PreparedData(
        examples(TRAIN),
        examples(VAL),
        split=_split_rows(kept, parts, digests, groups),
        bad=decoded.bad,
        shared=sum(x in trained_on for x in held_out),
        search_set=lambda: _images(source, decoded, recipe)[rows],
        near=among(near, rows),
        names=tuple(x.name for x in decoded.samples),
        kept=kept,
        dim=decoded.dim,
    )


def _split_rows(
    kept: KeptClasses, parts: list[str], digests: list[str], groups: list[str]
) -> tuple[SplitRow, ...]:
    """The rows of split.csv."""
    rows = zip(kept.samples, parts, digests, groups, strict=True)
    return tuple(
        SplitRow(x.name, kept.classes[x.label], part, sha256, group)
        for x, part, sha256, group in rows
    )


def _images(source: Source, decoded: DecodedSet, recipe: Recipe) -> ImageSet:
    """What was decoded, to be searched."""
    return decoded_images(source, decoded, preprocess_of(recipe).max_pixels)


def _near(
    source: Source, decoded: DecodedSet, recipe: Recipe, counting: Counting
) -> NearPairs:
    """The near-identical images; of shards those that were found when they were made."""
    if isinstance(source, ShardSource):
        return source.near(decoded.samples) if recipe.split.group_near else NearPairs()
    return searched(_images(source, decoded, recipe), recipe, counting)


def _decoded(
    source: Source, recipe: Recipe, counting: Counting, workers: Workers | None
) -> DecodedSet:
    """Every image of `source`, or --fraction of them, read once.

    Raises:
        DatasetError: --cache none would read them in another order than they can be.
    """
    require_order(source, recipe.machine.cache)
    samples = _chosen(source, recipe.split.fraction)
    with counting("decoding") as progress:
        return decode_shared(source, samples, recipe, progress, workers)


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
    """Refuse to train on images of the data set `against`.

    Raises:
        DatasetError: one of them is also, or almost, trained on or chosen by.
    """
    samples, other = searchable(open_labeled(against))
    rows = [i for i, x in enumerate(prepared.split) if x.part != TEST]
    with counting("finding copies") as progress:
        copies = find_copies(prepared.images[rows], other, progress)
    if copies:
        i, j = next(iter(copies.items()))
        name, copy = samples[i].name, prepared.split[rows[j]].file
        raise DatasetError(
            f"{len(copies)} image(s) of {printable(against)} are also, or almost, trained "
            f"on or validated on: {printable(name)} is {printable(copy)}; "
            f"`alexnet doctor --against` lists them, --allow-overlap trains anyway"
        )


def _chosen(source: Source, fraction: float) -> tuple[Sample, ...]:
    """All samples, or `fraction` of each class of each part, chosen by their content."""
    samples = source.samples
    if fraction == 1:
        return samples
    strata = [f"{x.part}/{x.label}" for x in samples]
    if isinstance(source, ShardSource):
        digests = [source.digest(x) for x in samples]
    else:
        digests = [digest(x, source.read) for x in samples]
    return tuple(samples[i] for i in subsample(strata, digests, fraction))


def assigned_parts(
    source: Source,
    recipe: Recipe,
    samples: Sequence[Sample],
    classes: Sequence[str],
    groups: Sequence[str],
) -> list[str]:
    """The part of each usable image, of content `groups`: its own, or split from train.

    Raises:
        DatasetError: classes have no usable image, or too few to hold any out.
    """
    parts = [x.part for x in samples]
    rows = [i for i, x in enumerate(parts) if x == TRAIN]
    labels = {samples[i].label for i in rows}
    missing = [x for i, x in enumerate(classes) if i not in labels]
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
    names = [classes[samples[i].label] for i in rows]
    try:
        found = split(names, [groups[i] for i in rows], options)
    except TooFewImages as error:
        raise TooFewImages({**dict.fromkeys(missing, 0), **error.counts}) from error
    if missing:
        raise DatasetError(unreadable_classes(source.location, missing, len(classes)))
    for i, part in zip(rows, found, strict=True):
        parts[i] = part
    return parts
