"""One prediction reads the same as text, JSON and CSV, and comes back from them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.inference.prediction import UNKNOWN, Prediction
from alexnet_cli.reports.predictions import csv_header, line

ODD = [
    "nan", "null", "true", "None", "NA", "a,b", 'quo"te', "tab\tx", "new\nline", "ret\rx", "=1+1", "+1+1", "-1", "1e5",
    "\xa0", " lead", "error", "unknown", "\u732b", "bad\udcff", "a/b", "file", "'=1",
]  # fmt: skip


def prediction(classes, probabilities, threshold=0.0, **fields):
    values = np.float32(probabilities)
    return Prediction(
        Path("a.jpg"), tuple(classes), threshold, probabilities=values, **fields
    )


def row(found, top, form="raw-csv"):
    text = f"{csv_header(top)}\n{line(found, top, form)}\n"
    (only,) = csv.DictReader(io.StringIO(text, newline=""))
    return only


@pytest.mark.parametrize("classes", [("unknown", "red"), ("red", "unknown")])
@pytest.mark.parametrize("threshold", [0.0, 0.9])
def test_a_class_called_unknown_is_told_from_a_rejection(classes, threshold):
    found = prediction(classes, (0.75, 0.25), threshold)
    rejected = threshold == 0.9
    assert found.rejected is rejected
    answer = UNKNOWN if rejected else classes[0]
    assert found.label == answer
    values = json.loads(line(found, 2, "json"))
    assert (values["answer"], values["rejected"]) == (answer, rejected)
    assert values["classes"][0]["label"] == classes[0]
    cells = row(found, 2)
    assert (cells["answer"], cells["rejected"]) == (answer, str(rejected).lower())
    shown = f"{classes[0]} 75.0%, {classes[1]} 25.0%"
    text = line(found, 2, None)
    assert text == f"a.jpg: unknown ({shown})" if rejected else f"a.jpg: {shown}"


def test_an_error_is_no_rejection():
    found = Prediction(Path("a.jpg"), ("a", "b"), 0.5, error="is empty")
    assert not found.rejected and found.label == ""
    assert json.loads(line(found, 2, "json")) == {
        "file": "a.jpg", "error": "is empty", "classes": [],
    }  # fmt: skip
    cells = row(found, 2)
    assert (cells["error"], cells["answer"], cells["rejected"]) == ("is empty", "", "")


@given(st.permutations(ODD))
def test_odd_names_come_back_from_json_and_csv(names):
    found = prediction(names, np.linspace(1, 0.1, len(names)))
    values = json.loads(line(found, len(names), "json"))
    assert [x["label"] for x in values["classes"]] == list(names)
    cells = row(found, len(names))
    assert [cells[f"label_{i + 1}"] for i in range(len(names))] == list(names)
    assert None not in cells and None not in cells.values()


def test_pandas_reads_odd_names_back():
    pandas = pytest.importorskip("pandas")
    found = prediction(ODD[:8], np.linspace(1, 0.1, 8))
    text = f"{csv_header(8)}\n{line(found, 8, 'raw-csv')}\n"
    table = pandas.read_csv(io.StringIO(text), keep_default_na=False)
    assert [table[f"label_{i + 1}"][0] for i in range(8)] == ODD[:8]
