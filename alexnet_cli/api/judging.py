"""Models compared with the run that they are from, each in a process of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DatasetError, RunError, printable
from ..inference.export_record import RECORD
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..arrays import Labels
    from ..evaluation.labeled_images import LabeledImages
    from ..evaluation.proof import Judged
    from ..inference.measure import Measured

PROBES = 32
"""Drawn images that a run without any is judged on."""


@dataclass(frozen=True)
class JudgedOn:
    """Images that models are compared on."""

    name: str
    files: tuple[Path, ...]
    labels: "Labels | None"
    """[N], if their classes are known."""
    trained_on: int = 0
    """How many of them the run was trained on."""

    @property
    def text(self) -> str:
        """Which and how many they are."""
        seen = f", {self.trained_on} of them trained on" if self.trained_on else ""
        return f"{len(self.files)} {self.name}{seen}"


class Judge:
    """Compares models with what a run answers, which is measured first."""

    def __init__(self, run: Run, images: JudgedOn, listener: Listener) -> None:
        """Measure `run` as `alexnet predict` uses it.

        Raises:
            ExportError: it cannot be read in a new process.
        """
        self.run, self.images, self.listener = run, images, listener
        self.own: Measured | None = None
        listener.log(f"comparing on {images.text}")
        if images.trained_on:
            listener.log(
                f"warning: the network was trained on {images.trained_on} of these images, "
                f"so that its accuracy on them says little"
            )
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
        from ..export.record import parts
        from ..inference.measure import measure

        self.listener.log(f"  {name}: read again in a new process")
        found = measure(path, kind, self.images.files)
        self.own = self.own or found
        proof = prove(self.own, found, self.images.labels, self.run.classes)
        size = sum(x.stat().st_size for x in parts(size_of or path))
        return Judged(name, path, size, proof)


def run_to_judge(run: Run | Path | str) -> Run:
    """The run at a path, unless it is one already.

    Raises:
        RunError: the path is that of exported models, or of no run.
    """
    if isinstance(run, Run):
        return run
    if any((x / RECORD).is_file() for x in (Path(run), Path(run).parent)):
        raise RunError(
            f"--model {printable(run)}: these are exported models; name the run directory "
            f"that they are from"
        )
    return Run.open(run)


@contextmanager
def unless_replaced(run: Run) -> Iterator[None]:
    """If a file of `run` is gone in the block since training has gone on, say so.

    Raises:
        RunReplaced: it is.
    """
    try:
        yield
    except FileNotFoundError:
        run.require_unchanged()
        raise


@contextmanager
def judging_images(run: Run, data: Path | str | None) -> Iterator[JudgedOn]:
    """The run's held-out images, those of the data set `data`, or drawn ones.

    The last if there are no others; they exist for the length of the block.
    """
    import numpy as np

    from ..dataset.decoding import digest
    from ..dataset.images import read
    from ..dataset.split import TRAIN
    from ..dataset.synthetic import smooth_images
    from ..evaluation.evaluate import held_out
    from ..evaluation.labeled import labeled_images
    from ..evaluation.proof import DRAWN_IMAGES, VALIDATION_IMAGES

    if data is None and not run.data:
        with tempfile.TemporaryDirectory() as drawn:
            files = tuple(Path(drawn, f"{i}.png") for i in range(PROBES))
            for file, image in zip(files, smooth_images(PROBES, 300), strict=True):
                image.save(file)
            yield JudgedOn(DRAWN_IMAGES, files, None)
        return
    folder = Path(data) if data else None
    found = labeled_images(run, folder) if folder else held_out(run)
    if not found.files:
        raise DatasetError(f"{data or run.data} has no images to compare models on")
    # The name alone: a record of models that are shipped has no paths of this machine.
    name = f"images of {folder.resolve().name}" if folder else "test images"
    if not folder and found.notes:
        name = VALIDATION_IMAGES
    known = run.digests_of(TRAIN) if folder else set()
    with _as_files(found) as files:
        trained_on = sum(
            (found.made_of(i) or digest(x, read)) in known
            for i, x in enumerate(files if known else ())
        )
        yield JudgedOn(name, files, np.array(found.labels), trained_on)


@contextmanager
def _as_files(found: "LabeledImages") -> Iterator[tuple[Path, ...]]:
    """Their files; of an archive or the like copies, which exist for the block."""
    from ..errors import ImageError

    if found.source is None or all(x.is_file() for x in found.files):
        yield found.files
        return
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, sample in enumerate(found.samples):
            files.append(Path(folder, f"{i}{Path(sample.name).suffix}"))
            # What cannot be read is an empty file, and so no image there either.
            with suppress(ImageError):
                files[-1].write_bytes(found.source.read(sample))
            files[-1].touch()
        yield tuple(files)
