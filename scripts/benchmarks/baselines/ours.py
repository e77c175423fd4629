"""Parts of our own commands, each to be measured alone.

python ours.py step ARCH BATCH PRECISION    a training step on a ready float32 batch
python ours.py matmul                       a 4096 x 4096 bfloat16 matrix product
python ours.py epoch FOLDER FIELDS          FIELDS of a recipe are a JSON object
    seconds per image; for the line "step" steps on one ready batch, for the line "epoch"
    a whole epoch of the real input pipeline
python ours.py classify RUN FOLDER          the network alone on ready images
Measures once for each line of standard input, and prints the seconds.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.recipe.recipe import Recipe

CLASSES = 5
Measure = Callable[[str], float]


def step(arch: str, batch: str, precision: str) -> Measure:
    """The network `arch` with the optimizer of a plain recipe on one batch."""
    start_tensorflow()
    import keras
    import tensorflow as tf

    from alexnet_cli.backend import devices
    from alexnet_cli.model.model import build_model
    from alexnet_cli.trainer.optimizers import build_optimizer

    devices.strategy("auto")
    recipe = Recipe(arch=arch, batch_size=int(batch))
    keras.config.set_dtype_policy(devices.precision(precision))
    network = build_model(recipe.network.architecture(), CLASSES)
    optimizer = build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    data = iter(tf.data.Dataset.from_tensors(_ready_batch(recipe, CLASSES)).repeat())
    network.make_train_function()
    train = network.train_function

    def measure(line: str) -> float:
        started = time.perf_counter()
        float(train(data)["loss"])
        return time.perf_counter() - started

    return measure


def _ready_batch(recipe: Recipe, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Random inputs [B, S, S, 3] and one-hot labels [B, K]."""
    batch, side = recipe.optimization.batch_size, recipe.network.architecture().input_size
    pixels = np.random.default_rng(0).random((batch, side, side, 3), np.float32)
    return pixels, np.eye(classes, dtype=np.float32)[np.arange(batch) % classes]


def matmul() -> Measure:
    """The machine's matrix product."""
    start_tensorflow()
    import tensorflow as tf

    from alexnet_cli.backend.devices import strategy

    strategy("auto")
    a, b = (tf.cast(tf.random.normal((4096, 4096)), tf.bfloat16) for _ in "ab")
    product = tf.function(tf.matmul)

    def measure(line: str) -> float:
        started = time.perf_counter()
        float(product(a, b)[0, 0])
        return time.perf_counter() - started

    return measure


def epoch(folder: str, fields: str) -> Measure:
    """Real images through the real pipeline, and steps on one ready batch."""
    from alexnet_cli.dataset.prepare import prepare
    from alexnet_cli.dataset.sources.class_folders import find_images

    recipe = Recipe(**json.loads(fields))
    source = find_images(Path(folder))
    examples = prepare(source, recipe).training
    start_tensorflow()
    import keras
    import tensorflow as tf

    from alexnet_cli.backend import devices
    from alexnet_cli.run.directory import new_run
    from alexnet_cli.trainer.input_pipeline import InputPipeline, steps
    from alexnet_cli.trainer.optimizers import build_optimizer
    from alexnet_cli.trainer.training_model import TrainingModel

    exact = devices.precision("auto")
    keras.config.set_dtype_policy(exact)
    run = new_run(Path("nowhere"), recipe.changed(precision=exact), source.classes)
    training_model = TrainingModel(run, devices.strategy("cpu"))
    network, model = training_model.network, training_model.at(run.preprocess.input_size)
    optimizer = build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate)
    network.compile(optimizer, model.loss, metrics=["accuracy"], jit_compile=False)
    real = InputPipeline(recipe, run.preprocess, len(source.classes)).training(examples, 1)
    batch_size = recipe.optimization.batch_size
    count = steps(len(examples), batch_size)
    batch = _ready_batch(recipe, len(source.classes))
    ready = tf.data.Dataset.from_tensors(batch).repeat(count).with_options(real.options())

    def measure(line: str) -> float:
        used, data, images = (
            (network, ready, count * batch_size)
            if line == "step"
            else (model, real, len(examples))
        )
        started = time.perf_counter()
        used.fit(data, epochs=1, verbose=0, shuffle=False)
        return (time.perf_counter() - started) / images

    return measure


def classify(run: str, folder: str) -> Measure:
    """The network without decoding."""
    from alexnet_cli.dataset.decoding import decode_files
    from alexnet_cli.inference.classifier import Classifier
    from alexnet_cli.inference.network import BATCH

    classifier = Classifier(run)
    files = sorted(x for x in Path(folder).rglob("*") if x.is_file())
    decoded = decode_files(files, classifier.run.preprocess)
    pixels = np.stack([x.pixels for x in decoded])

    def measure(line: str) -> float:
        started = time.perf_counter()
        for start in range(0, len(pixels), BATCH):
            classifier.probabilities(pixels[start : start + BATCH])
        return time.perf_counter() - started

    return measure


def main() -> None:
    """Measure once for each line."""
    parts = {"step": step, "matmul": matmul, "epoch": epoch, "classify": classify}
    measure = parts[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        print(measure(line.strip()), flush=True)


if __name__ == "__main__":
    main()
