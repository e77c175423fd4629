"""Batches of which a worker gets the images that it has decoded."""

from typing import Any

import numpy as np
import tensorflow as tf

from ..arrays import Floats, Rows
from ..dataset.augmentation.layer import fed_side
from ..dataset.augmentation.parameters import WIDTH
from ..dataset.pixel_cache import Examples
from ..dataset.shared_decoding import SharedCache
from .input_pipeline import InputPipeline


class SharedPipeline(InputPipeline):
    """A worker's part of each batch, its places [b] there, and the images in all of it.

    Order and augmentation are drawn for the whole batch. Partners of mixup and CutMix are
    of the same part.
    """

    def _training_spec(self) -> Any:
        places = tf.TensorSpec((None,), tf.int32)
        return self._batch_spec(), places, tf.TensorSpec((), tf.int32)

    def _augmented(self, examples: Examples, rows: Rows, packed: Floats) -> Any:
        places = np.flatnonzero(_cache(examples).owned(rows))
        part = self._none()
        if len(places):
            part = super()._augmented(examples, rows[places], packed[places])
        return part, places.astype(np.int32), np.int32(len(rows))

    def _none(self) -> Any:
        """A part without images."""
        side = fed_side(self.recipe.augmentation, self.preprocess)
        inputs = np.zeros((0, side, side, 3), np.uint8), np.zeros((0, WIDTH), np.float32)
        return inputs, np.zeros((0, self.classes), np.float32), np.zeros(0, np.float32)


def own_part(examples: Examples) -> Examples:
    """Those of `examples` that this worker has decoded; one of another's if there are none.

    Keras evaluates nothing but images.
    """
    rows = examples.rows[_cache(examples).owned(examples.rows)]
    return Examples(
        examples.cache, rows if len(rows) else examples.rows[:1], examples.labels
    )


def has_none(examples: Examples) -> bool:
    """Whether this worker has decoded none of them."""
    return not _cache(examples).owned(examples.rows).any()


def _cache(examples: Examples) -> SharedCache:
    cache = examples.cache
    assert isinstance(cache, SharedCache)
    return cache
