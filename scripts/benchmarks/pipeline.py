"""Images per second of the input pipeline of training, and how long a network waits for it.

    python scripts/benchmarks/pipeline.py --no-network [--cores 1] [--before CHECKOUT]
    python scripts/benchmarks/pipeline.py [--arch alexnet-half] [--cores 2]

Images are drawn. Without a network nothing but batches is made: images a second, and a
second of a processor, which is what counts beside other work. With one its steps on new
batches are compared with those on one batch that is used again and again: what is missing
is the share of a step that waits for the pipeline, or shares the cores with it.
All cases take turns, those of another checkout too, and medians are printed. The last line
is the speed at which this machine copies memory, without which there is no batch.
"""

import argparse
import itertools
import os
import statistics
import time

import numpy as np
from arguments import checkout, more_than, sides, some_of
from benchmark import machine, table
from comparison import Worker

from alexnet_cli.backend.devices import usable_cores
from alexnet_cli.model.alexnet import ARCHITECTURES

Run = tuple[float, float, float]
"""Images, seconds and processor seconds."""


def cases(args: argparse.Namespace) -> list[str]:
    """What is measured, in the words of feeding.py."""
    fed = ["nothing"] if args.no_network else ["ready", "network"]
    lists = (args.geometries, args.caches, args.sides)
    return [
        f"{geometry} {kept} {sides.replace('/', ' ')} {takes}"
        for geometry, kept, sides, takes in itertools.product(*lists, fed)
    ]


def rows(name: str, runs: dict[str, list[Run]]) -> list[dict]:
    """A row for each case, with the ratio to the row before where that is its ready batch."""
    found = []
    for case, taken in runs.items():
        rates = [images / seconds for images, seconds, _ in taken]
        row = {
            "case": f"{name}{case}",
            "images/s": statistics.median(rates),
            "spread": max(rates) / min(rates),
            "per processor second": statistics.median(n / used for n, _, used in taken),
        }
        if case.endswith("network"):
            ready = runs[case.removesuffix("network") + "ready"]
            waits = [1 - r * s / n for r, (n, s, _) in zip(rates, ready, strict=True)]
            row["share of waiting"] = statistics.median(waits)
        found.append(row)
    return found


def copying(size: int = 400_000_000) -> float:
    """Bytes per second that one core copies, from memory to memory."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - started)
    return size / statistics.median(seconds)


def main() -> None:
    """Measure all cases in turns and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--no-network", action="store_true")
    geometries = "copy,boxes,warp"
    parser.add_argument(
        "--geometries", type=some_of(geometries.split(",")), default=geometries
    )
    parser.add_argument("--caches", type=some_of(("ram", "disk")), default="ram")
    parser.add_argument(
        "--sides", type=sides, default="256/227", help="stored/fed, several with commas"
    )
    parser.add_argument("--batch", type=more_than(0), default=128)
    parser.add_argument("--arch", choices=ARCHITECTURES, default="alexnet-half")
    parser.add_argument("--cores", type=more_than(0), default=1)
    parser.add_argument(
        "--seconds", type=more_than(0, float), default=1.0, help="of a measurement"
    )
    parser.add_argument("--rounds", type=more_than(0), default=5)
    parser.add_argument("--before", type=checkout, help="another checkout to compare with")
    args = parser.parse_args()
    if args.cores > usable_cores():
        parser.error(f"--cores {args.cores}: there are {usable_cores()}")
    words = ("feeding.py", args.cores, args.seconds, args.batch, args.arch)
    workers = {"": Worker(*words)}
    if args.before:
        workers["before: "] = Worker(*words, PYTHONPATH=str(args.before))
    runs: dict[str, dict[str, list[Run]]] = {x: {} for x in workers}
    for _, case, name in itertools.product(range(args.rounds), cases(args), workers):
        images, seconds, used = map(float, workers[name].ask(case).split())
        runs[name].setdefault(case, []).append((images, seconds, used))
    for worker in workers.values():
        worker.close()
    print(table([x for name in workers for x in rows(name, runs[name])]))
    print(f"{machine()}, {args.cores} used; np.copyto: {copying() / 1e9:.1f} GB/s")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
