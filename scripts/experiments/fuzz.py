"""Read thousands of damaged and hostile files, and watch for crashes, hangs and memory.

    python scripts/experiments/fuzz.py KIND FOLDER [--count 10000] [--seed 0]

FOLDER holds sound files, which are mutated; `fuzz_samples.py` makes those of all kinds but
images. Every case must end in an answer or in one printable line of an AlexNetError, in a
child process, within the seconds and the additional memory of its kind. Prints how often
each happened; exit code 1 if anything else did. A case is named by its seed, which repeats it.
"""

import argparse
import contextlib
import multiprocessing
import os
import queue
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import subjects
from mutations import mutated

from alexnet_cli.backend.devices import usable_cores
from alexnet_cli.errors import AlexNetError, ImageError

MAX_SAMPLE = 3_000_000
"""Bytes of the largest sample."""
FAULTS = ("ESCAPED", "DIED", "SLOW", "MEMORY", "EMPTY", "DIFFERENT")


@dataclass(frozen=True)
class Kind:
    """What is done with a mutated file, and what it may cost."""

    subject: Callable[[Path, bytes, Path], None]
    """Of the sample, its mutated bytes, and a folder for files."""
    seconds: float = 5
    megabytes: float = 200
    """More than before the case."""


KINDS = {
    "images": Kind(subjects.image, megabytes=400),
    "weights": Kind(subjects.weights),
    "run": Kind(subjects.run, seconds=10),
    "sealed-run": Kind(subjects.sealed_run, seconds=10),
    "exported": Kind(subjects.exported, seconds=10),
    "archive": Kind(subjects.archive),
    "sources": Kind(subjects.source),
    "shards": Kind(subjects.shards),
    "sealed-shards": Kind(subjects.sealed_shards),
    "toml": Kind(subjects.toml),
}


def outcome(kind: Kind, samples: list[Path], seed: int, folder: Path) -> str:
    """The result of the case `seed`; one of FAULTS begins it if it is wrong."""
    rng = random.Random(seed)
    sample = rng.choice(samples)
    data = mutated(sample.read_bytes(), rng)
    before, started = resident(), time.monotonic()
    try:
        kind.subject(sample, data, folder)
        result = "answer"
    except (AlexNetError, ImageError) as error:
        # `errors` makes one printable line of whatever it says.
        result = type(error).__name__ if str(error) else "EMPTY"
    except AssertionError as error:
        result = f"DIFFERENT {error}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        result = (
            f"ESCAPED {type(error).__name__} {Path(where.filename).name}:{where.lineno}"
        )
    seconds, memory = time.monotonic() - started, peak() - before
    if seconds > kind.seconds:
        result = f"SLOW {seconds:.1f} s"
    if memory > kind.megabytes:
        result = f"MEMORY {memory:.0f} MB"
    return f"{result}|{sample.name}|{seconds:.3f}|{memory:.0f}"


def resident() -> float:
    """Memory of this process in MB; its peak is counted anew from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> float:
    """Largest memory of this process, in MB, since `resident`."""
    return _status("VmHWM")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(x.split(":", 1) for x in lines)[field].split()[0]) / 1024


def work(pipe: Any, name: str, samples: list[Path]) -> None:
    """Answer the seeds that come through `pipe`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with tempfile.TemporaryDirectory() as folder:
        subjects.warm(name)
        pipe.send("ready")
        for seed in iter(pipe.recv, None):
            pipe.send(outcome(KINDS[name], samples, seed, Path(folder)))


def results(
    name: str, samples: list[Path], seeds: "queue.Queue[int]"
) -> Iterator[tuple[int, str]]:
    """Seeds and their results from a child process, which is started again when it dies."""
    context = multiprocessing.get_context("spawn")
    while not seeds.empty():
        ours, theirs = context.Pipe()
        child = context.Process(target=work, args=(theirs, name, samples), daemon=True)
        child.start()
        theirs.close()
        ours.recv()
        with contextlib.suppress(queue.Empty):
            while True:
                seed = seeds.get_nowait()
                ours.send(seed)
                found = _answer(ours, child, KINDS[name].seconds)
                yield seed, found
                if child.exitcode is not None:
                    break
        if child.exitcode is None:
            ours.send(None)
        child.join()


def _answer(pipe: Any, child: Any, seconds: float) -> str:
    """What the child found; it is ended if that takes three times what it may."""
    if not pipe.poll(3 * seconds):
        child.kill()
        child.join()
        return f"SLOW more than {3 * seconds:.0f} s|?|{3 * seconds}|0"
    try:
        return str(pipe.recv())
    except EOFError:
        child.join()
        code = child.exitcode
        return f"DIED {signal.Signals(-code).name if code < 0 else code}|?|0|0"


def main() -> None:
    """Try the mutations and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    samples = [
        x
        for x in sorted(args.folder.rglob("*"))
        if x.is_file() and 0 < x.stat().st_size < MAX_SAMPLE
    ]
    seeds: queue.Queue[int] = queue.Queue()
    for seed in range(args.seed, args.seed + args.count):
        seeds.put(seed)
    found: Counter[str] = Counter()
    slowest = largest = 0.0
    lock = threading.Lock()

    def drain() -> None:
        nonlocal slowest, largest
        for seed, line in results(args.kind, samples, seeds):
            result, sample, seconds, memory = line.rsplit("|", 3)
            name = result.split()[0]
            if name in FAULTS:
                print(f"seed {seed}: {result}: {sample}", flush=True)
            with lock:
                found[name] += 1
                slowest = max(slowest, float(seconds))
                largest = max(largest, float(memory))

    threads = [threading.Thread(target=drain) for _ in range(usable_cores())]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    for name, count in found.most_common():
        print(f"{name:14} {count}")
    print(f"slowest {slowest:.2f} s, most memory {largest:.0f} MB, {len(samples)} files")
    sys.exit(any(x in FAULTS for x in found) or sum(found.values()) != args.count)


if __name__ == "__main__":
    main()
