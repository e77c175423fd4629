"""The principal colors of the training images, for PCA lighting."""

import numpy as np

from ..arrays import Doubles
from ..dataset.augmentation.sampling import principal_colors
from ..dataset.pixel_cache import Examples
from ..recipe.recipe import Recipe
from .context import TrainContext


def shared_lighting(
    recipe: Recipe, training: Examples, context: TrainContext
) -> Doubles | None:
    """As `principal_lighting`, the same on all workers."""
    if context.workers is None or not recipe.augmentation.pca_lighting:
        return principal_lighting(recipe, training)
    found = principal_lighting(recipe, training) if context.writes else None
    data = context.workers.from_chief(b"" if found is None else found.tobytes())
    return np.frombuffer(data).reshape(-1, 3)


def principal_lighting(recipe: Recipe, training: Examples) -> Doubles | None:
    """The principal colors of some training images, if PCA lighting needs them."""
    if not recipe.augmentation.pca_lighting:
        return None
    some = training.rows[:: max(1, len(training) // 500)]
    return principal_colors(training.pixels(some))
