"""What a checkpoint and a resume cost, in seconds.

    python scripts/benchmarks/checkpoints.py [--arch alexnet-half] [--ema 0.999] [--rounds 5]
        [--folder FOLDER]

Takes training's own code, with AdamW and, if --ema is not 0, a moving average.
"stall" is how long training waits while its state is copied; "write" is how long the thread
then needs to write, hash and sync it to the disk of FOLDER; "resume" is reading it back,
checked. The share is of training with a checkpoint every 5 minutes, in which the stall and
all of the thread's work count.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.run.checkpoints import newest, write_checkpoint
from alexnet_cli.run.directory import new_run

MINUTES = 5


def measured(arch: str, ema: float, rounds: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each round, by what was done; the size of a checkpoint in bytes."""
    from alexnet_cli.backend.devices import strategy
    from alexnet_cli.trainer.callbacks import LearningRateScheduler
    from alexnet_cli.trainer.ema import ExponentialMovingAverage
    from alexnet_cli.trainer.history import History
    from alexnet_cli.trainer.planner import EpochPlanner, Workload
    from alexnet_cli.trainer.state import TrainingState
    from alexnet_cli.trainer.training_model import TrainingModel

    recipe = Recipe(arch=arch, optimizer="adamw", ema=ema, precision="float32")
    run = new_run(folder, recipe, tuple("abcde"))
    model = TrainingModel(run, strategy("cpu"))
    planner = EpochPlanner(Workload(1, 0, run.preprocess.input_size, 100))
    scheduler = LearningRateScheduler(recipe.lr_schedule, recipe.pretrained, planner)
    state = TrainingState(
        model,
        planner,
        scheduler,
        ExponentialMovingAverage(model.network, ema) if ema else None,
        History(),
        started=time.monotonic(),
    )
    seconds: dict[str, list[float]] = {"stall": [], "write": [], "resume": [], "bytes": []}
    for _ in range(rounds + 1):
        start = time.perf_counter()
        plain, arrays = state.collect()
        copied = time.perf_counter()
        checkpoint = write_checkpoint(folder, (0, 1), plain, arrays)
        written = time.perf_counter()
        del plain, arrays
        reading = time.perf_counter()
        found = newest(folder)
        assert found is not None
        state.restore(found)
        seconds["resume"].append(time.perf_counter() - reading)
        seconds["stall"].append(copied - start)
        seconds["write"].append(written - copied)
        seconds["bytes"].append(checkpoint.arrays_file.stat().st_size)
    # The first round starts threads and grows the heap.
    return {k: v[1:] for k, v in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arch", default="alexnet-half")
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    options = parser.parse_args()
    start_tensorflow()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        seconds = measured(options.arch, options.ema, options.rounds, Path(folder))
    size = seconds.pop("bytes")[0]
    print(f"{options.arch}: {size / 1e6:.0f} MB per checkpoint")
    for name, values in seconds.items():
        share = f"  {np.median(values) / (60 * MINUTES):.2%} of {MINUTES} minutes"
        print(
            f"  {name:<7} {statistics.median(values):7.2f} s "
            f"({min(values):.2f} to {max(values):.2f}){'' if name == 'resume' else share}"
        )


if __name__ == "__main__":
    main()
