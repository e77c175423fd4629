"""The training step on one device: its time, and the share of what the device can do.

    python scripts/benchmarks/gpu.py [--arch alexnet-owt,alexnet-bn] [--batch 256]
    python scripts/benchmarks/gpu.py --backend jax     # the same network under Keras' JAX
    python scripts/benchmarks/gpu.py --device cpu --arch tiny --batch 8 --steps 3

A row for each network, precision, and whether XLA compiles the step. A step is that of
`alexnet train` on a batch that is on the device already: crops, colors, forward, backward,
update; `scripts/benchmarks/pipeline.py` and `benchmark.py pipeline` compare it with batches
of real images. "compile" is the first step, the time is the median of the others, the
spread slowest by fastest. The peak is that of 16-bit matrices, for all rows: --peak, the
device's data sheet, or where neither is known what a product of two bfloat16 ones reaches.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from arguments import more_than, some_of
from compare_training import flop

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.errors import DeviceError
from alexnet_cli.model.alexnet import ARCHITECTURES

PEAKS = {
    "H200": 989, "H100 PCIe": 756, "H100 NVL": 835, "H100": 989, "A100": 312, "L40S": 362,
    "L4": 121, "A10G": 70, "A10": 125, "RTX 4090": 165, "T4": 65, "V100 PCIe": 112, "V100": 125,
}  # fmt: skip
"""TFLOP/s of dense bfloat16 matrices, of float16 before Ampere; the first that fits a name.

Source: NVIDIA's data sheets, where those of Hopper and Ada name twice as much for sparse
matrices; A10G: Baseten, "NVIDIA A10 vs A10G for ML model inference"; RTX 4090: with sums in
float32, NVIDIA's whitepaper of the Ada architecture, appendix A.
"""
SLOWER = {"NVL", "MIG", "LAPTOP", "D"}
"""Words of names of devices that are less than those of the names without."""
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
CLASSES = 1000
WARM_UP = 3
"""Steps after the first that are not timed."""


def peak_of(device: str) -> int | None:
    """TFLOP/s of the data sheet of the device with that name; None if it is not known."""
    words = set(device.upper().replace("-", " ").split())
    for name, peak in PEAKS.items():
        known = set(name.upper().split())
        if known <= words and not SLOWER & (words - known):
            return peak
    return None


def start(backend: str, device: str, policies: list[str]) -> str:
    """Start Keras on `backend`, on one device, and return the device's name.

    Raises:
        DeviceError: there is no such device, or it cannot compute in one of `policies`.
    """
    if backend == "jax":
        os.environ["KERAS_BACKEND"] = "jax"
        if device == "cpu":
            os.environ["JAX_PLATFORMS"] = "cpu"
        import jax

        return str(jax.devices()[0].device_kind)
    start_tensorflow()
    import tensorflow as tf

    from alexnet_cli.backend.devices import precision, strategy

    strategy(device)
    for policy in policies:
        precision(policy)
    gpus = tf.config.get_visible_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus[:1])
    return next((str(x["device_name"]) for x in details), "cpu")


def stepping(arch: str, batch: int, policy: str, *, xla: bool) -> Callable[[], float]:
    """A function that runs one training step and returns its seconds."""
    import keras
    import numpy as np

    from alexnet_cli.backend.dtype_policy import dtype_policy
    from alexnet_cli.dataset.augmentation.layer import AugmentAndStandardize
    from alexnet_cli.dataset.augmentation.parameters import WIDTH
    from alexnet_cli.dataset.augmentation.sampling import sample_parameters
    from alexnet_cli.model.model import build_model
    from alexnet_cli.recipe.preprocessing import preprocess_of
    from alexnet_cli.recipe.recipe import Recipe
    from alexnet_cli.trainer.optimizers import build_optimizer

    recipe = Recipe(arch=arch, batch_size=batch, mean="127", std="64")
    preprocess, rng = preprocess_of(recipe), np.random.default_rng(0)
    side = preprocess.stored_size
    with dtype_policy(policy):
        pixels = keras.Input((side, side, 3), dtype="uint8")
        packed = keras.Input((WIDTH,), dtype="float32")
        layer = AugmentAndStandardize(recipe.augmentation, preprocess, xla=xla)
        network = build_model(recipe.network.architecture(), CLASSES)
        model = keras.Model([pixels, packed], network(layer([pixels, packed])))
        model.compile(
            build_optimizer(recipe.optimization, recipe.lr_schedule.learning_rate),
            keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            # Without it the JAX backend computes operation by operation.
            jit_compile=xla,
        )
    images = rng.integers(0, 256, (batch, side, side, 3), np.uint8)
    drawn = sample_parameters(recipe.augmentation, preprocess, batch, rng).pack()
    labels = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, batch)]
    inputs = [keras.ops.convert_to_tensor(x) for x in (images, drawn)]
    targets = keras.ops.convert_to_tensor(labels)

    def step() -> float:
        started = time.perf_counter()
        float(model.train_on_batch(inputs, targets))  # Waits for the device.
        return time.perf_counter() - started

    return step


def product(side: int) -> float:
    """TFLOP/s of the product of two bfloat16 matrices of that side, the best of five."""
    import numpy as np
    from keras import ops

    one = ops.cast(np.random.default_rng(0).random((side, side), np.float32), "bfloat16")
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        float(ops.matmul(one, one)[0, 0])
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds[1:]) / 1e12


def rows(args: argparse.Namespace, peak: float) -> Iterator[list[Any]]:
    """The cells of each row of the table."""
    compiled = (True,) if args.backend == "jax" else (False, True)
    kinds = itertools.product(args.arch, args.precision, compiled)
    for arch, policy, xla in kinds:
        step = stepping(arch, args.batch, policy, xla=xla)
        first = step()
        seconds = [step() for _ in range(WARM_UP + args.steps)][WARM_UP:]
        median = statistics.median(seconds)
        reached = args.batch * flop(arch, CLASSES) / median / 1e12
        yield [
            arch, policy, "yes" if xla else "no", f"{first:.1f} s", f"{1000 * median:.3g}",
            f"{max(seconds) / min(seconds):.2f}", f"{args.batch / median:,.0f}",
            f"{reached:.3g}", f"{reached / peak:.2f}",
        ]  # fmt: skip


def main() -> None:
    """Print the table, in Markdown, row by row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--arch", type=some_of(ARCHITECTURES), default="alexnet-owt,alexnet-bn,alexnet-half"
    )
    parser.add_argument(
        "--precision", type=some_of(PRECISIONS), default=",".join(PRECISIONS)
    )
    parser.add_argument("--batch", type=more_than(0), default=256)
    parser.add_argument("--steps", type=more_than(0), default=20)
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    parser.add_argument("--device", default="auto", help="auto, cpu, or gpu:N")
    parser.add_argument(
        "--peak", type=more_than(0, float), help="TFLOP/s of 16-bit matrices of the device"
    )
    args = parser.parse_args()
    if args.backend == "jax" and args.device not in ("auto", "cpu"):
        parser.error("with jax --device is auto or cpu; set CUDA_VISIBLE_DEVICES")
    if "," in args.device:
        parser.error(f"--device {args.device} is more than one")
    try:
        name = start(args.backend, args.device, args.precision)
    except DeviceError as error:
        parser.error(str(error))
    peak, source = args.peak or peak_of(name), "--peak" if args.peak else "its data sheet"
    if not peak:
        side = 2048 if name == "cpu" else 8192
        peak, source = product(side), f"a product of {side} x {side} matrices"
    print(f"{name}, Keras on {args.backend}, batch {args.batch}, {args.steps} steps")
    print(f"peak, by {source}: {peak:.3g} TFLOP/s of 16-bit matrices\n")
    heads = ["network", "precision", "XLA", "compile", "ms per step", "spread", "images/s"]
    heads += ["TFLOP/s", "share of peak"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for cells in rows(args, peak):
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
