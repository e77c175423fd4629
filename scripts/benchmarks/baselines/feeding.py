"""The input pipeline of training, alone or before a network; started by ../pipeline.py.

    python feeding.py CORES SECONDS BATCH ARCH

For each line of standard input, "GEOMETRY CACHE STORED INPUT FED", runs for that many
seconds on the first CORES cores and prints images, seconds and processor seconds. FED is
what takes the batches: "nothing", "network", or "ready" for the network on one batch that
is used again and again. PYTHONPATH may point to another checkout.
"""

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_cli.backend.startup import start_tensorflow

IMAGES, CLASSES = 2048, 5
"""More than the processor's own memory holds; an epoch has each a hundred times."""
GEOMETRIES: dict[str, dict[str, Any]] = {
    "copy": {"crop_area": 0.0, "random_crop": True},
    "boxes": {},
    "warp": {"rotation": 15.0},
}


@cache
def examples(kind: str, side: int) -> Any:
    """Random images of `side`, kept in memory or on disk."""
    from alexnet_cli.dataset.pixel_cache import DiskCache, Examples, MemoryCache
    from alexnet_cli.dataset.sources.source import Sample

    kept = MemoryCache(IMAGES, side) if kind == "ram" else DiskCache(side)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (side, side, 3), np.uint8)
    for _ in range(IMAGES):
        kept.add(Sample("", 0, ""), image)
    rows = np.tile(np.arange(IMAGES), 100)
    return Examples(kept, rows, rng.integers(0, CLASSES, IMAGES))


def pipeline(geometry: str, sides: tuple[int, int], recipe: Any) -> Any:
    """The pipeline of `recipe` for images of `sides`, stored and fed to the network."""
    from alexnet_cli.recipe.preprocessing import preprocess_of
    from alexnet_cli.trainer.input_pipeline import InputPipeline

    preprocess = dataclasses.replace(
        preprocess_of(recipe), stored_size=sides[0], input_size=sides[1]
    )
    return InputPipeline(recipe, preprocess, CLASSES)


@cache
def stepping(geometry: str, sides: tuple[int, int], recipe: Any) -> Callable[[Any], Any]:
    """A function that trains the network of `recipe` on the next batch of an iterator."""
    import keras
    import tensorflow as tf

    from alexnet_cli.backend import devices
    from alexnet_cli.run.directory import new_run
    from alexnet_cli.trainer.optimizers import build_optimizer
    from alexnet_cli.trainer.training_model import TrainingModel

    exact = devices.precision("auto")
    keras.config.set_dtype_policy(exact)
    names = tuple(map(str, range(CLASSES)))
    run = new_run(Path("nowhere"), recipe.changed(precision=exact), names)
    run = dataclasses.replace(run, preprocess=pipeline(geometry, sides, recipe).preprocess)
    model = TrainingModel(run, tf.distribute.get_strategy()).at(sides[1])
    optimizer = build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate)
    model.compile(optimizer, model.loss, metrics=["accuracy"], jit_compile=False)
    model.make_train_function()
    return lambda batches: float(model.train_function(batches)["loss"])


def measure(words: list[str], recipe: Any, seconds: float) -> tuple[int, float, float]:
    """Images, seconds and processor seconds of one run."""
    geometry, kind, stored, fed, takes = words
    sides = int(stored), int(fed)
    data = pipeline(geometry, sides, recipe).training(examples(kind, sides[0]), 1)
    if takes == "ready":
        data = data.take(1).cache().repeat().with_options(data.options())
    step = next if takes == "nothing" else stepping(geometry, sides, recipe)
    batches = iter(data)
    # Setting up is once an epoch, and the first step compiles.
    step(batches)
    count, started, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        step(batches)
        count += recipe.optimization.batch_size
    return count, time.perf_counter() - started, time.process_time() - used


def main() -> None:
    """Measure once for each line."""
    cores, seconds, batch, arch = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    start_tensorflow()
    from alexnet_cli.backend.devices import strategy
    from alexnet_cli.recipe.recipe import Recipe

    # One device; TensorFlow takes all of those that it may see.
    strategy("auto")
    for line in sys.stdin:
        words = line.split()
        recipe = Recipe(arch=arch, batch_size=int(batch), **GEOMETRIES[words[0]])
        print(*measure(words, recipe, float(seconds)), flush=True)


if __name__ == "__main__":
    main()
