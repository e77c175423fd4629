"""One of two workers of a training is killed at a random moment, again and again.

    python scripts/experiments/kill_workers.py [--count 10] [--seed 0] [--signal KILL]
        [--data FOLDER] [--go-on]

Each round starts two workers on loopback, kills one of them (by SIGKILL; STOP freezes it)
at a moment between their first meeting and the end of the training, and waits for the
other: it has to end within 30 seconds with one line, and the chief's last checkpoint has to
be whole. With --go-on the same command then goes on, as a job that is queued again, and has
to end with the weights of a training that was not disturbed. Exit code 1 if something of
this does not hold.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from helpers import free_addresses

from alexnet_cli.run.checkpoints import newest
from alexnet_cli.run.run import FINISHED, Run

LIMIT = 30.0
"""Seconds in which the other worker has to end."""
ENVIRONMENT = dict(os.environ)
"""As it is before this process starts TensorFlow, which changes it."""
OPTIONS = (
    "--arch tiny --optimizer adamw --learning-rate 0.003 --epochs 10 -b 20 "
    "--precision float32 --checkpoint-minutes 0.02"
)


@dataclass
class Pair:
    """Two workers that train `data` into `out`."""

    data: Path
    out: Path

    def __post_init__(self) -> None:
        addresses = free_addresses(2)
        words = ["train", "--data", self.data, "--out", self.out, *OPTIONS.split()]
        self.logs = [self.out.with_suffix(f".log{i}") for i in range(2)]
        self.processes = []
        for index, log in enumerate(self.logs):
            config = {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
            with log.open("w") as file:
                self.processes.append(
                    subprocess.Popen(
                        [
                            sys.executable,
                            "-m",
                            "alexnet_cli",
                            *map(str, words),
                            "--cluster",
                            "tf-config",
                        ],
                        env={**ENVIRONMENT, "TF_CONFIG": json.dumps(config)},
                        stdout=file,
                        stderr=file,
                    )
                )

    def wait(self, index: int, seconds: float) -> int | None:
        """The exit code of a worker; None if it goes on for that long."""
        try:
            return self.processes[index].wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def joined(self) -> float:
        """Wait until the workers have found each other; the time of that."""
        while "train together" not in self.logs[0].read_text(errors="replace"):
            time.sleep(0.05)
            if self.processes[0].poll() is not None:
                raise SystemExit(self.logs[0].read_text())
        return time.monotonic()

    def end(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            process.kill()
            process.wait()


def finished(data: Path, out: Path) -> float:
    """Train until the end; how many seconds that took from where workers had met."""
    pair = Pair(data, out)
    started = pair.joined()
    codes = [pair.wait(i, 600) for i in range(2)]
    pair.end()
    if codes != [0, 0]:
        raise SystemExit(f"{out} ended with {codes}: {pair.logs[0].read_text()}")
    return time.monotonic() - started


def lines_after(log: Path) -> list[str]:
    """The lines of a log that are neither progress nor about images."""
    lines = log.read_text(errors="replace").splitlines()
    return [x for x in lines if x.startswith("alexnet:") or "rror" in x]


def distance(one: Path, other: Path) -> float:
    """The largest difference between the weights of two runs."""
    from alexnet_cli.backend.startup import start_tensorflow

    start_tensorflow()
    import h5py

    found: list[float] = []
    with (
        h5py.File(one / "model.weights.h5") as a,
        h5py.File(other / "model.weights.h5") as b,
    ):
        a.visititems(
            lambda name, x: (
                found.append(float(np.abs(x[()] - b[name][()]).max()))
                if isinstance(x, h5py.Dataset) and x.dtype.kind == "f"
                else None
            )
        )
    return max(found)


def one_round(number: int, args: argparse.Namespace, folder: Path, whole: float) -> bool:
    """Kill, wait, go on, compare; whether all was as it has to be."""
    rng = random.Random(1000 * args.seed + number)
    victim, moment = rng.randrange(2), rng.uniform(0, 0.95) * whole
    out = folder / f"run-{number}"
    pair = Pair(args.data, out)
    pair.joined()
    time.sleep(moment)
    killed = pair.processes[victim].poll() is None
    pair.processes[victim].send_signal(getattr(signal, f"SIG{args.signal}"))
    started = time.monotonic()
    code = pair.wait(1 - victim, LIMIT + 30)
    seconds = time.monotonic() - started
    lines = lines_after(pair.logs[1 - victim])
    pair.end()
    place = newest(out) if out.exists() else None
    stands = f"epoch {place.epoch} step {place.step}" if place else "none yet"
    good = not killed or code == 0 or (code == 3 and seconds <= LIMIT and len(lines) == 1)
    good = good and (not place or not place.damage())
    apart = 0.0
    if args.go_on:
        if not out.exists() or Run.read(out).status != FINISHED:
            finished(args.data, out)
        apart = distance(out, folder / "whole")
        good = good and apart <= 1e-4
    names = ("chief", "worker 1")
    print(
        f"{number:>2} | {names[victim]:8} | {moment:6.1f} | {seconds:5.1f} | {code} | "
        f"{stands:16} | {f'{apart:.1e}' if args.go_on else '-':7} | {'; '.join(lines)[:110]}",
        flush=True,
    )
    shutil.rmtree(out, ignore_errors=True)
    return good


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=("KILL", "STOP"), default="KILL")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--go-on", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.data is None:
            args.data = folder / "shapes" / "photos"
            subprocess.run(
                [sys.executable, "-m", "alexnet_cli", "sample", folder / "shapes", "--photos", "40"],
                check=True, capture_output=True,
            )  # fmt: skip
        whole = finished(args.data, folder / "whole")
        print(f"not disturbed, a training takes {whole:.1f} s")
        print(
            "## | killed   | after s | other ended after s | its exit code | checkpoint | weights differ by | its line"
        )
        good = [one_round(i, args, folder, whole) for i in range(1, args.count + 1)]
    print(f"{sum(good)} of {len(good)} as it has to be")
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
