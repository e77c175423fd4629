"""The Run directory: what was trained, on what, how well. Read, written, verified.

Nothing here imports TensorFlow; weights and graph are written by `export.py`.
"""

import dataclasses
import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import RunError, printable
from .files import read_csv, write_csv, write_whole
from .model.architecture import Architecture, trace
from .preprocess import Preprocess
from .recipe.preprocessing import preprocess_of
from .recipe.recipe import Recipe

FORMAT = 1

TRAINING, FINISHED, INTERRUPTED = "training", "finished", "interrupted"


@dataclass(frozen=True)
class Run:
    """One training run and all that is needed to use its network."""

    path: Path
    architecture: Architecture
    preprocess: Preprocess
    classes: tuple[str, ...]
    recipe: Recipe
    data: str = ""
    """Folder of the pictures of split.csv."""
    status: str = TRAINING
    created: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Of the best epoch: its number, and every column of history.csv."""
    versions: Mapping[str, str] = field(default_factory=dict)
    temperature: float = 1.0
    """What logits are divided by, so that probabilities mean what they say."""
    threshold: float = 0.0
    """Probability below which `predict` answers "unknown"."""

    @property
    def weights(self) -> Path:
        """The best epoch's weights."""
        return self.path / "model.weights.h5"

    @property
    def lite(self) -> Path:
        """The LiteRT copy of the network, where it was proven to agree."""
        return self.path / "model.tflite"

    @property
    def validation(self) -> Path:
        """The answer to each validation picture: file, class, predicted, probability."""
        return self.path / "validation.csv"

    @property
    def mean_image(self) -> Path:
        """The mean training picture, float32 [R, R, 3], where the recipe wants one."""
        return self.path / "mean_image.npy"

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The Run at `path`, ready to be used.

        Raises:
            RunError: there is none, it is damaged or of a newer format, or its training
                has not come to a network yet.
        """
        run = cls.read(path)
        if run.status == TRAINING:
            raise RunError(f"{printable(path)}: training has not finished, or was killed")
        needed = [run.weights] if run.preprocess.mean else [run.weights, run.mean_image]
        for file in needed:
            if not file.is_file():
                raise RunError(f"{printable(file)} is missing; train again")
        return run

    @classmethod
    def read(cls, path: Path) -> "Run":
        """The Run at `path`, whatever became of it.

        Raises:
            RunError: there is no run.json, or not one of ours.
        """
        file = path / "run.json"
        try:
            data = json.loads(file.read_text("utf-8"))
            version = data.pop("format")
        except FileNotFoundError as error:
            raise RunError(
                f"{printable(path)} is no Run: it holds no run.json; "
                f"`alexnet train --out {printable(path)}` makes one"
            ) from error
        except OSError as error:
            raise RunError(f"{printable(file)}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{printable(file)} is damaged: {_said(error)}") from error
        if not isinstance(version, int) or version > FORMAT:
            raise RunError(
                f"{printable(file)} has format {version}; this version reads up to {FORMAT}: "
                f"upgrade alexnet"
            )
        try:
            return cls(path, **_parsed(data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{printable(file)} is damaged: {_said(error)}") from error

    def write(self) -> None:
        """Write run.json, whole or not at all."""
        data = {x.name: getattr(self, x.name) for x in dataclasses.fields(self)}
        del data["path"]
        data["architecture"] = self.architecture.to_dict()
        data["preprocess"] = dataclasses.asdict(self.preprocess)
        data["recipe"] = dataclasses.asdict(self.recipe)
        text = json.dumps({"format": FORMAT, **data}, indent=2)
        write_whole(self.path / "run.json", text + "\n")

    def write_records(
        self,
        split: Sequence[tuple[str, str, str, str, str]],
        bad: Sequence[tuple[str, str]],
    ) -> None:
        """Write split.csv and bad_images.csv from rows in the order of their columns."""
        header = ("file", "class", "split", "sha256", "group")
        write_csv(self.path / "split.csv", header, split)
        write_csv(self.path / "bad_images.csv", ("file", "reason"), bad)

    def split(self) -> list[dict[str, str]]:
        """The rows of split.csv.

        Raises:
            RunError: it is missing or damaged.
        """
        return read_csv(self.path / "split.csv", {"file", "class", "split", "sha256"})

    def confidences(self) -> list[tuple[float, bool]]:
        """The probability of each validation answer, and whether it is right.

        Raises:
            RunError: validation.csv is missing or damaged.
        """
        rows = read_csv(self.validation, {"class", "predicted", "probability"})
        try:
            return [(float(x["probability"]), x["predicted"] == x["class"]) for x in rows]
        except ValueError as error:
            raise RunError(f"{printable(self.validation)} is damaged: {error}") from error


def _parsed(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Run from what run.json holds."""
    preprocess = dict(data["preprocess"])
    for key in ("mean", "std"):
        numbers = preprocess[key]
        if numbers is not None:
            red, green, blue = (float(x) for x in numbers)
            preprocess[key] = (red, green, blue)
    if preprocess["std"] is None:
        raise ValueError("preprocess.std is missing")
    classes = tuple(data["classes"])
    if not classes or not all(isinstance(x, str) for x in classes):
        raise ValueError("classes are no list of names")
    return {
        **data,
        "architecture": Architecture.from_dict(data["architecture"]),
        "preprocess": Preprocess(**preprocess),
        "recipe": Recipe(**data["recipe"]),
        "classes": classes,
        "temperature": float(data.get("temperature", 1)),
        "threshold": float(data.get("threshold", 0)),
    }


def _said(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def new_run(
    path: Path, recipe: Recipe, classes: tuple[str, ...], data: Path | None = None
) -> Run:
    """A Run that is about to be trained on `data`, or imported; nothing is written yet."""
    packages = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
    versions = {x: metadata.version(x) for x in packages}
    return Run(
        path=path,
        architecture=recipe.architecture(),
        preprocess=preprocess_of(recipe),
        classes=classes,
        recipe=recipe,
        data=str(data.resolve()) if data else "",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **versions},
    )


def require_space(run: Run) -> None:
    """Refuse to train where the finished Run would not fit.

    Raises:
        RunError: the disk has too little room for it.
    """
    layers = trace(run.architecture, len(run.classes))
    # Weights thrice (HDF5, SavedModel, LiteRT), once more while the best are replaced.
    needed = 4 * 4 * sum(x.parameters for x in layers) + 20_000_000
    place = next(x for x in (run.path, *run.path.absolute().parents) if x.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise RunError(
            f"{printable(run.path)} needs {needed / 1e6:.0f} MB; "
            f"{free / 1e6:.0f} MB are free there"
        )


@contextmanager
def staged(out: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to write a Run into, which becomes `out` when the block succeeds.

    A new Run is written in its place, to be watched; an old one stays as it is until the
    new one is whole. If the block raises, what it wrote is removed.

    Raises:
        RunError: `out` holds a Run and `overwrite` is false, or something else.
    """
    is_run = (out / "run.json").exists()
    if out.exists() and not is_run and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(f"{printable(out)} is no Run and not empty; choose another --out")
    if is_run and not overwrite:
        raise RunError(
            f"{printable(out)} holds a Run; --overwrite replaces it, --out names another"
        )
    place = out.with_name(f".{out.name}.new") if is_run else out
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    try:
        yield place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    if is_run:
        old = out.with_name(f".{out.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
        place.rename(out)
        shutil.rmtree(old)
