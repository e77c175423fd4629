"""Checkpoints of a training: `checkpoints/00017.json`, and arrays beside it, both checked.

Arrays are in the safetensors format. Neither Keras' `BackupAndRestore` nor TensorFlow's
`CheckpointManager` would do: the one leaves out generators and the place within the epoch,
the other neither syncs its files nor can tell a damaged one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.regular_file import read_regular
from ..errors import RunError, first_line, for_shell, printable
from .digests import sha256
from .files import replacing, write_text
from .run_json import decode
from .tensors import write_tensors

if TYPE_CHECKING:
    import numpy as np

FOLDER = "checkpoints"
KEPT = 2
_MAX_BYTES = 2**28
"""Of an index, which grows by a row for each epoch."""
_INDEX = re.compile(r"(\d{5,})\.json")
_NUMBERED = re.compile(r"(\d{5,})\.(?:json|safetensors)")
_WEIGHTS = re.compile(r"epoch-(\d{5,})\.weights\.h5")
_DAMAGED = (OSError, ValueError, KeyError)
"""What reading a damaged JSON file raises."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after `step` steps of the epoch that follows `epoch`."""

    index: Path
    """Its JSON file."""
    epoch: int
    step: int
    state: Mapping[str, Any]
    """Plain numbers and texts."""
    best: str
    """The best epoch's file of weights, below the run; empty before the first."""
    files: Mapping[str, str]
    """SHA-256 of each file below the run that belongs to it."""

    @property
    def run(self) -> Path:
        """The run directory."""
        return self.index.parent.parent

    @property
    def arrays_file(self) -> Path:
        """The arrays, in the safetensors format."""
        return self.index.with_suffix(".safetensors")

    def arrays(self) -> "dict[str, np.ndarray[Any, Any]]":
        """The arrays by their names."""
        from safetensors.numpy import load_file

        return load_file(self.arrays_file)

    def damage(self) -> str:
        """What is wrong with its files; empty if they are what was written."""
        for name, digest in self.files.items():
            file = self.run / name
            if not file.is_file():
                return f"{printable(file)} does not exist"
            if sha256(file) != digest:
                return f"{printable(file)} is not what was written"
        return ""


@dataclass(frozen=True)
class Resume:
    """Where an earlier training ended, and what has changed since."""

    checkpoint: Checkpoint
    replan: bool = False
    """Whether the number of epochs or the time limit is another one."""
    restart_epoch: bool = False
    """Whether the images are others, so that the epoch has to begin anew."""


def best_file(epoch: int) -> str:
    """The name below the run of the weights of the best epoch so far, counted from 1."""
    return f"{FOLDER}/epoch-{epoch:05d}.weights.h5"


def write_checkpoint(
    run: Path,
    place: tuple[int, int],
    state: Mapping[str, Any],
    arrays: "Mapping[str, np.ndarray[Any, Any]]",
    best: str = "",
) -> Checkpoint:
    """Write a checkpoint at `place`, finished epochs and steps; only the last two stay.

    `best` is as in `Checkpoint`. The index comes last: without it there is no checkpoint.
    """
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    index = folder / f"{max(_numbers(folder), default=0) + 1:05d}.json"
    files = {}
    with replacing(index.with_suffix(".safetensors")) as part:
        digest = write_tensors(part, arrays)
    files[f"{FOLDER}/{index.stem}.safetensors"] = digest
    if best:
        files[best] = _known_digest(folder, best) or sha256(run / best)
    checkpoint = Checkpoint(index, *place, state, best, files)
    write_text(index, _to_json(checkpoint))
    _prune(folder)
    return checkpoint


def newest(run: Path, warn: Callable[[str], None] = lambda text: None) -> Checkpoint | None:
    """The newest checkpoint that is not damaged; `warn` gets a line for each that is."""
    for index in _indices(run / FOLDER):
        try:
            checkpoint = _from_json(index)
            problem = checkpoint.damage()
        except _DAMAGED as error:
            problem = f"{printable(index)} cannot be read ({first_line(error)})"
        if not problem:
            return checkpoint
        warn(
            f"warning: checkpoint {index.stem} is damaged: {problem}; an older one is used"
        )
    return None


def recorded(run: Path) -> bool:
    """Whether a step of training is recorded in the directory `run`."""
    for index in _indices(run / FOLDER):
        try:
            checkpoint = _from_json(index)
        except _DAMAGED:
            return True  # more than nothing, and not to be deleted
        if checkpoint.epoch or checkpoint.step:
            return True
    return False


def _indices(folder: Path) -> list[Path]:
    """The JSON files of checkpoints, newest first."""
    return [folder / f"{x:05d}.json" for x in sorted(_numbers(folder), reverse=True)]


def _numbers(folder: Path) -> list[int]:
    try:
        names = [x.name for x in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [int(m[1]) for x in names if (m := _INDEX.fullmatch(x))]


def _to_json(checkpoint: Checkpoint) -> str:
    body = {
        "format": 1,
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "best": checkpoint.best,
        "files": checkpoint.files,
        "state": checkpoint.state,
    }
    text = json.dumps(body, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"sha256": digest, **body}, indent=1, allow_nan=False) + "\n"


def _from_json(index: Path) -> Checkpoint:
    """The checkpoint of a JSON file.

    Raises:
        OSError, ValueError, KeyError: it is damaged.
    """
    from .schema import CheckpointIndex, converted

    body = decode(read_regular(index, _MAX_BYTES))
    digest = body.pop("sha256")
    if hashlib.sha256(json.dumps(body, allow_nan=False).encode()).hexdigest() != digest:
        raise ValueError("it is not what was written")
    found = converted(body, CheckpointIndex)
    return Checkpoint(index, found.epoch, found.step, found.state, found.best, found.files)


def _known_digest(folder: Path, best: str) -> str:
    """The digest of the file `best` by the last checkpoint, if it belongs to that too."""
    for checkpoint in _readable(folder)[:1]:
        return checkpoint.files.get(best, "")
    return ""


def _prune(folder: Path) -> None:
    """Remove all but the last checkpoints, and weights that belong to none of them."""
    kept = _readable(folder)[:KEPT]
    indices = {x.index.stem for x in kept}
    best = {Path(x.best).name for x in kept}
    for file in folder.iterdir():
        numbered, weights = _NUMBERED.fullmatch(file.name), _WEIGHTS.fullmatch(file.name)
        if numbered and numbered[1] not in indices:
            file.unlink()
        # Those of an epoch after the last checkpoint belong to the next one.
        if weights and file.name not in best and int(weights[1]) <= kept[0].epoch:
            file.unlink()


def _readable(folder: Path) -> list[Checkpoint]:
    """The checkpoints whose JSON is not damaged, newest first."""
    found = []
    for index in _indices(folder):
        with suppress(*_DAMAGED):
            found.append(_from_json(index))
    return found


def last(run: Path) -> Checkpoint | None:
    """The newest checkpoint whose JSON is not damaged; its arrays are not looked at."""
    return next(iter(_readable(run / FOLDER)), None)


def require_checkpoint(run: Path, warn: Callable[[str], None]) -> Checkpoint:
    """As `newest`.

    Raises:
        RunError: there is none.
    """
    found = newest(run, warn)
    if found is None:
        name = printable(run)
        raise RunError(
            f"{name} has no checkpoint that can be used; `alexnet train --weights "
            f"{for_shell(run)}` starts a new training from its weights"
        )
    return found
