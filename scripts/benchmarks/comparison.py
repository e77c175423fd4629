"""What a comparison is, and contestants that are processes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

BASELINES = Path(__file__).parent / "baselines"
ALEXNET = (sys.executable, "-m", "alexnet_cli")


@dataclass
class Comparison:
    """Functions that take one turn and return its seconds, and the work of a turn."""

    turns: dict[str, Callable[[], float]]
    work: dict[str, dict[str, float]] = field(default_factory=dict)
    """By contestant, or "" for all: a unit and how much of it a turn is."""
    workers: list["Worker"] = field(default_factory=list)
    against: dict[str, str] = field(default_factory=dict)
    """By contestant, whom it is compared with; the first where nothing is said."""


class Worker:
    """A process that takes a turn for each line and prints its seconds."""

    def __init__(self, script: str, *words: object) -> None:
        command = [sys.executable, str(BASELINES / script), *map(str, words)]
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, bufsize=1,
        )  # fmt: skip

    def turn(self, line: str = "go") -> float:
        """Seconds of one turn."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{line}\n")
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            sys.exit(f"{self.process.args} ended: {self.errors.read()[-2000:]}")
        return float(answer)

    def close(self) -> None:
        """End it."""
        self.process.communicate()


def command(*words: object, **env: str) -> Callable[[], float]:
    """A whole process, from start to end."""

    def take() -> float:
        started = time.perf_counter()
        subprocess.run(
            [str(x) for x in words],
            check=False,
            capture_output=True,
            env={**os.environ, **env},
        )
        return time.perf_counter() - started

    return take
