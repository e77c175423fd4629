"""Models compared with the run that they are from, each in a process of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DatasetError
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..arrays import Labels
    from ..evaluation.proof import Judged
    from ..inference.measure import Measured

VALIDATION_IMAGES = "validation images"
"""What is said of the run's own, where no test images were set apart."""
PROBES = 32
"""Drawn images that a run without any is judged on."""


@dataclass(frozen=True)
class JudgedOn:
    """Images that models are compared on."""

    name: str
    files: tuple[Path, ...]
    labels: "Labels | None"
    """[N], if their classes are known."""


class Judge:
    """Compares models with what a run answers, which is measured first."""

    def __init__(self, run: Run, images: JudgedOn, listener: Listener) -> None:
        """Measure `run` as `alexnet predict` uses it.

        Raises:
            ExportError: it cannot be read in a new process.
        """
        self.run, self.images, self.listener = run, images, listener
        self.own: Measured | None = None
        listener.log(f"comparing on {len(images.files)} {images.name}")
        # The run's weights stand for it where it has no LiteRT copy.
        file = run.litert if run.exported and run.litert.is_file() else run.weights
        self.run_itself = self.judge("run", run.path, size_of=file)

    def judge(
        self, name: str, path: Path, kind: str = "model", size_of: Path | None = None
    ) -> "Judged":
        """The model at `path`, of a `kind` of `inference.measure`.

        Raises:
            ExportError: it cannot be read in a new process.
        """
        from ..evaluation.proof import Judged, prove
        from ..inference.measure import measure

        self.listener.log(f"  {name}: read again in a new process")
        found = measure(path, kind, self.images.files)
        self.own = self.own or found
        proof = prove(self.own, found, self.images.labels, self.run.classes)
        return Judged(name, path, bytes_of(size_of or path), proof)


def bytes_of(path: Path) -> int:
    """The size of a file, of all files of a folder, or of an OpenVINO pair."""
    if path.is_dir():
        return sum(x.stat().st_size for x in path.rglob("*") if x.is_file())
    weights = path.with_suffix(".bin") if path.suffix == ".xml" else None
    return path.stat().st_size + (weights.stat().st_size if weights else 0)


@contextmanager
def judging_images(run: Run, data: Path | None) -> Iterator[JudgedOn]:
    """The run's held-out images, those of the class folders in `data`, or drawn ones.

    The last if there are no others; they exist for the length of the block.
    """
    import numpy as np

    from ..evaluation.evaluate import held_out, labeled_folder

    if data is None and not run.data:
        with tempfile.TemporaryDirectory() as folder:
            yield JudgedOn("drawn images", tuple(_probes(Path(folder))), None)
        return
    found = labeled_folder(run, data) if data else held_out(run)
    if not found.files:
        raise DatasetError(f"{data or run.data} has no images to compare models on")
    name = f"images of {data}" if data else "test images"
    if not data and found.notes:
        name = VALIDATION_IMAGES
    yield JudgedOn(name, found.files, np.array(found.labels))


def _probes(folder: Path) -> Iterator[Path]:
    """Files of random smooth images."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(PROBES):
        small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        file = folder / f"{number}.png"
        small.resize((300, 300), Image.Resampling.BICUBIC).save(file)
        yield file
