"""A training under a fault at each of its file operations: which laws break, by kind.

    python scripts/experiments/faults.py [--every K] [--kinds kill,eio] [--start N]
        [--overwrite | --no-overwrite] [--log FILE] [--jobs 1] [--plain]

Operations are numbered as tests/faults/inject.c does, kinds and laws are those of
tests/faults/harness.py. Every number, in a new run directory and over an old one, takes
hours; what --log holds is not tried again. Exit code 1 if a law was broken. --plain starts
a process for each command instead of forking one that has imported TensorFlow.
"""

import argparse
import json
import queue
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "faults"))

from harness import KINDS, Bench, Forks, Processes, build, compiler

Row = dict[str, Any]


class Log:
    """The trials so far, a line of JSON each; in memory only without a file."""

    def __init__(self, file: Path | None) -> None:
        self.file, self.lock = file, threading.Lock()
        text = file.read_text() if file and file.exists() else ""
        self.rows: list[Row] = [json.loads(x) for x in text.splitlines()]

    def add(self, row: Row) -> None:
        """Keep a trial, and print what broke."""
        with self.lock:
            self.rows.append(row)
            if self.file:
                with self.file.open("a") as out:
                    print(json.dumps(row), file=out)
            for text in row["violations"]:
                print(text, flush=True)

    def tried(self, trial: tuple[bool, str, int], operations: int) -> bool:
        """Whether the trial is in the log; ends the program if that is of another one."""
        for row in self.rows:
            if (row["overwrite"], row["kind"], row["at"]) == trial:
                if row["operations"] != operations:
                    sys.exit(
                        f"{self.file} is of a training with {row['operations']} operations, "
                        f"this one has {operations}: use another --log"
                    )
                return True
        return False


def table(rows: list[Row]) -> str:
    """Trials, trials that broke a law, and seconds for one, by kind and destination."""
    lines = ["| fault | over an old run | N tried | violations | seconds for one N |"]
    lines.append("|---|---|---|---|---|")
    for kind in KINDS:
        for overwrite in (False, True):
            some = [x for x in rows if (x["kind"], x["overwrite"]) == (kind, overwrite)]
            if some:
                broken = sum(bool(x["violations"]) for x in some)
                seconds = sum(x["seconds"] for x in some) / len(some)
                word = "yes" if overwrite else "no"
                lines.append(
                    f"| {kind} | {word} | {len(some)} | {broken} | {seconds:.1f} |"
                )
    return "\n".join(lines)


def benches(folder: Path, jobs: int, plain: bool, stack: ExitStack) -> list[Bench]:
    """What runs `jobs` trials at a time, in folders below `folder`."""
    library, made = build(folder), []
    for i in range(jobs):
        own = folder / str(i)
        own.mkdir()
        runner = stack.enter_context((Processes if plain else Forks)(library))
        made.append(Bench(own, runner))
        made[i].old = made[0].old
    return made


def try_all(args: argparse.Namespace, made: list[Bench], log: Log) -> None:
    """Try what the log lacks."""
    # Also the run that is replaced comes from the first count.
    counts = {x: len(made[0].count(x)) for x in (False, True)}
    modes = (False, True) if args.overwrite is None else (args.overwrite,)
    trials = [
        (mode, kind, at)
        for mode in modes
        for at in range(args.start, counts[mode] + 1, args.every)
        for kind in args.kinds.split(",")
    ]
    left = [x for x in trials if not log.tried(x, counts[x[0]])]
    print(f"{counts[False]} operations, {counts[True]} over an old run; {len(left)} trials")
    idle: queue.SimpleQueue[Bench] = queue.SimpleQueue()
    for bench in made:
        idle.put(bench)

    def attempt(trial: tuple[bool, str, int]) -> None:
        mode, kind, at = trial
        bench, started = idle.get(), time.monotonic()
        texts = [str(x) for x in bench.trial(at, kind, mode)]
        row = {"overwrite": mode, "kind": kind, "at": at, "operations": counts[mode]}
        log.add({**row, "seconds": time.monotonic() - started, "violations": texts})
        idle.put(bench)

    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(attempt, left))


def main() -> None:
    """Try the faults, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--overwrite", action=argparse.BooleanOptionalAction)
    parser.add_argument("--start", type=int, default=1)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    if not compiler():
        sys.exit("this needs Linux and a C compiler")
    log = Log(args.log)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try_all(args, benches(Path(folder), args.jobs, args.plain, stack), log)
    print(table(log.rows))
    sys.exit(any(x["violations"] for x in log.rows))


if __name__ == "__main__":
    main()
