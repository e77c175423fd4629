"""Run: what was trained, on what, how well. Read from its directory, and written there.

Nothing here imports TensorFlow: `inference.network` reads and writes the weights.
"""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..backend.regular_file import open_regular, read_at_most
from ..errors import RunError, RunReplaced, first_line, for_shell, printable
from ..model.architecture import Architecture
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe
from .files import read_csv, write_csv, write_text
from .provenance import Provenance
from .records import numbers, probability
from .run_json import FORMAT, MAX_BYTES, decode, from_json, to_json

TRAINING, FINISHED, INTERRUPTED, FAILED = "training", "finished", "interrupted", "failed"
_WEIGHTS = "model.weights.h5"


@dataclass(frozen=True)
class Run:
    """One training run and all that is needed to use its network."""

    path: Path
    architecture: Architecture
    preprocess: Preprocess
    classes: tuple[str, ...]
    recipe: Recipe
    data: str = ""
    """Folder of the images of split.csv; empty for an imported run."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """The folders below `data` of train, val and test, where options have named them."""
    status: str = TRAINING
    """After a kill it stays "training"; "failed" is a training that ended with an error."""
    reason: str = ""
    """Why training ended before its last epoch; empty if it did not."""
    weights_file: str = _WEIGHTS
    """The best epoch's weights, below `path`; in training those of a checkpoint."""
    created: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Of the best epoch: its number, and every column of history.csv."""
    versions: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    temperature: float = 1.0
    """What logits are divided by, so that confidence matches accuracy."""
    threshold: float = 0.0
    """Confidence below which the prediction is "unknown"."""
    stamp: tuple[int, ...] = field(default=(), compare=False, repr=False)
    """Which run.json it was read from; see `require_unchanged`."""

    @property
    def weights(self) -> Path:
        """The best epoch's weights."""
        return self.path / self.weights_file

    @property
    def title(self) -> str:
        """The names of its first classes."""
        return ", ".join(self.classes[:5]) + (", ..." if len(self.classes) > 5 else "")

    @property
    def image_folders(self) -> tuple[Path, ...]:
        """The folders that hold its images; none for an imported run."""
        parts = tuple(Path(self.data, x) for x in self.parts.values())
        return parts or ((Path(self.data),) if self.data else ())

    @property
    def exported(self) -> bool:
        """Whether its other formats, where they exist, are of the same weights."""
        return self.weights_file == _WEIGHTS

    @property
    def litert(self) -> Path:
        """The LiteRT copy of the network; the file exists if it was proven to agree."""
        return self.path / "model.tflite"

    @property
    def validation(self) -> Path:
        """The prediction for each validation image: file, class, predicted, probability."""
        return self.path / "validation.csv"

    @property
    def mean_image(self) -> Path:
        """The mean training image, float32 [R, R, 3], if `preprocess.mean` is None."""
        return self.path / "mean_image.npy"

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """The run in the directory `path`, ready to be used; perhaps not finished.

        Raises:
            RunError: `path` is not a run directory, is damaged or of a newer format, or
                its training has not finished an epoch.
        """
        run = cls.read(Path(path))
        if run.status != FINISHED and not run.weights.is_file():
            raise RunError(
                f"{printable(path)}: no epoch of its training is finished; "
                f"`alexnet train --resume {for_shell(path)}` goes on with it"
            )
        needed = [run.weights] if run.preprocess.mean else [run.weights, run.mean_image]
        for file in needed:
            if not file.is_file():
                raise RunError(f"{printable(file)} does not exist; train again")
        return run

    @classmethod
    def read(cls, path: Path) -> "Run":
        """The run in the directory `path`, in whatever state it is.

        Raises:
            RunError: run.json does not exist, is damaged or of a newer format.
        """
        file = path / "run.json"
        try:
            with open_regular(file) as opened:
                stamp = _stamp(os.fstat(opened.fileno()))
                text = read_at_most(opened, MAX_BYTES)
        except FileNotFoundError as error:
            raise RunError(
                f"{printable(path)} is not a run directory (it has no run.json); "
                f"`alexnet train --out {for_shell(path)}` makes one"
            ) from error
        except OSError as error:
            raise RunError(f"{printable(file)}: {error.strerror}") from error
        return dataclasses.replace(cls.parse(path, text, file), stamp=stamp)

    @classmethod
    def parse(cls, path: Path, text: bytes, file: Path | None = None) -> "Run":
        """The run at `path` whose run.json is `text`, read from `file`.

        Raises:
            RunError: it is damaged or of a newer format.
        """
        file = file or path
        try:
            data = decode(text)
            version = data.pop("format", None)
            if type(version) is not int or version < 1:
                raise ValueError("no format")
            if version > FORMAT:
                raise RunError(
                    f"{printable(file)} has format {version}; this version reads up to "
                    f"{FORMAT}: upgrade alexnet"
                )
            return cls(path, **from_json(data))
        except ValueError as error:
            raise _damaged(file, error) from error

    def require_unchanged(self) -> None:
        """Check that files read since `read` are those of the run that it gave.

        Raises:
            RunReplaced: another run has taken its place.
        """
        if not self.is_unchanged():
            raise RunReplaced(
                f"{printable(self.path)} was replaced while being read; read it again"
            )

    def is_unchanged(self) -> bool:
        """Whether run.json is still the file that this run was read from, if it was."""
        try:
            return not self.stamp or self.stamp == _stamp((self.path / "run.json").stat())
        except OSError:
            return False

    def write(self) -> None:
        """Write run.json, whole or not at all."""
        write_text(self.path / "run.json", self.text())

    def text(self) -> str:
        """The content of run.json."""
        fields = {x.name: getattr(self, x.name) for x in dataclasses.fields(self)}
        del fields["path"], fields["stamp"]
        return json.dumps(to_json(fields), indent=2) + "\n"

    def write_records(
        self, split: Sequence[Sequence[str]], bad: Sequence[Sequence[str]]
    ) -> None:
        """Write split.csv and bad_images.csv from rows in the order of their columns."""
        header = ("file", "class", "split", "sha256", "group")
        write_csv(self.path / "split.csv", header, split)
        write_csv(self.path / "bad_images.csv", ("file", "reason"), bad)

    def split(self) -> list[dict[str, str]]:
        """The rows of split.csv.

        Raises:
            RunError: it cannot be read or is damaged.
        """
        return read_csv(self.path / "split.csv", {"file", "class", "split", "sha256"})

    def digests_of(self, *parts: str) -> set[str]:
        """The SHA-256 of the images of `parts`, by `split`; none for an imported run."""
        rows = self.split() if self.data else []
        return {x["sha256"] for x in rows if x["split"] in parts}

    def history(self) -> list[dict[str, float]]:
        """The rows of history.csv, one per epoch; none for an imported run.

        Raises:
            RunError: it is damaged.
        """
        file = self.path / "history.csv"
        if not file.is_file():
            return []
        names = ("loss", *self.recipe.stopping.metric_names())
        rows = read_csv(file, {"epoch", *names, *(f"val_{x}" for x in names)})
        try:
            return [numbers(x) for x in rows]
        except ValueError as error:
            raise _damaged(file, error) from error

    def confidences(self) -> list[tuple[float, bool]]:
        """The confidence of each validation prediction, and whether it is right.

        Raises:
            RunError: validation.csv cannot be read or is damaged.
        """
        rows = read_csv(self.validation, {"class", "predicted", "probability"})
        try:
            return [
                (probability(x["probability"]), x["predicted"] == x["class"]) for x in rows
            ]
        except ValueError as error:
            raise _damaged(self.validation, error) from error


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """What tells run.json from another one: it is never changed, only replaced.

    A copy may keep the time of modification, and a number that has become free.
    """
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


def _damaged(file: Path, error: ValueError) -> RunError:
    return RunError(f"{printable(file)} is damaged: {first_line(error)}")
