"""Where the time of a training step goes, by TensorFlow's own profiler.

    python scripts/benchmarks/profile_step.py [--arch alexnet-bn] [--batch 64] [--precision auto]

Milliseconds per step by kind of operation. Operations overlap where they run in parallel,
so their sum is more than the step. Set PYTHONPATH to another checkout to compare.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_cli.backend.devices import precision, strategy
from alexnet_cli.backend.startup import start_tensorflow

STEPS = 5
KINDS = {
    "convolution, forward": ("FusedConv2D", "NativeConv2D", "Conv2D"),
    "convolution, gradient of weights": ("Conv2DBackpropFilter",),
    "convolution, gradient of inputs": ("Conv2DBackpropInput",),
    "dense layers": ("MatMul",),
    "batch normalization": ("BatchNorm",),
    "local response normalization": ("LRN",),
    "pooling": ("MaxPool", "AvgPool"),
    "weight update": ("ResourceApply", "AssignAdd", "AssignSub"),
    "casts": ("Cast",),
    "slices": ("StridedSlice", "Slice", "Split", "ConcatV2"),
    "ReLU": ("Relu",),
    "sums and means": ("Sum", "Mean", "SquaredDifference", "BiasAddGrad", "AddN", "Tile"),
    "other arithmetic": ("Mul", "Add", "Sub", "RealDiv", "Select", "Greater", "Random"),
}


def operations(logs: Path) -> Counter[str]:
    """Milliseconds of each operation that the profile under `logs` holds."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(next(logs.rglob("*.xplane.pb")).read_bytes())
    taken: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if "/" in name and ":" in name:
                    taken[name.rsplit(":", 1)[1]] += event.duration_ps / 1e9
    return taken


def kind(operation: str) -> str:
    """The row of KINDS that `operation` belongs to."""
    matching = ((len(x), k) for k, names in KINDS.items() for x in names if x in operation)
    return max(matching, default=(0, "everything else"))[1]


def stepping(arch: str, batch: int, policy: str) -> Callable[[], list[float]]:
    """A function that runs STEPS training steps on one batch and returns their seconds."""
    import keras
    import tensorflow as tf

    from alexnet_cli.model.model import build_model
    from alexnet_cli.recipe.recipe import Recipe
    from alexnet_cli.trainer.optimizers import build_optimizer

    recipe = Recipe(arch=arch, batch_size=batch)
    keras.config.set_dtype_policy(policy)
    network = build_model(recipe.network.architecture(), 5)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    optimizer = build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate)
    network.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    pixels = np.random.default_rng(0).random((batch, *network.input_shape[1:]), np.float32)
    labels = np.eye(5, dtype=np.float32)[np.arange(batch) % 5]
    data = iter(tf.data.Dataset.from_tensors((pixels, labels)).repeat())
    network.make_train_function()

    def steps() -> list[float]:
        seconds = []
        for _ in range(STEPS):
            started = time.perf_counter()
            float(network.train_function(data)["loss"])
            seconds.append(time.perf_counter() - started)
        return seconds

    return steps


def main() -> None:
    """Profile a few steps and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--arch", default="alexnet-bn")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precision", default="auto")
    args = parser.parse_args()
    start_tensorflow()
    import tensorflow as tf

    strategy("auto")
    name = precision(args.precision)
    steps = stepping(args.arch, args.batch, name)
    steps()
    plain = float(np.median(steps()))
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            steps()
        taken: Counter[str] = Counter()
        for operation, milliseconds in operations(Path(folder)).items():
            taken[kind(operation)] += milliseconds / STEPS
    print(f"{args.arch}, batch {args.batch}, {name}: {1000 * plain:.0f} ms per step")
    for row, milliseconds in taken.most_common():
        print(f"  {row:35} {milliseconds:7.1f}")


if __name__ == "__main__":
    main()
