"""The Run directory: what was trained, on what, how well. Read, written, verified.

Nothing here imports TensorFlow; weights and graph are written by `export.py`.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import RunError, printable
from ..model.architecture import Architecture
from ..preprocess import Preprocess
from ..recipe.recipe import Recipe
from .files import read_csv, write_csv, write_whole

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
