"""Every image is in one batch of an epoch, and no batch is much smaller than another."""

import numpy as np
import pytest

from alexnet_cli.dataset.pixel_cache import Examples, MemoryCache
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.trainer.input_pipeline import training_batches


@pytest.mark.parametrize("count,size", [(65, 64), (10, 3), (5, 8), (12, 4)])
def test_batches_are_even_and_whole(count, size):
    recipe = Recipe(arch="tiny", size=36, batch_size=size, hflip=False, crop_area=0.0)
    preprocess = preprocess_of(recipe)
    store = MemoryCache(count, 36)
    for i in range(count):
        store.add(None, np.full((36, 36, 3), i, np.uint8))
    examples = Examples(store, np.arange(count), np.zeros(count, np.int64))
    data = list(training_batches(examples, recipe, preprocess, 2, lambda: 1))
    sizes = [len(labels) for _, labels in data]
    assert len(data) == -(-count // size)
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1
    seen = np.concatenate([np.asarray(x[0])[:, 0, 0, 0] for x, _ in data])
    assert sorted(seen) == list(range(count))
