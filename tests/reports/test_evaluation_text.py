"""Text and JSON have every number of an evaluation, and no other."""

import dataclasses
import hashlib
import json
import re

import numpy as np
import pytest
from helpers import alexnet, new_tiny_run
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli import __version__
from alexnet_cli.evaluation.result import Comparison
from alexnet_cli.evaluation.significance import McNemar
from alexnet_cli.reports.evaluation_text import MOST_CLASSES, origin, text, to_json
from alexnet_cli.reports.text import cells
from alexnet_cli.run.run import Run

ROWS = [
    (0.75, 0.25, 0.0), (0.5, 0.25, 0.25), (0.25, 0.625, 0.125),
    (0.125, 0.75, 0.125), (0.5, 0.375, 0.125), (0.0, 0.0, 1.0),
]  # fmt: skip
LABELS = (0, 0, 0, 1, 1, 2)


def test_all_of_a_small_evaluation(make_evaluation):
    evaluation = make_evaluation(ROWS, LABELS)
    accuracy, f1 = (
        "95 % interval {:.4f} to {:.4f}".format(*x)
        for x in (evaluation.intervals.top1, evaluation.intervals.macro_f1)
    )
    assert "\n".join(text(evaluation)) == (
        "6 images\n"
        f"top-1 accuracy 0.6667  {accuracy}\n"
        "loss           0.6059\n"
        f"macro F1       0.7222  {f1}\n"
        "ECE            0.1875  expected calibration error\n"
        "\n"
        "class  precision  recall     F1  support\n"
        "blue       0.667   0.667  0.667        3\n"
        "green      0.500   0.500  0.500        2\n"
        "red        1.000   1.000  1.000        1\n"
        "\n"
        "confusion matrix: rows are the true class, columns the predicted one\n"
        "          1  2  3\n"
        "1  blue   2  1  .\n"
        "2  green  1  1  .\n"
        "3  red    .  .  1\n"
        "\n"
        "most confused\n"
        "blue   mistaken for  green  1\n"
        "green  mistaken for  blue   1"
    )


def test_without_mistakes_nothing_is_confused(make_evaluation):
    lines = list(text(make_evaluation(np.eye(3), (0, 1, 2))))
    assert "most confused" not in lines and lines[-1] == "3  red    .  .  1"


def test_a_class_that_does_not_occur_is_only_counted(make_evaluation):
    evaluation = make_evaluation([(0.5, 0.25, 0.25), (1, 0, 0)], (0, 1))
    lines = list(text(evaluation))
    assert "classes without images that were never predicted: 1" in lines
    assert not any("red" in x.split() for x in lines)
    assert any(re.fullmatch(r"green +- +0\.000 +0\.000 +1", x) for x in lines)
    # In JSON it stays.
    found = json.loads(to_json(evaluation))
    assert found["classes"]["red"] == {
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
    }


def test_with_more_than_five_classes_there_is_a_top_5(make_evaluation):
    rows = np.eye(6)[[0, 1, 2]] * 0.5 + 0.5 / 6
    evaluation = make_evaluation(rows, (0, 1, 5), tuple("abcdef"))
    line = f"top-5 accuracy {evaluation.scores.top5:.4f}  class among the 5 most probable"
    assert line in list(text(evaluation))


def test_what_a_run_was_trained_with_is_printed(make_evaluation):
    values = {"accuracy": 0.5, "top3": 0.75, "mse": 0.125, "top2": 0.625, "mae": 0.25}
    evaluation = make_evaluation(ROWS, LABELS, metrics=values)
    lines = list(text(evaluation))
    assert lines[2:4] == [
        "top-2 accuracy 0.6250  class among the 2 most probable",
        "top-3 accuracy 0.7500  class among the 3 most probable",
    ]
    assert "mse            0.1250  mean squared error of probabilities" in lines
    assert "mae            0.2500  mean absolute error of probabilities" in lines
    assert json.loads(to_json(evaluation))["metrics"] == values


def test_what_the_numbers_are_of(make_evaluation, run_copy, tmp_path):
    run = Run.open(run_copy)
    evaluation = make_evaluation(ROWS, LABELS, run=run, source=run.path)
    images = dataclasses.replace(evaluation.images, location="/data/x", part="test")
    evaluation = dataclasses.replace(evaluation, images=images)
    found = json.loads(to_json(evaluation))
    assert found["data"] == {
        "location": "/data/x", "part": "test", "images": 6, "digest": evaluation.data_digest,
    }  # fmt: skip
    weights = hashlib.sha256(run.weights.read_bytes()).hexdigest()
    assert found["run"] == {
        "path": str(run_copy.resolve()), "network": "tiny", "recipe": "",
        "created": run.created, "alexnet": __version__, "commit": run.versions.get("commit", ""),
        "epoch": run.metrics["epoch"], "data_digest": run.provenance.data_digest,
        "weights_digest": weights,
    }  # fmt: skip
    data, trained = origin(evaluation)
    digest = evaluation.data_digest[:12]
    assert data == f"data   /data/x: 6 images of its test part, digest {digest}"
    for part in (run.created, __version__, run.provenance.data_digest[:12], weights[:12]):
        assert part in trained


def test_of_a_run_of_the_first_versions_little_is_known(make_evaluation):
    evaluation = make_evaluation(ROWS, LABELS)
    run = dataclasses.replace(evaluation.run, versions={}, created="")
    *_, line = origin(dataclasses.replace(evaluation, run=run))
    assert line == f"run    {run.path}: tiny"


@pytest.mark.parametrize("p,verdict", [(0.049, "significant"), (0.05, "not significant")])
def test_a_comparison_has_its_test(make_evaluation, tmp_path, p, verdict):
    other = new_tiny_run(tmp_path / "other")
    comparison = Comparison(0.75, McNemar(3, 12, p), 0, other)
    evaluation = make_evaluation(ROWS, LABELS, comparison=comparison)
    lines = list(text(evaluation))
    start = lines.index("other run         0.7500  top-1 accuracy")
    assert lines[start - 1] == ""
    assert lines[start + 1 : start + 3] == [
        "only one correct  this run 3, other run 12",
        f"McNemar's test    p = {p:.3g}: {verdict} on these images",
    ]
    assert list(origin(evaluation))[-1].startswith(f"other  {other.path}: tiny, of ")
    found = json.loads(to_json(evaluation))["comparison"]
    assert found.pop("run")["path"] == str(other.path)
    assert found == {
        "top1": 0.75, "test": {"only_first": 3, "only_second": 12, "p": p}, "trained_on": 0,
    }  # fmt: skip


def test_json_is_the_evaluation(make_evaluation):
    evaluation = make_evaluation([*ROWS, None], (*LABELS, 1), trained_on=2)
    found = json.loads(to_json(evaluation))
    scores = evaluation.scores
    assert found["images"] == 6 and found["top1"] == scores.top1 and found["top5"] is None
    assert (found["loss"], found["macro_f1"]) == (scores.loss, scores.macro_f1)
    assert found["intervals"] == {
        "top1": list(evaluation.intervals.top1), "macro_f1": list(evaluation.intervals.macro_f1),
    }  # fmt: skip
    assert found["calibration_error"] == evaluation.calibration_error
    assert found["reliability"] == [dataclasses.asdict(x) for x in evaluation.reliability]
    assert found["unreadable"] == [{"file": "6.png", "error": "is empty"}]
    assert found["trained_on"] == 2
    assert found["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert found["most_confused"] == [
        {"true": "blue", "predicted": "green", "images": 1},
        {"true": "green", "predicted": "blue", "images": 1},
    ]
    assert found["classes"]["blue"]["support"] == 3
    assert "comparison" not in found


def test_a_name_of_any_characters_is_on_one_line(make_evaluation):
    evaluation = make_evaluation(ROWS, LABELS)
    scores = evaluation.scores

    @given(name=st.text(min_size=1, max_size=20))
    def holds(name):
        first = dataclasses.replace(scores.classes[0], name=name)
        renamed = dataclasses.replace(scores, classes=(first, *scores.classes[1:]))
        changed = dataclasses.replace(evaluation, scores=renamed)
        assert all(x.isprintable() for x in text(changed))
        assert name in json.loads(to_json(changed))["classes"]

    holds()


def test_the_command_prints_both(trained, toy_test):
    lines = alexnet("evaluate", "--model", trained, "--data", toy_test).stdout
    assert re.search(
        r"top-1 accuracy \d\.\d{4}  95 % interval \d\.\d{4} to \d\.\d{4}", lines
    )
    assert re.search(r"ECE            \d\.\d{4}  expected calibration error", lines)
    found = json.loads(
        alexnet("evaluate", "--model", trained, "--data", toy_test, "--json").stdout
    )
    low, high = found["intervals"]["top1"]
    assert low <= found["top1"] <= high
    assert sum(x["images"] for x in found["reliability"]) == found["images"]
    assert 0 <= found["calibration_error"] <= 1


def many(make_evaluation, count):
    """An evaluation of `count` classes: of two images each, one right; of the last none."""
    labels = np.arange(count).repeat(2)
    predicted = np.where(np.arange(2 * count) % 2, (labels + 1) % count, labels)
    predicted[-2:] = 0
    names = tuple(f"class {i}" for i in range(count))
    return make_evaluation(0.5 * np.eye(count)[predicted] + 0.5 / count, labels, names)


@pytest.mark.parametrize("count", [MOST_CLASSES + 1, 257])
def test_of_many_classes_the_worst_are_shown_and_no_matrix(make_evaluation, count):
    evaluation = many(make_evaluation, count)
    lines = list(text(evaluation))
    start = lines.index(f"the {MOST_CLASSES} classes with the lowest F1")
    assert lines[start + 1].split() == ["class", "precision", "recall", "F1", "support"]
    rows = lines[start + 2 : start + 2 + MOST_CLASSES]
    assert rows[0].startswith(f"class {count - 1} ")
    scores = [float(x.split()[-2]) for x in rows]
    assert scores == sorted(scores)
    rest = sorted(x.f1 for x in evaluation.scores.classes)[MOST_CLASSES:]
    assert min(rest) >= scores[-1] - 5e-4
    assert lines[start + 2 + MOST_CLASSES] == (
        f"... and {count - MOST_CLASSES} more, which --report and --json write"
    )
    matrix = f"confusion matrix of {count} classes: not shown; --plot, --report and --json write it"
    assert matrix in lines and "most confused" in lines
    assert len(lines) < 60 and max(map(len, lines)) < 100
    assert len(json.loads(to_json(evaluation))["confusion"]) == count


def test_as_many_classes_as_a_terminal_shows_are_shown(make_evaluation):
    lines = list(text(many(make_evaluation, MOST_CLASSES)))
    assert not any("lowest F1" in x or "not shown" in x for x in lines)
    assert sum(x.startswith("class ") for x in lines) > MOST_CLASSES


def test_classes_that_do_not_occur_do_not_count(make_evaluation):
    names = tuple(f"class {i}" for i in range(300))
    lines = list(text(make_evaluation(np.eye(300)[:5], range(5), names)))
    assert not any("not shown" in x for x in lines)
    assert "classes without images that were never predicted: 295" in lines


def test_wide_names_are_aligned(make_evaluation):
    evaluation = make_evaluation(ROWS, LABELS, ("\u732b\u732b", "e\u0301t", "red"))
    lines = list(text(evaluation))
    start = next(i for i, x in enumerate(lines) if x.startswith("class "))
    assert {cells(x) for x in lines[start : start + 4]} == {cells(lines[start])}
