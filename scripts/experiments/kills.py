"""A training on real images, killed at random moments and continued, against one that was not.

    python scripts/experiments/kills.py [--count 200] [--data FOLDER] [--side 64] [--seed 0]
        [--plain]

Trains once without a kill, then again and again under kills (SIGKILL, at a moment within
the time that a whole training takes) until --count of them have hit. After each training
the weights must be the same bit by bit, and history.csv but for its images per second.
Exit code 1 if they are not. --plain starts a process for each command instead of forking
one that has imported TensorFlow.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "faults"))

from harness import Forks, KillBench, Processes

FLOWERS = Path(__file__).parents[3] / "shared" / "data" / "flower_photos"
OPTIONS = (
    "--arch tiny --optimizer adamw --learning-rate 0.003 --fraction 0.1 --epochs 3 "
    "--ema 0.9 --mixup 0.2 --deterministic --checkpoint-minutes 0.01"
)
"""Every generator and every average that a training has takes part."""


def main() -> None:
    """Kill, continue and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--data", type=Path, default=FLOWERS)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    words = ["--data", str(args.data), "--size", str(args.side), *OPTIONS.split()]
    with (
        tempfile.TemporaryDirectory() as folder,
        (Processes if args.plain else Forks)() as runner,
    ):
        bench = KillBench(Path(folder), runner, words, random.Random(args.seed))
        found = bench.killed(args.count, print)
    print(
        f"{found.kills} kills of {found.rounds} trainings, {found.resumed} continued with "
        f"--resume, {len(found.differences)} differences"
    )
    sys.exit(bool(found.differences))


if __name__ == "__main__":
    main()
