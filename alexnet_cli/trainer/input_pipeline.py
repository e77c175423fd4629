"""Batches of pixels, augmentation parameters and one-hot labels, as tf.data."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ..arrays import Doubles, Floats, Pixels
from ..dataset.augmentation.layer import copy_crops, fed_side, geometry
from ..dataset.augmentation.mixup import mix_targets
from ..dataset.augmentation.parameters import WIDTH, AugmentationParameters
from ..dataset.augmentation.sampling import sample_parameters
from ..dataset.pixel_cache import Examples
from ..dataset.standardize import crop
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe

Batch = tuple[tuple[Pixels, Floats], Floats]


@dataclass(frozen=True)
class InputPipeline:
    """Datasets of batches ((uint8 pixels, float32 [B, WIDTH]), float32 [B, K]).

    Pixels are [B, S, S, 3] where crops are copied on the host, else [B, R, R, 3].
    """

    recipe: Recipe
    preprocess: Preprocess
    classes: int
    lighting: Doubles | None = None
    """The result of `principal_colors`, for PCA lighting."""

    def at(self, side: int) -> "InputPipeline":
        """The same for training images of `side`."""
        preprocess = dataclasses.replace(self.preprocess, input_size=side)
        return dataclasses.replace(self, preprocess=preprocess)

    def training(self, examples: Examples, epoch: int) -> tf.data.Dataset:
        """Every image once, augmented; order and parameters depend on seed and epoch."""
        count = steps(len(examples), self.recipe.optimization.batch_size)

        def one_epoch() -> Iterator[Batch]:
            rng = np.random.default_rng((self.recipe.machine.seed, epoch))
            order = rng.permutation(examples.rows)
            # In even parts, since BatchNorm cannot learn from a last batch of one.
            for rows in np.array_split(order, count):
                yield self._augmented(examples, rows, rng)

        return self._dataset(one_epoch, count)

    def _augmented(self, examples: Examples, rows: Any, rng: np.random.Generator) -> Batch:
        augmentation, preprocess = self.recipe.augmentation, self.preprocess
        packed = sample_parameters(
            augmentation, preprocess, len(rows), rng, self.lighting
        ).pack()
        parameters = AugmentationParameters.unpack(packed)
        if geometry(augmentation, preprocess) == "copy":
            images = examples.cache.images(rows)
            pixels = copy_crops(images, parameters.affine, preprocess.input_size)
        else:
            pixels = examples.pixels(rows)
        targets = examples.targets(rows, self.classes)
        if augmentation.mixes:
            targets = mix_targets(targets, parameters)
        return (pixels, packed), targets

    def validation(self, examples: Examples) -> tf.data.Dataset:
        """Every image once, in order and without augmentation."""
        batch_size = self.recipe.optimization.batch_size
        side = fed_side(self.recipe.augmentation, self.preprocess)

        def all_once() -> Iterator[Batch]:
            for start in range(0, len(examples), batch_size):
                rows = examples.rows[start : start + batch_size]
                pixels = crop(examples.pixels(rows), side)
                ignored = np.zeros((len(rows), WIDTH), np.float32)
                yield (pixels, ignored), examples.targets(rows, self.classes)

        return self._dataset(all_once, steps(len(examples), batch_size))

    def _dataset(
        self, generator: Callable[[], Iterator[Batch]], count: int
    ) -> tf.data.Dataset:
        """The `count` batches of `generator`, two of them prefetched."""
        side = fed_side(self.recipe.augmentation, self.preprocess)
        signature = (
            (
                tf.TensorSpec((None, side, side, 3), tf.uint8),
                tf.TensorSpec((None, WIDTH), tf.float32),
            ),
            tf.TensorSpec((None, self.classes), tf.float32),
        )
        data = tf.data.Dataset.from_generator(generator, output_signature=signature)
        data = data.apply(tf.data.experimental.assert_cardinality(count))
        options = tf.data.Options()
        # There are no files to divide among devices.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        # Nothing here can be tuned, and at the end of an epoch the iterator would wait for
        # the tuner, which may sleep for seconds.
        options.autotune.enabled = False
        return data.prefetch(2).with_options(options)


def steps(count: int, batch_size: int) -> int:
    """How many batches of at most `batch_size` hold `count` images."""
    return -(-count // batch_size)
