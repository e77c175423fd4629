"""An evaluation as text and as JSON."""

import dataclasses
import json
from collections.abc import Iterator

from ..evaluation.result import Comparison, Evaluation
from ..evaluation.scores import ClassScore, Scores
from .text import table
from .traced import data_row, data_text, run_row, run_text

MOST_CLASSES = 30
"""Rows and columns of a table that a terminal can show."""
_ERRORS = {
    "mse": "mean squared error of probabilities",
    "mae": "mean absolute error of probabilities",
}
"""Metrics that are printed if the run was trained with them, and what they are."""


def text(evaluation: Evaluation) -> Iterator[str]:
    """The lines that `alexnet evaluate` prints, without line ends."""
    scores, intervals = evaluation.scores.occurring(), evaluation.intervals
    yield f"{scores.images} images"
    yield f"top-1 accuracy {scores.top1:.4f}  95 % interval {_between(intervals.top1)}"
    for k, value in _tops(evaluation):
        yield f"{f'top-{k} accuracy':14} {value:.4f}  class among the {k} most probable"
    yield f"loss           {scores.loss:.4f}"
    interval = _between(intervals.macro_f1)
    yield f"macro F1       {scores.macro_f1:.4f}  95 % interval {interval}"
    error = evaluation.calibration_error
    yield f"ECE            {error:.4f}  expected calibration error"
    for name, meaning in _ERRORS.items():
        if name in evaluation.metrics:
            yield f"{name:14} {evaluation.metrics[name]:.4f}  {meaning}"
    if evaluation.comparison:
        yield from _comparison(evaluation.comparison)
    yield ""
    yield from _class_table(scores)
    rest = len(evaluation.scores.classes) - len(scores.classes)
    if rest:
        yield f"classes without images that were never predicted: {rest}"
    yield ""
    if len(scores.classes) <= MOST_CLASSES:
        yield from _confusion(scores)
    else:
        yield (
            f"confusion matrix of {len(scores.classes)} classes: not shown; "
            f"--plot, --report and --json write it"
        )
    pairs = scores.confused()
    if pairs:
        yield ""
        yield "most confused"
        rows = [(t, "mistaken for", p, str(n)) for t, p, n in pairs]
        yield from table(rows, left=3)


def origin(evaluation: Evaluation) -> Iterator[str]:
    """The lines that say what these numbers are of."""
    yield f"data   {data_text(evaluation)}"
    yield f"run    {run_text(evaluation.run, evaluation.source)}"
    if evaluation.comparison:
        yield f"other  {run_text(evaluation.comparison.run)}"


def _tops(evaluation: Evaluation) -> list[tuple[int, float]]:
    """K and top-K accuracy, in order of K; that of 1 is always shown."""
    names = {k: v for k, v in evaluation.metrics.items() if k.startswith("top")}
    return sorted((int(k[3:]), v) for k, v in names.items() if int(k[3:]) > 1)


def _class_table(scores: Scores) -> Iterator[str]:
    header = ("class", "precision", "recall", "F1", "support")
    shown, rest = scores.classes, len(scores.classes) - MOST_CLASSES
    if rest > 0:
        yield f"the {MOST_CLASSES} classes with the lowest F1"
        shown = tuple(sorted(shown, key=_worst_first)[:MOST_CLASSES])
    rows = [
        (x.name, *map(_fraction, (x.precision, x.recall, x.f1)), str(x.support))
        for x in shown
    ]
    yield from table([header, *rows])
    if rest > 0:
        yield f"... and {rest} more, which --report and --json write"


def _worst_first(row: ClassScore) -> tuple[bool, float]:
    return row.f1 is None, row.f1 or 0


def _confusion(scores: Scores) -> Iterator[str]:
    yield "confusion matrix: rows are the true class, columns the predicted one"
    width = len(str(len(scores.classes)))
    numbers = [f"{i + 1:>{width}}" for i in range(len(scores.classes))]
    rows = [("", "", *numbers)]
    for number, x, line in zip(numbers, scores.classes, scores.confusion, strict=True):
        rows.append((number, x.name, *(str(n) if n else "." for n in line)))
    yield from table(rows, left=2)


def _comparison(compared: Comparison) -> Iterator[str]:
    """The lines that `--compare` adds."""
    test = compared.test
    verdict = "significant" if test.p < 0.05 else "not significant"
    yield ""
    yield f"other run         {compared.top1:.4f}  top-1 accuracy"
    yield f"only one correct  this run {test.only_first}, other run {test.only_second}"
    yield f"McNemar's test    p = {test.p:.3g}: {verdict} on these images"


def _between(interval: tuple[float, float]) -> str:
    return "{:.4f} to {:.4f}".format(*interval)


def _fraction(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def to_json(evaluation: Evaluation) -> str:
    """The evaluation as one JSON object."""
    scores, compared = evaluation.scores, evaluation.comparison
    data = {
        "images": scores.images,
        "top1": scores.top1,
        "top5": scores.top5,
        "loss": scores.loss,
        "macro_f1": scores.macro_f1,
        "metrics": dict(evaluation.metrics),
        "intervals": dataclasses.asdict(evaluation.intervals),
        "calibration_error": evaluation.calibration_error,
        "reliability": [dataclasses.asdict(x) for x in evaluation.reliability],
        "unreadable": [
            {"file": str(x.file), "error": x.error} for x in evaluation.unreadable
        ],
        "trained_on": evaluation.trained_on,
        "classes": {x.name: _numbers(x) for x in scores.classes},
        "confusion": scores.confusion.tolist(),
        "most_confused": [
            {"true": t, "predicted": p, "images": n} for t, p, n in scores.confused()
        ],
    }
    data |= {
        "data": data_row(evaluation),
        "run": run_row(evaluation.run, evaluation.source),
    }
    if compared:
        data["comparison"] = {
            "top1": compared.top1,
            "test": dataclasses.asdict(compared.test),
            "trained_on": compared.trained_on,
            "run": run_row(compared.run),
        }
    return json.dumps(data)


def _numbers(row: ClassScore) -> dict[str, float | None]:
    names = ("precision", "recall", "f1", "support")
    return {x: getattr(row, x) for x in names}
