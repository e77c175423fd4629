"""evaluations.json: how well a run did on images that training has not seen."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from ..backend.regular_file import read_regular
from .digests import EVALUATIONS, recorded_digest
from .files import write_text
from .run import Run
from .run_json import decode

MOST = 50
"""Evaluations that are kept, the last ones."""
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class RecordedEvaluation:
    """An evaluation of a run on images none of which it was trained or validated on."""

    location: str
    """Where the images were."""
    part: str
    """Which part of it they are; empty for all of it."""
    digest: str
    """As `provenance.data_digest` has it, of the images."""
    images: int
    top1: float
    weights_digest: str
    """SHA-256 of the weights."""
    date: str = ""


def recorded_evaluations(run: Run) -> list[RecordedEvaluation]:
    """Those of the weights that `run` has now, the last one at the end.

    None where there is no such file, or it cannot be read.
    """
    # Not for --help: it takes longer than the rest.
    from msgspec import to_builtins

    from .schema import EvaluationsFile, converted

    try:
        data = decode(read_regular(run.path / EVALUATIONS, _MAX_BYTES))
        rows = converted(data, EvaluationsFile).evaluations
    except (OSError, ValueError):
        return []
    now = recorded_digest(run.weights)
    found = [RecordedEvaluation(**to_builtins(x)) for x in rows]
    return [x for x in found if now and x.weights_digest == now]


def record_evaluation(run: Run, evaluation: RecordedEvaluation) -> None:
    """Add `evaluation`, which takes the place of one of the same images.

    Raises:
        OSError: the run's directory cannot be written to.
    """
    new = dataclasses.replace(
        evaluation, date=datetime.now(UTC).isoformat(timespec="seconds")
    )
    others = [x for x in recorded_evaluations(run) if x.digest != new.digest]
    rows = [dataclasses.asdict(x) for x in (*others[1 - MOST :], new)]
    body = {"format": 1, "evaluations": rows}
    write_text(run.path / EVALUATIONS, json.dumps(body, indent=1) + "\n")


def held_out_evaluation(run: Run) -> RecordedEvaluation | None:
    """That on the test part of the run's own data, or else the last one, if any."""
    found = recorded_evaluations(run)
    own = [x for x in found if (x.location, x.part) == (run.data, "test")]
    return next(iter((own or found)[::-1]), None)
