"""One prediction as text, JSON or CSV, as `alexnet predict` prints it."""

import json
from typing import TYPE_CHECKING

from ..run.files import csv_line

if TYPE_CHECKING:
    from ..inference.prediction import Prediction


def line(prediction: "Prediction", top: int, form: str | None) -> str:
    """The `top` classes of `prediction`; `form` is json, csv, raw-csv
    or None for people.

    Bytes of names that are not UTF-8 are surrogates.
    """
    if form == "json":
        return json.dumps(prediction.to_dict(str(prediction.file), top))
    if form in ("csv", "raw-csv"):
        cells = [x for n, p in prediction.top(top) for x in (n, f"{p:.6f}")]
        cells += [""] * (2 * top - len(cells))
        rejected = "" if prediction.error else str(prediction.rejected).lower()
        row = [prediction.file, prediction.error, prediction.label, *cells, rejected]
        return csv_line(row, spreadsheet=form == "csv")
    return _text(prediction, top)


def csv_header(top: int) -> str:
    """The first line of CSV with `top` classes."""
    columns = [f"{x}_{i + 1}" for i in range(top) for x in ("label", "probability")]
    return csv_line(["file", "error", "answer", *columns, "rejected"])


def _text(prediction: "Prediction", top: int) -> str:
    file, label = prediction.file, prediction.label
    if prediction.error:
        return f"{file}: error: {prediction.error}"
    ranked = prediction.top(top)
    text = ", ".join(f"{n} {p:.1%}" for n, p in ranked)
    text = f"{label} ({text})" if prediction.rejected else text
    return f"{file}: {text}"
