"""Cached pixels -> tf.data batches of pixels, drawn numbers and one-hot labels."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from ..arrays import Doubles, Floats, Pixels
from ..dataset.augmentation.layer import copy_crops, fed_side, geometry
from ..dataset.augmentation.mixup import MIXED, mixed_targets, mixes
from ..dataset.augmentation.sampling import DRAWN, sample_parameters
from ..dataset.pixel_cache import Examples
from ..dataset.standardize import crop
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe

Batch = tuple[tuple[Pixels, Floats], Floats]


def training_batches(
    examples: Examples,
    recipe: Recipe,
    preprocess: Preprocess,
    classes: int,
    epoch: Callable[[], int],
    lighting: Doubles | None = None,
) -> tf.data.Dataset:
    """((uint8 pixels, float32 [B, DRAWN]), float32 [B, K]), every picture once.

    Pixels are [B, S, S, 3] where the recipe's geometry is a copy, else [B, R, R, 3].
    Order and draws of a pass follow from the recipe's seed and `epoch()` at its start.
    """

    copied = geometry(recipe, preprocess) == "copy"
    count = steps(len(examples), recipe.batch_size)

    def one_epoch() -> Iterator[Batch]:
        rng = np.random.default_rng((recipe.seed, epoch()))
        order = rng.permutation(examples.rows)
        # Evenly, since BatchNorm learns nonsense from a last batch of one.
        for rows in np.array_split(order, count):
            draws = sample_parameters(recipe, preprocess, len(rows), rng, lighting)
            if copied:
                pixels = copy_crops(examples.store.pictures(rows), draws, preprocess.crop)
            else:
                pixels = examples.pixels(rows)
            targets = examples.targets(rows, classes)
            if mixes(recipe):
                targets = mixed_targets(targets, draws[:, -MIXED:])
            yield (pixels, draws), targets

    side = fed_side(recipe, preprocess)
    return _dataset(one_epoch, count, side, classes)


def validation_batches(
    examples: Examples, recipe: Recipe, preprocess: Preprocess, classes: int
) -> tf.data.Dataset:
    """As `training_batches`, in order and without draws."""
    batch_size = recipe.batch_size
    side = fed_side(recipe, preprocess)

    def all_once() -> Iterator[Batch]:
        for start in range(0, len(examples), batch_size):
            rows = examples.rows[start : start + batch_size]
            pixels = crop(examples.pixels(rows), side)
            draws = np.zeros((len(rows), DRAWN), np.float32)
            yield (pixels, draws), examples.targets(rows, classes)

    return _dataset(all_once, steps(len(examples), batch_size), side, classes)


def steps(count: int, batch_size: int) -> int:
    """Batches of at most `batch_size` in which `count` pictures come."""
    return -(-count // batch_size)


def _dataset(generator, count, side, classes):  # type: ignore[no-untyped-def]
    signature = (
        (
            tf.TensorSpec((None, side, side, 3), tf.uint8),
            tf.TensorSpec((None, DRAWN), tf.float32),
        ),
        tf.TensorSpec((None, classes), tf.float32),
    )
    data = tf.data.Dataset.from_generator(generator, output_signature=signature)
    data = data.apply(tf.data.experimental.assert_cardinality(count))
    options = tf.data.Options()
    # Batches are whole already; there are no files to share out among devices.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.OFF
    )
    # There is nothing to tune here, and an iterator that is thrown away at the end of an
    # epoch waits for the tuner, which may be asleep for seconds.
    options.autotune.enabled = False
    return data.prefetch(2).with_options(options)
