"""A model's answers and its speed, from a process of its own.

`python -m alexnet_cli.inference.measure JOB` reads the JSON of a job, and writes the arrays
of a `Measured`. Nothing that has made the model is in that process.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Doubles
from ..errors import ExportError, printable

if TYPE_CHECKING:
    from .classifier import Classifier

SECONDS = 1.5
"""How long each speed is measured, at least."""
REPETITIONS = 5, 100
"""How often, at least and at most."""
MANY = 32
"""Images of one request when throughput is measured."""


@dataclass(frozen=True)
class Measured:
    """What a model answers to images, and how fast."""

    probabilities: Doubles
    """[N, K]; NaN where an image cannot be read."""
    start: float
    """From the start of the process to the first answer, seconds."""
    latency: float
    """Of one image whose pixels are known: the median, seconds."""
    throughput: float
    """Images per second in requests of MANY images: the median."""


def measure(model: Path, kind: str, files: Sequence[Path]) -> Measured:
    """What the model at `model` answers to `files` in a new process.

    `kind` is "model" for what `alexnet predict` would use, "keras" for the network of a
    run in TensorFlow, and "saved_model" for the SavedModel in a run directory.

    Raises:
        ExportError: that process failed; the message is its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, out = Path(folder, "job.json"), Path(folder, "out.npz")
        names = [str(x.absolute()) for x in files]
        words = {"model": str(model.absolute()), "kind": kind, "files": names}
        job.write_text(json.dumps({**words, "out": str(out), "started": time.time()}))
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, str(job)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode or not out.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"it ended with code {done.returncode}"
            raise ExportError(f"{printable(model)} cannot be read again: {reason}")
        found = np.load(out)
        return Measured(found["probabilities"], *(float(x) for x in found["speeds"]))


def _work(job: Path) -> None:
    """Do what `measure` has asked for."""

    words = json.loads(job.read_text())
    classifier = _classifier(Path(words["model"]), words["kind"])
    files, classes = words["files"], len(classifier.run.classes)
    list(classifier.predict(files[:1]))
    start = time.time() - words["started"]
    rows = [
        np.full(classes, np.nan) if x.probabilities is None else x.probabilities
        for x in classifier.predict(files)
    ]
    size = classifier.run.preprocess.stored_size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (MANY, size, size, 3), np.uint8)
    latency = _median_seconds(lambda: classifier.probabilities(pixels[:1]))
    many = _median_seconds(lambda: classifier.probabilities(pixels))
    speeds = np.array([start, latency, MANY / many])
    np.savez(words["out"], probabilities=np.stack(rows).astype(float), speeds=speeds)


def _classifier(path: Path, kind: str) -> "Classifier":
    from ..run.run import Run
    from .classifier import Classifier
    from .exported import Model
    from .network import keras_network

    if kind == "keras":
        run = Run.open(path)
        return Classifier(run, network=keras_network(run))
    if kind == "saved_model":
        return Classifier(Model(Run.open(path), path))
    return Classifier(path)


def _median_seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, once it has been done a few times."""
    work()
    work()
    times: list[float] = []
    least, most = REPETITIONS
    while len(times) < least or (sum(times) < SECONDS and len(times) < most):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
