"""The table of runs fits the terminal, and cuts names, not numbers."""

import json
from pathlib import Path

import pytest

from alexnet_cli.reports.runs_table import LEFT_OUT, cut, text, to_json
from alexnet_cli.reports.text import cells
from alexnet_cli.run.evaluations import RecordedEvaluation
from alexnet_cli.run.summary import RunSummary

FOLDER = Path("runs")


def evaluated(digest="a"):
    return RecordedEvaluation("/data", "test", digest * 64, 30, 0.5, "b" * 64, "2026-11-30")


def row(name="a", **fields):
    known = {
        "status": "finished", "network": "alexnet-half", "recipe": "my/quick.toml",
        "data_digest": "0123456789abcdef" * 4, "epochs": 61, "seconds": 570.0,
        "validation": 0.869, "test": evaluated(), "size": 58_300_000,
        "created": "2026-11-30T16:18:22+00:00",
    }  # fmt: skip
    return RunSummary(FOLDER / name, **{**known, **fields})


def test_a_row_has_everything():
    head, line = text([row()], FOLDER, 200)
    assert head.split() == [
        "run", "network", "recipe", "data", "epochs", "minutes", "val", "test", "size", "date",
    ]  # fmt: skip
    assert line.split() == [
        "a", "alexnet-half", "quick.toml", "01234567", "61", "9.5", "0.8690", "0.5000", "58.3", "MB",
        "2026-11-30",
    ]  # fmt: skip


@pytest.mark.parametrize("fields, shown", [
    ({"status": "training", "resumable": True, "busy": True}, "running"),
    ({"status": "training", "resumable": True}, "resumable"),
    ({"status": "interrupted", "resumable": True}, "resumable"),
    ({"status": "failed"}, "failed"), ({"status": "training"}, "training"),
])  # fmt: skip
def test_what_did_not_end_is_marked(fields, shown):
    _, line, other = text([row(**fields), row("b")], FOLDER, 200)
    assert line.endswith(f"2026-11-30  {shown:>9}".rstrip()) or line.split()[-1] == shown
    assert other.endswith("2026-11-30")


def test_what_is_not_known_is_a_dash_and_empty_columns_are_left_out():
    rows = [row(test=None, recipe=""), row("b", test=None, recipe="", validation=None)]
    head, _, line = text(rows, FOLDER, 200)
    assert "test" not in head and "recipe" not in head
    assert line.split()[5] == "-"


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 10_000])
@pytest.mark.parametrize(
    "name", ["a", "n" * 200, "a/" * 99 + "z", "猫" * 100, "x\n\x1b[2Jy"]
)
def test_a_table_fits_the_terminal(width, name):
    lines = list(text([row(name), row("other", resumable=True)], FOLDER, width))
    table = [x for x in lines if not x.startswith("not shown")]
    assert all(x.isprintable() for x in lines)
    assert max(map(cells, table)) <= max(width, 55), table
    assert any("0.8690" in x and "0.5000" in x for x in lines)
    if width == 10_000:
        assert lines == table


def test_lost_columns_are_named():
    *_, last = text([row("n" * 200)], FOLDER, 60)
    lost = last.removeprefix("not shown at this width: ").split(", ")
    assert lost == list(LEFT_OUT[: len(lost)]) and lost


def test_accuracies_on_different_images_are_told():
    same = list(text([row(), row("b")], FOLDER, 200))
    assert len(same) == 3
    *_, last = text([row(), row("b", test=evaluated("c"))], FOLDER, 200)
    assert last == "test: of 2 different sets of images; --json has their digests"


def test_runs_that_cannot_be_read_are_no_rows():
    assert list(text([RunSummary(FOLDER / "a", "is damaged")], FOLDER, 80)) == []
    assert (
        len(list(text([row(), RunSummary(FOLDER / "a", "is damaged")], FOLDER, 200))) == 2
    )


def test_json_has_all_of_it():
    found = json.loads(to_json([row("n" * 200), RunSummary(FOLDER / "b", "is damaged")]))
    whole, damaged = found["runs"]
    assert whole["path"] == f"runs/{'n' * 200}" and len(whole["data_digest"]) == 64
    assert whole["test"]["top1"] == 0.5 and whole["validation"] == 0.869
    assert damaged["error"] == "is damaged"


@pytest.mark.parametrize("most", [16, 17, 40])
@pytest.mark.parametrize("name", ["x" * 16, "x" * 200, "猫" * 30, "é" * 41])
def test_what_is_cut_keeps_both_ends(name, most):
    found = cut(name, most)
    assert cells(found) <= most and (found[0], found[-1]) == (name[0], name[-1])
    assert found == name or "..." in found
