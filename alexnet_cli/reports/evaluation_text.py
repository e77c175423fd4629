"""An evaluation as text and as JSON."""

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import printable
from .text import table

if TYPE_CHECKING:
    from ..evaluation.evaluate import Comparison, Evaluation
    from ..evaluation.scores import ClassScore


def scores(judged: "Evaluation", compared: "Comparison | None" = None) -> Iterator[str]:
    """The text that `evaluate` prints."""
    what, sure = judged.scores.occurring(), judged.intervals
    yield f"{what.images} pictures"
    yield f"top-1 accuracy {what.top1:.4f}  95 % interval {_between(sure.top1)}"
    if what.top5 is not None:
        yield f"top-5 accuracy {what.top5:.4f}"
    yield f"loss           {what.loss:.4f}"
    yield f"macro F1       {what.macro_f1:.4f}  95 % interval {_between(sure.macro_f1)}"
    yield f"calibration    {judged.calibration_error:.4f}  expected error of probabilities"
    if compared:
        yield from comparison(compared)
    yield ""
    header = ("class", "precision", "recall", "F1", "support")
    rows = [
        (printable(x.name), *map(_share, (x.precision, x.recall, x.f1)), str(x.support))
        for x in what.classes
    ]
    yield from table([header, *rows])
    rest = len(judged.scores.classes) - len(what.classes)
    if rest:
        yield f"{rest} classes have no pictures here and were not answered"
    yield ""
    yield "confusion matrix: rows are the true class, columns the predicted one"
    width = len(str(len(rows)))
    numbers = [f"{i + 1:>{width}}" for i in range(len(rows))]
    lines = [("", "", *numbers)]
    for number, x, line in zip(numbers, what.classes, what.confusion, strict=True):
        lines.append((number, printable(x.name), *(str(n) if n else "." for n in line)))
    yield from table(lines, left=2)
    pairs = what.confused()
    if pairs:
        yield ""
        yield "most confused"
        yield from table(
            [(printable(t), "taken for", printable(p), str(n)) for t, p, n in pairs], left=3
        )


def comparison(what: "Comparison") -> Iterator[str]:
    """What `--compare` adds."""
    test = what.test
    yield ""
    yield f"the other Run  {what.top1:.4f}"
    yield f"right alone    this one {test.only_first}, the other {test.only_second}"
    verdict = "a difference" if test.p < 0.05 else "no difference that can be told"
    yield f"McNemar's test p = {test.p:.3g}: {verdict} on these pictures"


def _between(interval: tuple[float, float]) -> str:
    return "{:.4f} to {:.4f}".format(*interval)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def scores_json(what: "Evaluation", compared: "Comparison | None" = None) -> str:
    """The scores as one JSON object."""
    s = what.scores
    data = {
        "images": s.images,
        "top1": s.top1,
        "top5": s.top5,
        "loss": s.loss,
        "macro_f1": s.macro_f1,
        "intervals": dataclasses.asdict(what.intervals),
        "calibration_error": what.calibration_error,
        "reliability": [dataclasses.asdict(x) for x in what.reliability],
        "unreadable": [{"file": str(x.file), "error": x.error} for x in what.unreadable],
        "trained_on": what.trained_on,
        "classes": {x.name: _numbers(x) for x in s.classes},
        "confusion": s.confusion.tolist(),
        "most_confused": [
            {"true": t, "predicted": p, "images": n} for t, p, n in s.confused()
        ],
    }
    if compared:
        data["comparison"] = dataclasses.asdict(compared)
    return json.dumps(data)


def _numbers(row: "ClassScore") -> dict[str, float | None]:
    names = ("precision", "recall", "f1", "support")
    return {x: getattr(row, x) for x in names}
