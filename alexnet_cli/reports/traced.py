"""What the numbers of an evaluation are of: which images, and which run."""

from pathlib import Path
from typing import Any

from ..evaluation.result import Evaluation
from ..run.digests import recorded_digest
from ..run.run import Run

SHORT = 12
"""Characters of a digest that a line shows."""


def data_row(evaluation: Evaluation) -> dict[str, Any]:
    """The images that were read, as JSON values."""
    images = evaluation.images
    return {
        "location": images.location,
        "part": images.part,
        "images": evaluation.scores.images,
        "digest": evaluation.data_digest,
    }


def run_row(run: Run, source: Path | None = None) -> dict[str, Any]:
    """What made `run`, read from `source`, as JSON values; "" where it is not known."""
    versions, made = run.versions, run.provenance
    return {
        "path": str((source or run.path).resolve()),
        "network": run.architecture.name,
        "recipe": made.config,
        "created": run.created,
        "alexnet": versions.get("alexnet", ""),
        "commit": versions.get("commit", ""),
        "epoch": run.metrics.get("epoch"),
        "data_digest": made.data_digest,
        "weights_digest": recorded_digest(run.weights),
    }


def data_text(evaluation: Evaluation) -> str:
    """The images that were read, as one line."""
    images = evaluation.images
    part = f" of its {images.part} part" if images.part else ""
    count = evaluation.scores.images
    return (
        f"{images.location}: {count} images{part}, digest {evaluation.data_digest[:SHORT]}"
    )


def run_text(run: Run, source: Path | None = None) -> str:
    """What made `run`, as one line; what is not known is left out."""
    row = run_row(run, source)
    commit = f" ({row['commit']})" if row["commit"] else ""
    parts = [
        row["network"],
        row["recipe"] and f"recipe {row['recipe']}",
        row["epoch"] and f"epoch {row['epoch']:.0f}",
        row["created"] and f"of {row['created']}",
        row["alexnet"] and f"by alexnet {row['alexnet']}{commit}",
        row["data_digest"] and f"from data {row['data_digest'][:SHORT]}",
        row["weights_digest"] and f"weights {row['weights_digest'][:SHORT]}",
    ]
    return f"{row['path']}: {', '.join(x for x in parts if x)}"
