"""Models side by side: what `alexnet export` and `alexnet benchmark` print."""

import json
from collections.abc import Iterator, Sequence

from ..evaluation.proof import Judged, as_row
from .text import table

HEADER = (
    "model", "size", "same class", "largest diff", "accuracy", "95 % interval", "lost",
    "start", "one image", "images/s",
)  # fmt: skip


def text(own: Judged, others: Sequence[Judged]) -> Iterator[str]:
    """The lines of a table: `own`, then `others` compared with it."""
    yield from table([HEADER, *map(_cells, (own, *others))])


def _cells(judged: Judged) -> tuple[str, ...]:
    proof, accuracy = judged.proof, judged.proof.accuracy
    scores = ("-", "-", "-")
    if accuracy:
        low, high = accuracy.interval
        scores = (
            f"{accuracy.top1:.4f}",
            f"{low:.4f} to {high:.4f}",
            f"{accuracy.drop:+.4f}",
        )
    return (
        judged.name,
        size_text(judged.bytes),
        f"{proof.agreement:.2%}",
        f"{proof.largest_difference:.5f}",
        *scores,
        f"{proof.start:.2f} s",
        f"{1000 * proof.latency:.1f} ms",
        f"{proof.throughput:.0f}",
    )


def size_text(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def to_json(
    own: Judged, others: Sequence[Judged], images: str, left_out: Sequence[str]
) -> str:
    """The same as one JSON object; whether a model lost too much is the exit code."""
    rows = [{**as_row(x), "path": str(x.path)} for x in others]
    found = {"images": images, "run": as_row(own), "models": rows, "left_out": left_out}
    return json.dumps(found)
