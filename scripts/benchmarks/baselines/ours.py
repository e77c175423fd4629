"""Our own turns: what `train` does, in pieces that can be timed.

python ours.py step ARCH BATCH PRECISION          a training step on a ready float32 batch
python ours.py matmul                             a 4096 x 4096 bfloat16 matrix product
python ours.py epoch FOLDER ARCH BATCH [FIELD=VALUE ...]
    on "step" or "epoch": steps on a ready batch, or on a whole epoch of the real pipeline
python ours.py classify RUN FOLDER                the network alone on ready images
Each line of standard input is one turn; its seconds are printed.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe

CLASSES = 5


def step(arch: str, batch: str, precision: str) -> Callable[[str], float]:
    """The network and optimizer of the default recipe on one batch."""
    start_tensorflow()
    import keras
    import tensorflow as tf

    from alexnet_cli.backend import devices
    from alexnet_cli.model.model import build_model
    from alexnet_cli.trainer.optimizers import build_optimizer

    recipe = Recipe(arch=arch, batch_size=int(batch))
    keras.config.set_dtype_policy(devices.precision(precision))
    network = build_model(recipe.network.architecture(), CLASSES)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    network.compile(build_optimizer(recipe), loss, metrics=["accuracy"], jit_compile=False)
    side = recipe.network.architecture().input_size
    pixels = np.random.default_rng(0).random((int(batch), side, side, 3), np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[np.arange(int(batch)) % CLASSES]
    data = iter(tf.data.Dataset.from_tensors((pixels, labels)).repeat())
    network.make_train_function()
    train = network.train_function

    def turn(line: str) -> float:
        started = time.perf_counter()
        float(train(data)["loss"])
        return time.perf_counter() - started

    return turn


def matmul() -> Callable[[str], float]:
    """What the machine's matrix product takes."""
    start_tensorflow()
    import tensorflow as tf

    a, b = (tf.cast(tf.random.normal((4096, 4096)), tf.bfloat16) for _ in "ab")
    product = tf.function(tf.matmul)

    def turn(line: str) -> float:
        started = time.perf_counter()
        float(product(a, b)[0, 0])
        return time.perf_counter() - started

    return turn


def epoch(folder: str, arch: str, batch: str, *fields: str) -> Callable[[str], float]:
    """Real images through the real pipeline, and the same steps on one ready batch."""
    from alexnet_cli.dataset.prepare import find_images, prepare

    values = dict(x.split("=") for x in fields)
    typed = {
        k: type(getattr(Recipe, k))(v) if k != "hflip" else v == "1"
        for k, v in values.items()
    }
    recipe = Recipe(arch=arch, batch_size=int(batch), **typed)
    gathered = prepare(find_images(Path(folder), ()), recipe, lambda done, count: None)
    start_tensorflow()
    import tensorflow as tf

    from alexnet_cli.backend import devices
    from alexnet_cli.run.directory import new_run
    from alexnet_cli.trainer.input_pipeline import training_batches
    from alexnet_cli.trainer.optimizers import build_optimizer
    from alexnet_cli.trainer.training_model import TrainingModel

    recipe = Recipe(**{**vars(recipe), "precision": devices.precision("auto")})
    classes = tuple("abcdefghij"[: int(gathered.training.labels.max()) + 1])
    run = new_run(Path("nowhere"), recipe, classes, Path(folder))
    learner = TrainingModel(run, devices.strategy("cpu"))
    network, model = learner.network, learner.at(run.preprocess.input_size)
    data = training_batches(
        gathered.training, recipe, preprocess_of(recipe), len(classes), lambda: 1
    )
    count = len(gathered.training) // recipe.optimization.batch_size
    network.compile(
        build_optimizer(recipe), model.loss, metrics=["accuracy"], jit_compile=False
    )
    side = recipe.network.architecture().input_size
    pixels = np.random.default_rng(0).random(
        (recipe.optimization.batch_size, side, side, 3), np.float32
    )
    labels = np.eye(len(classes), dtype=np.float32)[
        np.arange(recipe.optimization.batch_size) % len(classes)
    ]
    ready = tf.data.Dataset.from_tensors((pixels, labels)).repeat(count)
    ready = ready.with_options(data.options())
    whole = data.take(count)

    def turn(line: str) -> float:
        used, source = (network, ready) if line == "step" else (model, whole)
        started = time.perf_counter()
        used.fit(source, epochs=1, verbose=0, shuffle=False)
        return (time.perf_counter() - started) / (count * recipe.optimization.batch_size)

    return turn


def classify(run: str, folder: str) -> Callable[[str], float]:
    """The network without the images' decoding."""
    from alexnet_cli.dataset.decoding import decode_files
    from alexnet_cli.inference.classifier import Classifier
    from alexnet_cli.inference.network import BATCH
    from alexnet_cli.run.run import Run

    opened = Run.open(Path(run))
    classifier = Classifier(opened)
    files = sorted(x for x in Path(folder).rglob("*") if x.is_file())
    pixels = np.stack([x.pixels for x in decode_files(files, opened.preprocess)])

    def turn(line: str) -> float:
        started = time.perf_counter()
        for start in range(0, len(pixels), BATCH):
            classifier(pixels[start : start + BATCH])
        return time.perf_counter() - started

    return turn


def main() -> None:
    """Take a turn for each line."""
    ways = {"step": step, "matmul": matmul, "epoch": epoch, "classify": classify}
    turn = ways[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        print(turn(line.strip()), flush=True)


if __name__ == "__main__":
    main()
