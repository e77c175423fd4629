"""Cached pixels -> tf.data batches of pixels, drawn numbers and one-hot labels."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from .augment import DRAWN, Doubles, draw
from .cache import Examples
from .images import Pixels
from .recipe import Preprocess, Recipe


def training_batches(
    examples: Examples,
    recipe: Recipe,
    preprocess: Preprocess,
    classes: int,
    epoch: Callable[[], int],
    lighting: Doubles | None = None,
) -> tf.data.Dataset:
    """((uint8 [B, R, R, 3], float32 [B, DRAWN]), float32 [B, K]), every picture once.

    Order and draws of a pass follow from the recipe's seed and `epoch()` at its start.
    """

    def one_epoch() -> Iterator[tuple[tuple[Pixels, npt.NDArray[np.float32]], Doubles]]:
        rng = np.random.default_rng((recipe.seed, epoch()))
        order = rng.permutation(examples.rows)
        for start in range(0, len(order), recipe.batch_size):
            rows = order[start : start + recipe.batch_size]
            pixels, targets = examples.batch(rows, classes)
            yield (pixels, draw(recipe, preprocess, len(rows), rng, lighting)), targets

    return _dataset(one_epoch, steps(len(examples), recipe.batch_size), preprocess, classes)


def validation_batches(
    examples: Examples, batch_size: int, preprocess: Preprocess, classes: int
) -> tf.data.Dataset:
    """As `training_batches`, in order and without draws."""

    def all_once() -> Iterator[tuple[tuple[Pixels, npt.NDArray[np.float32]], Doubles]]:
        for start in range(0, len(examples), batch_size):
            rows = examples.rows[start : start + batch_size]
            pixels, targets = examples.batch(rows, classes)
            yield (pixels, np.zeros((len(rows), DRAWN), np.float32)), targets

    return _dataset(all_once, steps(len(examples), batch_size), preprocess, classes)


def steps(count: int, batch_size: int) -> int:
    """Batches in which `count` pictures come, the last one maybe smaller."""
    return -(-count // batch_size)


def _dataset(generator, count, preprocess, classes):  # type: ignore[no-untyped-def]
    side = preprocess.size
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
    return data.with_options(options).prefetch(2)
