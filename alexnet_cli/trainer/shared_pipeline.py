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
    """A worker's part of each batch, its places [b] there, and how many images there are.

    Those are the numbers [2] of the whole batch and of the part. In place of an empty part
    there is a black image of weight 0, since not every kernel of TensorFlow takes none.

    Order and augmentation are drawn for the whole batch. Partners of mixup and CutMix are
    of the same part.
    """

    def _training_spec(self) -> Any:
        places = tf.TensorSpec((None,), tf.int32)
        return self._batch_spec(), places, tf.TensorSpec((2,), tf.int32)

    def _augmented(self, examples: Examples, rows: Rows, packed: Floats) -> Any:
        places = np.flatnonzero(_cache(examples).owned(rows))
        counts = np.array([len(rows), len(places)], np.int32)
        if not len(places):
            return self._nothing(), np.zeros(1, np.int32), counts
        part = super()._augmented(examples, rows[places], packed[places])
        return part, places.astype(np.int32), counts

    def _nothing(self) -> Any:
        """A batch of an image that does not count."""
        side = fed_side(self.recipe.augmentation, self.preprocess)
        inputs = np.zeros((1, side, side, 3), np.uint8), np.zeros((1, WIDTH), np.float32)
        return inputs, np.zeros((1, self.classes), np.float32), np.zeros(1, np.float32)


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
