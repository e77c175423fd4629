"""Trainings under faults and kills, and what must hold after them.

    python tests/faults/harness.py

is the process that `Forks` starts: it imports TensorFlow once and forks a child for each
command, which saves the half of a short training that is spent importing. No operation of
TensorFlow has run in it, so it has one thread, and forking it is safe.
"""

import csv
import ctypes
import hashlib
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers import TINY, draw_toy

from alexnet_cli import Run
from alexnet_cli.errors import AlexNetError

KINDS = ("kill", "enospc", "enospc-forever", "eio", "short")
TRAINING = (*TINY, "--epochs", "2", "--deterministic")
"""Options of the training that faults hit; the last of two equal ones counts."""
LIMIT = 300.0
"""Seconds after which a command hangs."""
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(__file__).parents[2]),
}  # fmt: skip
"""OpenBLAS would start its threads when NumPy is imported, before the fork."""
IGNORED = {".lock", "train.log"}


def compiler() -> str:
    """The C compiler; empty if there is none, or if this is not Linux."""
    if sys.platform != "linux":
        return ""
    return shutil.which("cc") or shutil.which("gcc") or ""


def build(folder: Path) -> Path:
    """The library that injects faults, built into `folder`."""
    library = folder / "inject.so"
    source = Path(__file__).with_name("inject.c")
    options = ("-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl")
    subprocess.run([compiler(), *map(str, options)], check=True)
    return library


@dataclass(frozen=True)
class Fault:
    """What happens at operation `at` below `root`; nothing but counting if `at` is 0."""

    root: Path
    at: int = 0
    kind: str = "kill"

    @property
    def trace(self) -> Path:
        """The file that all operations are written to."""
        return self.root.with_name(f"{self.root.name}.trace")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """The negative number of the signal that ended it, as in `subprocess`."""
    stderr: str
    seconds: float
    late: bool
    """Whether it was killed because its time was over."""


class Processes:
    """Runs each command as a process of its own."""

    def __init__(self, library: Path | None = None) -> None:
        self.library = library

    def __enter__(self) -> Self:
        """Nothing to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def run(
        self, words: Sequence[str], fault: Fault | None = None, seconds: float = LIMIT
    ) -> Ended:
        """How `alexnet` with `words` ends, under `fault`, killed after `seconds`."""
        environment = {**os.environ, **ENVIRONMENT}
        if fault:
            environment |= {
                "LD_PRELOAD": str(self.library), "FAULT_ROOT": str(fault.root),
                "FAULT_AT": str(fault.at), "FAULT_KIND": fault.kind,
                "FAULT_TRACE": str(fault.trace),
            }  # fmt: skip
        started, late = time.monotonic(), False
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "alexnet_cli", *words], env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                code, late = process.wait(), True
            errors.seek(0)
            text = errors.read().decode(errors="replace")
        return Ended(code, text, time.monotonic() - started, late)


class Forks:
    """Runs each command in a child that a process with TensorFlow in it forks."""

    def __init__(self, library: Path | None = None) -> None:
        self.library = library

    def __enter__(self) -> Self:
        """Start that process."""
        preload = {"LD_PRELOAD": str(self.library)} if self.library else {}
        self.server = subprocess.Popen(
            [sys.executable, __file__], env={**os.environ, **ENVIRONMENT, **preload},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End it; its input ends."""
        assert self.server.stdin and self.server.stdout
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def run(
        self, words: Sequence[str], fault: Fault | None = None, seconds: float = LIMIT
    ) -> Ended:
        """How `alexnet` with `words` ends, under `fault`, killed after `seconds`."""
        assert self.server.stdin and self.server.stdout
        with tempfile.NamedTemporaryFile("r", errors="replace") as errors:
            job: dict[str, Any] = {
                "words": list(words),
                "stderr": errors.name,
                "seconds": seconds,
            }
            if fault:
                job |= {"library": str(self.library), "root": str(fault.root)}
                job |= {"at": fault.at, "kind": fault.kind, "trace": str(fault.trace)}
            print(json.dumps(job), file=self.server.stdin, flush=True)
            answer = self.server.stdout.readline()
            if not answer:
                raise RuntimeError("the process that forks has ended; see its errors")
            return Ended(stderr=errors.read(), **json.loads(answer))


Runner = Processes | Forks


def serve() -> None:
    """Fork a child for each line of standard input and print how it ended."""
    import gc

    import h5py  # noqa: F401
    import matplotlib.pyplot  # noqa: F401

    import alexnet_cli.api.train
    import alexnet_cli.cli.train  # noqa: F401
    from alexnet_cli.backend.startup import start_tensorflow

    start_tensorflow()
    from alexnet_cli.reports import training_figures  # noqa: F401
    from alexnet_cli.trainer import trainer  # noqa: F401

    if len(os.listdir("/proc/self/task")) > 1:
        raise SystemExit("this process has threads, which a child would lack")
    gc.freeze()
    for line in sys.stdin:
        job = json.loads(line)
        started = time.monotonic()
        child = os.fork()
        if not child:
            _become(job)
        code, late = _waited(child, job["seconds"])
        answer = {"code": code, "late": late, "seconds": time.monotonic() - started}
        print(json.dumps(answer), flush=True)


def _become(job: dict[str, Any]) -> None:
    """Be the command of `job`; does not return."""
    from alexnet_cli.cli.main import main

    files = (os.devnull, os.devnull, job["stderr"])
    for number, name in enumerate(files):
        opened = os.open(name, os.O_WRONLY if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    if "library" in job:
        arm = ctypes.CDLL(job["library"]).fault_arm
        arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p)
        root, kind, trace = (os.fsencode(job[x]) for x in ("root", "kind", "trace"))
        arm(root, job["at"], kind, trace)
    main(job["words"], prog_name="alexnet")
    raise SystemExit


def _waited(child: int, seconds: float) -> tuple[int, bool]:
    """The exit code of a child, and whether it was killed after `seconds`."""
    handle = os.pidfd_open(child)
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        late = not selector.select(seconds)
    if late:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, late and code == -signal.SIGKILL


@dataclass(frozen=True)
class Operation:
    """A file operation of a trace."""

    number: int
    name: str
    path: str


def operations(trace: Path) -> list[Operation]:
    """The operations of a trace, in their order."""
    rows = [x.split(" ", 2) for x in _lines(trace)]
    found = [Operation(int(x[0]), x[1], x[2]) for x in rows if x[0].isdigit()]
    return sorted(found, key=lambda x: x.number)


def done(trace: Path) -> list[str]:
    """What was done at the fault, as "ENOSPC"; more than once if it stays."""
    return [x.split(" ")[3] for x in _lines(trace) if x.startswith("fault ")]


def _lines(trace: Path) -> list[str]:
    return trace.read_text(errors="replace").splitlines() if trace.exists() else []


def incomplete(run: Path) -> str:
    """What a run lacks; empty if it is finished and is what its SHA256SUMS says."""
    try:
        status = Run.open(run).status
    except AlexNetError as error:
        return str(error)
    if status != "finished":
        return f"its status is {status}"
    sums = run / "SHA256SUMS"
    if not sums.is_file():
        return "it has no SHA256SUMS"
    command = ("sha256sum", "--check", "--strict", "--quiet", sums.name)
    checked = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
    if checked.returncode:
        return f"{checked.stdout}{checked.stderr}".strip()
    listed = {x.partition("  ")[2] for x in sums.read_text().splitlines()}
    missing = set(contents(run)) - listed - {sums.name}
    missing = {x for x in missing if not x.startswith(("checkpoints/", "logs/"))}
    return f"not in SHA256SUMS: {sorted(missing)}" if missing else ""


def contents(folder: Path) -> dict[str, str]:
    """The digest of each file below `folder`, the lock and train.log left out."""
    files = sorted(x for x in folder.rglob("*") if x.is_file() and x.name not in IGNORED)
    return {
        x.relative_to(folder).as_posix(): hashlib.sha256(x.read_bytes()).hexdigest()
        for x in files
    }


def epochs(folder: Path) -> set[int]:
    """The epochs that history.csv in `folder` has; none if there is no such file."""
    return {int(float(x["epoch"])) for x in history(folder) if x.get("epoch")}


def history(folder: Path) -> list[dict[str, str]]:
    """The rows of history.csv in `folder` as they are written."""
    file = folder / "history.csv"
    if not file.is_file():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


@dataclass(frozen=True)
class Violation:
    """A law that a training under a fault broke."""

    at: int
    kind: str
    overwrite: bool
    operation: str
    path: str
    law: str
    """Which one, and what was found."""

    def __str__(self) -> str:
        """One line."""
        mode = "overwrite" if self.overwrite else "new"
        where = f"{self.kind} at {self.at} ({self.operation} {self.path}, {mode})"
        return f"{where}: {self.law}"


@dataclass
class Bench:
    """Runs trainings under faults in `folder`."""

    folder: Path
    runner: Runner
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def __post_init__(self) -> None:
        self.toy = draw_toy(self.folder / "toy", each=4)
        self.old = self.folder / "old"

    def words(self, root: Path, overwrite: bool) -> tuple[str, ...]:
        """The training into `saved` in `root`."""
        words = ("train", "--data", str(self.toy), "--out", str(root / "saved"), *TRAINING)
        return (*words, "--overwrite") if overwrite else words

    def count(self, overwrite: bool) -> list[Operation]:
        """The operations of a training without a fault."""
        with self._root(overwrite) as root:
            ended = self.runner.run(self.words(root, overwrite), Fault(root))
            if ended.code:
                raise RuntimeError(f"the training fails without faults: {ended.stderr}")
            if not self.old.exists():
                shutil.copytree(root / "saved", self.old)
            return operations(Fault(root).trace)

    def trial(self, at: int, kind: str, overwrite: bool) -> list[Violation]:
        """The laws that a training broke that met a fault, and the one after it."""
        with self._root(overwrite) as root:
            fault = Fault(root, at, kind)
            laws = _Trial(self, root, overwrite).broken(fault)
            met = [x for x in operations(fault.trace) if x.number == at]
            operation, path = (
                (met[0].name, met[0].path) if met else ("beyond the last operation", "")
            )
            path = path.removeprefix(f"{root}/")
            return [Violation(at, kind, overwrite, operation, path, x) for x in laws]

    def _root(self, overwrite: bool) -> "_Root":
        return _Root(
            self.folder / f"root-{next(self.numbers)}", self.old if overwrite else None
        )


@dataclass
class _Root:
    """A folder with a copy of the run `old` in it, for the time of a block."""

    path: Path
    old: Path | None

    def __enter__(self) -> Path:
        self.path.mkdir()
        if self.old:
            shutil.copytree(self.old, self.path / "saved")
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)
        Fault(self.path).trace.unlink(missing_ok=True)


@dataclass
class _Trial:
    """One training under a fault and the same again without."""

    bench: Bench
    root: Path
    overwrite: bool

    def broken(self, fault: Fault) -> list[str]:
        """What was found that must not be."""
        words, saved = self.bench.words(self.root, self.overwrite), self.root / "saved"
        ended = self.bench.runner.run(words, fault)
        lacking, is_old = incomplete(saved), self._is_old()
        staged = list(self.root.glob(".saved.new-*"))
        mine = staged if is_old else [saved, *staged]
        found = [*_ended_well(ended, fault), *_kept_what_it_wrote(mine, fault)]
        if ended.code == 0 and (is_old or lacking):
            found.append(f"exit code 0, but saved is {lacking or 'the old run'}")
        if self.overwrite and not is_old and lacking:
            found.append(f"saved is neither the old run nor a complete one: {lacking}")
        if not lacking and not is_old:
            return found
        recorded = {x: epochs(x) for x in mine}
        again = self.bench.runner.run(words)
        if again.code != 0:
            found.append(f"the same command again: exit code {again.code}: {_last(again)}")
        if lacking := incomplete(saved):
            found.append(f"after the same command again: {lacking}")
        for folder, before in recorded.items():
            after = epochs(folder) if folder.exists() else epochs(saved)
            if not before <= after:
                found.append(f"epochs {sorted(before - after)} of {folder.name} are lost")
        return found

    def _is_old(self) -> bool:
        return self.overwrite and contents(self.root / "saved") == contents(self.bench.old)


def _ended_well(ended: Ended, fault: Fault) -> Iterator[str]:
    """What is wrong with how a command ended under a fault."""
    killed = "killed" in done(fault.trace)
    if ended.late:
        yield "it hangs"
    elif ended.code < 0 and not killed:
        yield f"it ended by signal {-ended.code}: {_last(ended)}"
    elif not killed and ended.code not in (0, 3):
        yield f"exit code {ended.code}: {_last(ended)}"
    elif ended.code == 3 and not _last(ended).startswith("alexnet: "):
        yield f"the last line of an error is {_last(ended)!r}"
    if "Traceback" in ended.stderr:
        yield f"a traceback: {_last(ended)}"


def _kept_what_it_wrote(folders: list[Path], fault: Fault) -> Iterator[str]:
    """Epochs whose history.csv was put in place, and that none of `folders` has any more."""
    failed = {x.split(" ")[1] for x in _lines(fault.trace) if x.startswith("fault ")}
    written = [
        x
        for x in operations(fault.trace)
        if x.name.startswith("rename") and Path(x.path).name == "history.csv"
    ]
    count = sum(str(x.number) not in failed for x in written)
    if count > max((len(epochs(x)) for x in folders), default=0):
        yield f"{count} epochs were recorded before the command removed them"


def _last(ended: Ended) -> str:
    lines = ended.stderr.splitlines()
    return lines[-1] if lines else ""


@dataclass(frozen=True)
class Kills:
    """What killing and continuing a training led to."""

    kills: int
    rounds: int
    """Trainings that came to their end."""
    resumed: int
    """Commands that went on after a kill with --resume."""
    differences: tuple[str, ...]


@dataclass
class KillBench:
    """Kills trainings of `words` (all but --out) at random moments, in `folder`."""

    folder: Path
    runner: Runner
    words: Sequence[str]
    rng: random.Random

    def killed(self, count: int, report: Callable[[str], None] = lambda x: None) -> Kills:
        """What `count` kills led to; the last training that they hit is ended too."""
        whole = self.folder / "whole"
        first = self.runner.run(self._train(whole))
        if first.code:
            raise RuntimeError(f"the training fails without kills: {first.stderr}")
        kills = rounds = resumed = 0
        found: list[str] = []
        while kills < count:
            out = self.folder / "killed" / "saved"
            hits, more, broken = self._round(out, first.seconds, count - kills)
            kills, resumed, rounds = kills + hits, resumed + more, rounds + 1
            broken = broken or differences(whole, out)
            found += [f"training {rounds}, after {hits} kills: {x}" for x in broken]
            report(f"training {rounds}: {hits} kills; {'; '.join(broken) or 'the same'}")
            shutil.rmtree(out.parent)
        return Kills(kills, rounds, resumed, tuple(found))

    def _train(self, out: Path) -> list[str]:
        return ["train", *self.words, "--out", str(out)]

    def _round(self, out: Path, seconds: float, left: int) -> tuple[int, int, list[str]]:
        """The kills and continuations of one training, and what went wrong.

        Each command is killed at a moment within the time that a whole training takes; if
        it ends before, the training is over.
        """
        kills = resumed = 0
        while True:
            resume = any((out / "checkpoints").glob("*.json"))
            resumed += resume
            words = ["train", "--resume", str(out)] if resume else self._train(out)
            limit = self.rng.uniform(0, seconds) if kills < left else LIMIT
            ended = self.runner.run(words, seconds=limit)
            if not ended.late or limit == LIMIT:
                wrong = [f"exit code {ended.code}: {_last(ended)}"] if ended.code else []
                return kills, resumed, wrong
            kills += 1
            if not incomplete(out):
                return kills, resumed, []


def differences(one: Path, other: Path) -> list[str]:
    """How the results of two runs differ: weights bit by bit, the history, the split."""
    import h5py

    found = [x for x in (incomplete(other),) if x]
    if not (other / "model.weights.h5").is_file():
        return found
    arrays: list[dict[str, bytes]] = []
    for run in (one, other):
        arrays.append({})
        with h5py.File(run / "model.weights.h5") as weights:
            weights.visititems(lambda name, x: _keep(arrays[-1], name, x))
    names = sorted(arrays[0].keys() | arrays[1].keys())
    wrong = [x for x in names if arrays[0].get(x) != arrays[1].get(x)]
    if wrong or not names:
        found.append(f"{len(wrong)} of {len(names)} arrays of weights differ: {wrong[:3]}")
    rows = [
        [{k: v for k, v in x.items() if k != "images_per_second"} for x in history(run)]
        for run in (one, other)
    ]
    if rows[0] != rows[1]:
        found.append(f"history.csv differs: {rows[0]} {rows[1]}")
    for name in ("split.csv", "validation.csv"):
        if (one / name).read_bytes() != (other / name).read_bytes():
            found.append(f"{name} differs")
    return found


def _keep(arrays: dict[str, bytes], name: str, item: Any) -> None:
    """Put a dataset, with its shape and type, into `arrays`."""
    if hasattr(item, "shape"):
        arrays[name] = repr((item.shape, item.dtype)).encode() + item[()].tobytes()


if __name__ == "__main__":
    serve()
