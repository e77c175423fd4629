"""Compare speed and memory of alexnet with other tools, measured in alternation.

    python scripts/benchmarks/benchmark.py step [--arch alexnet-owt] [--batch 128]
    python scripts/benchmarks/benchmark.py epoch FOLDER [--arch alexnet-bn] [--batch 64]
    python scripts/benchmarks/benchmark.py pipeline FOLDER [--arch alexnet-bn] [--batch 64]
    python scripts/benchmarks/benchmark.py predict FOLDER --run RUN
    python scripts/benchmarks/benchmark.py startup
    python scripts/benchmarks/benchmark.py decode FOLDER
    python scripts/benchmarks/benchmark.py doctor FOLDER
    python scripts/benchmarks/benchmark.py memory [--counts 3000,60000]

The other tools are in scripts/benchmarks/baselines, written as their users write them;
they need the extra `bench`. After a round that does not count, each is measured once per
round. Prints medians, spread (slowest by fastest) and the median of each round's ratio to
a baseline, and writes JSON; `--before` an earlier JSON shows what has become slower.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import compare_commands
import compare_training
from arguments import counts, more_than
from comparison import Comparison

COMPARISONS = {
    "step": compare_training.step,
    "epoch": compare_training.epoch,
    "pipeline": compare_training.pipeline,
    "predict": compare_commands.predict,
    "startup": compare_commands.startup,
    "decode": compare_commands.decode,
    "doctor": compare_commands.doctor,
}


def compare(comparison: Comparison, rounds: int) -> list[dict]:
    """A row per measure: median, spread, and the ratio to its baseline."""
    seconds: dict[str, list[float]] = {x: [] for x in comparison.measures}
    for i in range(rounds + 1):
        for name, measure in comparison.measures.items():
            taken = measure()
            if i:
                seconds[name].append(taken)
                print(f"  round {i}: {name} {taken:.3f} s", file=sys.stderr)
    first = next(iter(seconds))
    rows = []
    for name, taken in seconds.items():
        median = statistics.median(taken)
        row = {"name": name, "seconds": median, "spread": max(taken) / min(taken)}
        for unit, amount in comparison.work.get(name, comparison.work.get("", {})).items():
            row[f"{unit}/s"] = amount / median
        # Round by round, because the speed of a machine changes.
        baseline = comparison.baselines.get(name, first)
        times = [a / b for a, b in zip(taken, seconds[baseline], strict=True)]
        rows.append({**row, "times": statistics.median(times), "of": baseline})
    return rows


def table(rows: list[dict]) -> str:
    """`rows` with their columns aligned."""
    columns = list(dict.fromkeys(k for x in rows for k in x))
    cells = [columns] + [
        [
            f"{x[k]:.3g}" if isinstance(x.get(k), float) else str(x.get(k, ""))
            for k in columns
        ]
        for x in rows
    ]
    widths = [max(len(x[i]) for x in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(
            c.ljust(w) if i == 0 else c.rjust(w)
            for i, (c, w) in enumerate(zip(x, widths, strict=True))
        )
        for x in cells
    )


def machine() -> str:
    """The processor and its vector extensions, as far as /proc/cpuinfo lists them."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
    flags = set(next((x for x in lines if x.startswith("flags")), "").split())
    has = [x for x in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if x in flags]
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return (
        f"{os.cpu_count()} cores of {model or platform.processor()} ({', '.join(has)})"
        + (f", limited to {limit}" if limit else "")
    )


def main() -> None:
    """Run one comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=(*COMPARISONS, "memory"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--arch", default="alexnet-owt")
    parser.add_argument("--batch", type=more_than(0))
    parser.add_argument("--run", type=Path)
    parser.add_argument("--rounds", type=more_than(0), default=5)
    parser.add_argument("--counts", type=counts, default="3000,60000")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--before", type=Path)
    args = parser.parse_args()
    if (
        args.what in ("epoch", "pipeline", "predict", "decode", "doctor")
        and not args.folder
    ):
        parser.error(f"{args.what} needs a FOLDER of class folders")
    if args.what == "predict" and not args.run:
        parser.error("predict needs --run RUN")
    with tempfile.TemporaryDirectory() as scratch:
        args.scratch = Path(scratch)
        if args.what == "memory":
            rows = compare_commands.memory(args)
        else:
            comparison = COMPARISONS[args.what](args)
            rows = compare(comparison, args.rounds)
            for worker in comparison.workers:
                worker.close()
    if args.before:
        earlier = {x["name"]: x for x in json.loads(args.before.read_text())["rows"]}
        for row in rows:
            if row["name"] in earlier:
                row["times before"] = row["seconds"] / earlier[row["name"]]["seconds"]
    print(table(rows))
    print(machine())
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
