"""Images per second of two workers by those of one, with one core and equal work for each.

    python scripts/benchmarks/scaling.py [--arch alexnet-half] [--batch 64] [--steps 20]
        [--precision auto] [--batch-norm synchronized]

Steps of training with random images, without decoding: one worker alone; two that know
nothing of each other, which shows what they share anyway (memory, caches, clock); and two
that train together. Each is bound to a core of its own by taskset; the seconds that it
computes, which other programs on that core change least, are beside. Then what the gradients
of a step weigh, and from that, on paper, how much of a step more workers would wait.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from helpers import free_addresses

WARM = 3
"""First steps, which compile, and whose time does not count."""


def main() -> None:
    """Start the workers, and print what they measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--arch", default="alexnet-half")
    parser.add_argument("--batch", type=int, default=64, help="images of each worker")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--batch-norm", default="synchronized")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker is not None:
        print(json.dumps(measured(args)))
        return
    started = " ".join(f"{x:.1f}" for x in os.getloadavg())
    (one,) = started_workers(args, 1, together=False)
    apart = started_workers(args, 2, together=False)
    both = started_workers(args, 2, together=True)
    print(
        f"{args.arch}, batch {args.batch} for each worker, {one['precision']}; load {started}"
    )
    for name, found in (
        ("one worker", [one]),
        ("two, apart", apart),
        ("two, together", both),
    ):
        rate = sum(x["rate"] for x in found)
        work = max(x["work"] for x in found)
        print(
            f"{name:14} {rate:7.1f} images/s   {rate / one['rate']:.2f} times one   "
            f"{work:.2f} s of its core per step"
        )
    size = 4 if one["precision"] == "float32" else 2
    print(f"gradients {one['parameters'] * size / 1e6:.1f} MB per step")
    on_paper(one["parameters"], args.batch / one["rate"])


def started_workers(args: argparse.Namespace, count: int, *, together: bool) -> list[dict]:
    """What `count` workers measured that ran at the same time."""
    addresses = free_addresses(count)
    processes = []
    for index in range(count):
        words = [
            "taskset",
            "-c",
            str(index),
            sys.executable,
            __file__,
            "--worker",
            str(index),
        ]
        words += ["--arch", args.arch, "--batch", str(args.batch)]
        words += ["--steps", str(args.steps), "--precision", args.precision]
        words += ["--batch-norm", args.batch_norm]
        environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
        if together:
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(config)
        processes.append(
            subprocess.Popen(
                words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        )
    return [json.loads(x.communicate()[0].splitlines()[-1]) for x in processes]


def measured(args: argparse.Namespace) -> dict:
    """The speed of this worker: alone, or one of those in TF_CONFIG."""
    from alexnet_cli.backend.startup import start_tensorflow
    from alexnet_cli.backend.workers import join

    workers = join("tf-config", "cpu", os.environ) if "TF_CONFIG" in os.environ else None
    start_tensorflow()
    import numpy as np
    import tensorflow as tf

    from alexnet_cli import Recipe
    from alexnet_cli.backend.devices import precision
    from alexnet_cli.backend.dtype_policy import dtype_policy
    from alexnet_cli.dataset.augmentation.layer import fed_side
    from alexnet_cli.dataset.augmentation.parameters import WIDTH
    from alexnet_cli.run.directory import new_run
    from alexnet_cli.trainer.shared_step import SharedStep
    from alexnet_cli.trainer.training_model import TrainingModel

    exact = precision(args.precision)
    recipe = Recipe(arch=args.arch, precision=exact, random_crop=True, crop_area=0.0)
    with tempfile.TemporaryDirectory() as folder, dtype_policy(exact):
        run = new_run(Path(folder), recipe, tuple("abcdefghij"))
        shared = None
        if workers:
            synchronized = args.batch_norm == "synchronized"
            shared = SharedStep(
                workers, synchronized=synchronized, started=time.monotonic()
            )
        training = TrainingModel(run, tf.distribute.get_strategy(), (), shared)
        model = training.at(run.preprocess.input_size)
        side, n = fed_side(recipe.augmentation, run.preprocess), args.batch
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (n, side, side, 3), np.uint8)
        targets = np.eye(10, dtype=np.float32)[rng.integers(0, 10, n)]
        batch = (pixels, np.zeros((n, WIDTH), np.float32)), targets, np.ones(n, np.float32)
        data = tf.data.Dataset.from_tensors(batch)
        model.evaluate(data, verbose=0)  # creates the variables of the metrics
        if workers:
            whole = n * workers.count
            rows = np.arange(n, dtype=np.int32) + n * workers.index
            data = tf.data.Dataset.from_tensors(
                (batch, rows, np.array([whole, n], np.int32))
            )
        batches = iter(data.repeat())
        model.make_train_function()
        for number in range(WARM + args.steps):
            if number == WARM:
                began, worked = time.perf_counter(), time.process_time()
            float(model.train_function(batches)["loss"])
        seconds = time.perf_counter() - began
        worked = time.process_time() - worked
    return {
        "rate": args.steps * n / seconds,
        "work": worked / args.steps,
        "parameters": training.network.count_params(),
        "precision": exact,
    }


def on_paper(parameters: int, step: float) -> None:
    """Print how long a ring all-reduce takes, by workers, network and type of gradients.

    Each worker sends and receives 2 (n - 1) / n times the gradients.
    """
    print(
        f"on paper, seconds per step to sum {parameters / 1e6:.1f} M gradients (a step here {step:.2f})"
    )
    for count in (8, 64):
        for speed in (10, 100):
            wide = 2 * (count - 1) / count * 4 * parameters * 8 / (speed * 1e9)
            print(
                f"  {count:2} workers, {speed:3} Gbit/s: float32 {wide:.4f}, bfloat16 {wide / 2:.4f}"
            )


if __name__ == "__main__":
    main()
