"""The images of an earlier training, in its order and its split. No TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..backend.workers import Workers
from ..recipe.recipe import Recipe
from .decoding import DecodedSet, ProgressCallback
from .pixel_cache import Examples
from .shared_decoding import decode_shared
from .sources.open import recorded_source
from .sources.source import Sample, Source, require_order
from .split import TRAIN, VAL


def recorded_images(
    data: Path, classes: tuple[str, ...], split: Sequence[Mapping[str, str]]
) -> Source:
    """The images of `data` that the rows of a split.csv name, in their order.

    Raises:
        DatasetError: `data` does not exist, or cannot be opened.
    """
    labels = {name: i for i, name in enumerate(classes)}
    samples = (Sample(x["file"], labels[x["class"]], x["split"]) for x in split)
    return recorded_source(data, classes, samples)


def prepare_recorded(
    source: Source,
    split: Sequence[Mapping[str, str]],
    recipe: Recipe,
    progress: ProgressCallback,
    workers: Workers | None = None,
) -> tuple[Examples, Examples, list[str]]:
    """Training and validation examples, and a line for each image that has changed.

    With a change the examples are not those of `split`.
    """
    require_order(source, recipe.machine.cache)
    decoded = decode_shared(source, source.samples, recipe, progress, workers)
    labels = np.array([x.label for x in decoded.samples], np.int64)
    parts = np.array([x.part for x in decoded.samples])
    training, validation = (
        Examples(decoded.cache, np.flatnonzero(parts == x), labels) for x in (TRAIN, VAL)
    )
    return training, validation, _changes(decoded, split)


def _changes(decoded: DecodedSet, split: Sequence[Mapping[str, str]]) -> list[str]:
    bad = {x.file: x.reason for x in decoded.bad}
    found = {x.name: d for x, d in zip(decoded.samples, decoded.digests, strict=True)}
    changes = []
    for row in split:
        name = row["file"]
        if name in bad:
            changes.append(f"{name} {bad[name]}")
        elif found[name] != row["sha256"]:
            changes.append(f"{name} has other content")
    return changes
