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
        return json.dumps(prediction.to_dict(_name(prediction), top))
    if form in ("csv", "raw-csv"):
        cells = [x for n, p in prediction.top(top) for x in (n, f"{p:.6f}")]
        rejected = "" if not cells else str(prediction.rejected).lower()
        cells += [""] * (2 * top - len(cells))
        found = [prediction.error, prediction.label, *cells, rejected]
        row = [_name(prediction), *found]
        return csv_line(row, spreadsheet=form == "csv")
    return _text(prediction, top)


def csv_header(top: int) -> str:
    """The first line of CSV with `top` classes."""
    columns = [f"{x}_{i + 1}" for i in range(top) for x in ("label", "probability")]
    return csv_line(["file", "error", "answer", *columns, "rejected"])


def _name(prediction: "Prediction") -> str:
    return prediction.name or str(prediction.file)


def _text(prediction: "Prediction", top: int) -> str:
    name, label = _name(prediction), prediction.label
    ranked = prediction.top(top)
    if not ranked:
        return f"{name}: error: {prediction.error}"
    text = ", ".join(f"{n} {p:.1%}" for n, p in ranked)
    text = f"{label} ({text})" if prediction.rejected else text
    # One that cannot be drawn has both.
    return (
        f"{name}: {text}; error: {prediction.error}"
        if prediction.error
        else f"{name}: {text}"
    )
