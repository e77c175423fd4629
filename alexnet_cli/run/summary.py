"""What a table of runs shows of each, read from its directory alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..backend.regular_file import read_regular
from ..errors import RunError
from .checkpoints import last
from .evaluations import RecordedEvaluation, held_out_evaluation
from .lock import owner
from .run import FINISHED, Run

MOST_FILES = 100_000
"""Of one run whose sizes are added up."""
_MAX_HISTORY = 50_000_000


@dataclass(frozen=True)
class RunSummary:
    """A run in a table; what is not known is None, or empty."""

    path: Path
    error: str = ""
    """Why nothing else is known of it; empty if it can be read."""
    status: str = ""
    """As in run.json."""
    resumable: bool = False
    """Whether it did not end, and has a checkpoint to go on from."""
    busy: bool = False
    """Whether a training is writing to it."""
    network: str = ""
    recipe: str = ""
    """What --config named."""
    data: str = ""
    """Where its images are."""
    data_digest: str = ""
    epochs: int = 0
    """Finished ones."""
    best_epoch: int | None = None
    seconds: float | None = None
    """How long it has trained; of one that was killed, until its last checkpoint."""
    validation: float | None = None
    """Accuracy of the best epoch on the validation images."""
    test: RecordedEvaluation | None = None
    size: int = 0
    """Bytes of its files; several names of one file count once."""
    created: str = ""


def summary(path: Path) -> RunSummary:
    """The summary of the run directory `path`, in whatever state it is."""
    try:
        run = Run.read(path)
    except RunError as error:
        return RunSummary(path, str(error), size=_size(path))
    ended = run.status == FINISHED
    checkpoint = None if ended else last(path)
    epoch, accuracy = run.metrics.get("epoch"), run.metrics.get("val_accuracy")
    seconds = run.provenance.seconds or _elapsed(checkpoint and checkpoint.state)
    return RunSummary(
        path,
        status=run.status,
        resumable=checkpoint is not None,
        busy=not ended and bool(owner(path)),
        network=run.architecture.name,
        recipe=run.provenance.config,
        data=run.data,
        data_digest=run.provenance.data_digest,
        epochs=max(_epochs(path), checkpoint.epoch if checkpoint else 0),
        best_epoch=None if epoch is None else int(epoch),
        seconds=seconds or None,
        validation=None if accuracy is None else float(accuracy),
        test=held_out_evaluation(run),
        size=_size(path),
        created=run.created,
    )


def _elapsed(state: object) -> float:
    """The seconds of training that the state of a checkpoint tells; 0 if it does not."""
    found = state.get("elapsed") if isinstance(state, dict) else None
    return float(found) if isinstance(found, int | float) else 0.0


def _epochs(path: Path) -> int:
    """How many epochs history.csv has."""
    try:
        return max(0, read_regular(path / "history.csv", _MAX_HISTORY).count(b"\n") - 1)
    except OSError:
        return 0


def _size(path: Path) -> int:
    """Bytes of the files in `path`; links are not followed."""
    sizes = {}
    for number, status in enumerate(_files(path)):
        sizes[status.st_dev, status.st_ino] = status.st_size
        if number == MOST_FILES:
            break
    return sum(sizes.values())


def _files(path: Path) -> Iterator[os.stat_result]:
    folders = [path]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for x in entries:
                    if x.is_dir(follow_symlinks=False):
                        folders.append(Path(x.path))
                    else:
                        yield x.stat(follow_symlinks=False)
        except OSError:
            continue
