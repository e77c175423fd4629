"""Batches of pixels, augmentation parameters and one-hot labels, as tf.data."""

import dataclasses
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from ..arrays import Doubles, Floats, Pixels, Rows
from ..backend.devices import usable_cores
from ..dataset.augmentation.layer import center_crops, copy_crops, fed_side, geometry
from ..dataset.augmentation.mixup import mix_targets
from ..dataset.augmentation.parameters import WIDTH, AugmentationParameters
from ..dataset.augmentation.sampling import sample_parameters
from ..dataset.pixel_cache import Examples
from ..dataset.reused_memory import ReusedMemory
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe

_MOST_THREADS = 8
_LEAST_IMAGES = 16
"""For fewer a thread is not worth its start."""

Batch = tuple[tuple[Pixels, Floats], Floats, Floats]


@dataclass(frozen=True)
class InputPipeline:
    """Datasets of batches (pixels, augmentation parameters), targets, weights of images.

    uint8 pixels are [B, S, S, 3] where crops are copied on the host, else [B, R, R, 3];
    the others are float32 [B, WIDTH], [B, K] and [B].
    """

    recipe: Recipe
    preprocess: Preprocess
    classes: int
    lighting: Doubles | None = None
    """The result of `principal_colors`, for PCA lighting."""
    class_weights: Floats | None = None
    """Weight of each class in the loss of training, [K]; by default 1."""
    errors: list[Exception] = field(default_factory=list)
    """What was raised while a batch was made; TensorFlow's own error would hide it."""
    memory: ReusedMemory = field(default_factory=ReusedMemory)
    """Where batches are made."""
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_MOST_THREADS)
    )
    """What batches are copied by, in parts."""

    def at(self, side: int) -> "InputPipeline":
        """The same for training images of `side`."""
        preprocess = dataclasses.replace(self.preprocess, input_size=side)
        return dataclasses.replace(self, preprocess=preprocess)

    def training(self, examples: Examples, epoch: int, first: int = 0) -> tf.data.Dataset:
        """Every image once, augmented; order and parameters depend on seed and epoch.

        The first batches, `first` of them, are left out.
        """
        batches = self._batches(examples, epoch)

        def one_epoch() -> Iterator[Batch]:
            rng = self._rng(epoch)
            rng.permutation(examples.rows)
            for number, rows in enumerate(batches):
                # Also for those left out: the next ones depend on what was drawn before.
                packed = self._parameters(len(rows), epoch, rng)
                if number >= first:
                    yield self._augmented(examples, rows, packed)

        return self._dataset(one_epoch, len(batches) - first, self._training_spec())

    def batch_rows(self, examples: Examples, epoch: int, step: int) -> Rows:
        """Which images of `examples.cache` are in step `step` of an epoch of training."""
        rows: Rows = self._batches(examples, epoch)[step]
        return rows

    def _batches(self, examples: Examples, epoch: int) -> list[Rows]:
        """The images of each step of an epoch."""
        count = steps(len(examples), self.recipe.optimization.batch_size)
        # In even parts, since BatchNorm cannot learn from a last batch of one.
        return np.array_split(self._rng(epoch).permutation(examples.rows), count)

    def _rng(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng((self.recipe.machine.seed, epoch))

    def _parameters(self, count: int, epoch: int, rng: np.random.Generator) -> Floats:
        """Augmentation parameters of `count` images, packed [B, WIDTH]."""
        augmentation = self.recipe.augmentation
        if epoch <= augmentation.mix_after:
            augmentation = dataclasses.replace(augmentation, mixup=0.0, cutmix=0.0)
        parameters = sample_parameters(
            augmentation, self.preprocess, count, rng, self.lighting
        )
        return parameters.pack()

    def _augmented(self, examples: Examples, rows: Rows, packed: Floats) -> Any:
        """The batch of `rows`; `packed` are their parameters."""
        augmentation = self.recipe.augmentation
        parameters = AugmentationParameters.unpack(packed)
        copied = geometry(augmentation, self.preprocess) == "copy"
        pixels = self._pixels(examples, rows, parameters.affine if copied else None)
        targets = examples.targets(rows, self.classes)
        if augmentation.mixes:
            targets = mix_targets(targets, parameters)
        if self.class_weights is None:
            return (pixels, packed), targets, np.ones(len(rows), np.float32)
        return (pixels, packed), targets, self.class_weights[targets.argmax(axis=1)]

    def _pixels(
        self, examples: Examples, rows: Rows, affine: Floats | None = None
    ) -> Pixels:
        """The windows `affine` [B, 6] of the images `rows`; by default the centers."""
        side = fed_side(self.recipe.augmentation, self.preprocess)
        if affine is None:
            affine = center_crops(len(rows), self.preprocess.stored_size, side)
        pixels = self.memory.empty((len(rows), side, side, 3))
        count = max(1, min(usable_cores(), _MOST_THREADS, len(rows) // _LEAST_IMAGES))
        parts = zip(
            *(np.array_split(x, count) for x in (rows, affine, pixels)), strict=True
        )

        def copy(part: tuple[Rows, Floats, Pixels]) -> None:
            copy_crops(examples.cache.images(part[0]), part[1], part[2])

        # NumPy lets other threads run while it copies.
        for _ in self.pool.map(copy, parts):
            pass
        return pixels

    def validation(self, examples: Examples) -> tf.data.Dataset:
        """Every image once, in order and without augmentation."""
        batch_size = self.recipe.optimization.batch_size

        def all_once() -> Iterator[Batch]:
            for start in range(0, len(examples), batch_size):
                rows = examples.rows[start : start + batch_size]
                pixels = self._pixels(examples, rows)
                ignored = np.zeros((len(rows), WIDTH), np.float32)
                targets = examples.targets(rows, self.classes)
                yield (pixels, ignored), targets, np.ones(len(rows), np.float32)

        count = steps(len(examples), batch_size)
        return self._dataset(all_once, count, self._batch_spec())

    def _training_spec(self) -> Any:
        """What `training` gives."""
        return self._batch_spec()

    def _batch_spec(self) -> Any:
        """Shapes and types of a Batch."""
        side = fed_side(self.recipe.augmentation, self.preprocess)
        return (
            (
                tf.TensorSpec((None, side, side, 3), tf.uint8),
                tf.TensorSpec((None, WIDTH), tf.float32),
            ),
            tf.TensorSpec((None, self.classes), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        )

    def _dataset(
        self, generator: Callable[[], Iterator[Any]], count: int, spec: Any
    ) -> tf.data.Dataset:
        """The `count` batches of `generator`, two of them prefetched."""
        # TensorFlow keeps forever what it is given here, and with it would keep all images.
        kept = [partial(self._noting_errors, generator)]
        data = tf.data.Dataset.from_generator(
            lambda: (batch for batches in kept for batch in batches()),
            output_signature=spec,
        )
        data = data.apply(tf.data.experimental.assert_cardinality(count))
        options = tf.data.Options()
        # There are no files to divide among devices.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        # Nothing here can be tuned, and at the end of an epoch the iterator would wait for
        # the tuner, which may sleep for seconds.
        options.autotune.enabled = False
        data = data.prefetch(2).with_options(options)
        # Its iterators refer to the dataset.
        weakref.finalize(data, kept.clear).atexit = False
        return data

    def _noting_errors(self, generator: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        try:
            yield from generator()
        except Exception as error:
            self.errors.append(error)
            raise


def steps(count: int, batch_size: int) -> int:
    """How many batches of at most `batch_size` hold `count` images."""
    return -(-count // batch_size)
