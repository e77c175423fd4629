"""A first layer that begins as the principal components of the images' patches."""

from collections.abc import Iterator

import keras
import numpy as np

from ..arrays import Doubles, Floats
from ..dataset.augmentation.layer import AugmentAndStandardize
from ..dataset.pixel_cache import Examples
from ..inference.network import load_mean_image
from ..run.run import Run
from .input_pipeline import InputPipeline

IMAGES, PATCHES = 1000, 20
"""Images that are looked at, 1 to 2 times as many, and patches of each of them."""


def begin_first_layer(network: keras.Model, run: Run, training: Examples) -> None:
    """Initialize the first convolution of `network` as the recipe says."""
    recipe = run.recipe
    # A recipe may say so where pretrained weights are given, which are left alone.
    if recipe.network.first_layer == "patches" and recipe.pretrained.weights is None:
        begin_with_patches(network, run, training)


def begin_with_patches(network: keras.Model, run: Run, training: Examples) -> None:
    """Give the first convolution of `network` principal components and their negatives.

    Those of the second moments, about zero, of patches of the standardized training images;
    each kernel is as long as the random ones are on average. Source: Jordan 2024, "94% on
    CIFAR-10 in 3.29 seconds on a single GPU", section 3.2, which divides them by their
    deviations as well.
    """
    layer = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
    kernel = np.array(layer.kernel)
    height, width, _, count = kernel.shape
    found = _components(_moments(run, training, (height, width)))[:, : (count + 1) // 2]
    pairs = np.stack([found, -found], axis=2).reshape(len(found), -1)[:, :count]
    flat = kernel.reshape(-1, count)
    # Of more kernels than pairs the others stay random.
    flat[:, : pairs.shape[1]] = np.linalg.norm(flat, axis=0).mean() * pairs
    layer.kernel.assign(flat.reshape(kernel.shape))


def _components(moments: Doubles) -> Doubles:
    """The eigenvectors of `moments` [n, n] as columns, the largest first."""
    _, vectors = np.linalg.eigh(moments)
    vectors = vectors[:, ::-1]
    # The sign of an eigenvector is arbitrary.
    largest = np.abs(vectors).argmax(axis=0)
    signed: Doubles = vectors * np.sign(vectors[largest, np.arange(len(vectors))])
    return signed


def _moments(run: Run, training: Examples, shape: tuple[int, int]) -> Doubles:
    """Products of values of patches h x w, summed over the patches, [3 h w, 3 h w]."""
    rng = np.random.default_rng((run.recipe.machine.seed, 1))
    size = 3 * shape[0] * shape[1]
    moments: Doubles = np.zeros((size, size))
    for images in _standardized(run, training):
        windows = np.lib.stride_tricks.sliding_window_view(images, shape, axis=(1, 2))
        count = len(images), PATCHES
        y, x = (rng.integers(0, n, count) for n in windows.shape[1:3])
        patches = windows[np.arange(len(images))[:, None], y, x]  # [B, P, 3, h, w]
        flat = patches.transpose(0, 1, 3, 4, 2).reshape(-1, size)
        moments += flat.T @ flat
    return moments


def _standardized(run: Run, training: Examples) -> Iterator[Floats]:
    """The centers of some training images as the network gets them, [B, S, S, 3]."""
    layer = AugmentAndStandardize(
        run.recipe.augmentation, run.preprocess, load_mean_image(run)
    )
    rows = training.rows[:: max(1, len(training) // IMAGES)]
    some = Examples(training.cache, rows, training.labels)
    pipeline = InputPipeline(run.recipe, run.preprocess, len(run.classes))
    for inputs, *_ in pipeline.validation(some):
        yield np.asarray(layer(inputs, training=False))
