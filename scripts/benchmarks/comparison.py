"""A comparison of speeds: what is measured, in this process and in others."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alexnet_cli.dataset.prediction_files import FolderWalk

BASELINES = Path(__file__).parent / "baselines"
ALEXNET = (sys.executable, "-m", "alexnet_cli")

Measure = Callable[[], float]
"""Does something once and returns its seconds."""


@dataclass
class Comparison:
    """What is measured, by name, and how much work each measurement is."""

    measures: dict[str, Measure]
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By name, or "" for all: units, and how many of each a measurement does."""
    workers: list["Worker"] = field(default_factory=list)
    """To be closed at the end."""
    baselines: dict[str, str] = field(default_factory=dict)
    """By name, the name that it is divided by; by default, the first."""


def images_below(folder: Path) -> list[Path]:
    """The images in `folder` and in the folders below it."""
    return [x.file for x in FolderWalk(folder, lambda _: False) if not x.error]


class Worker:
    """A process that measures once for each line of its input and prints the seconds."""

    def __init__(self, script: str, *words: object, **env: str) -> None:
        command = [sys.executable, str(BASELINES / script), *map(str, words)]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, bufsize=1, env={**os.environ, **env},
        )  # fmt: skip

    def measure(self, line: str = "go") -> float:
        """Seconds of one measurement."""
        return float(self.ask(line))

    def ask(self, line: str) -> str:
        """What the process prints for `line`."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{line}\n")
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            sys.exit(f"{self.process.args} ended: {self.errors.read()[-2000:]}")
        return answer

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def command(*words: object, **env: str) -> Measure:
    """A whole process, from start to end; one that fails ends the comparison."""

    def measure() -> float:
        started = time.perf_counter()
        run(words, **env)
        return time.perf_counter() - started

    return measure


def run(words: tuple[object, ...], **env: str) -> str:
    """What the process `words` prints; if it fails, this one ends with its last lines."""
    texts = [str(x) for x in words]
    variables = {**os.environ, **env}
    done = subprocess.run(texts, capture_output=True, text=True, env=variables, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(texts)} failed: {done.stderr[-2000:]}")
    return done.stdout
