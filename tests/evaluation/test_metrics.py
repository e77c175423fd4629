"""Metrics of an evaluation are those that training reports, as Keras computes them."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers import new_tiny_run

from alexnet_cli.evaluation.metrics import metric_values, with_top
from alexnet_cli.evaluation.scores import score

NAMES = ("accuracy", "top2", "top3", "top9", "mse", "mae", "macro_f1")


@pytest.mark.parametrize("name", NAMES)
def test_metrics_are_those_of_keras(name):
    rng = np.random.default_rng(7)
    probabilities = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    labels = rng.integers(0, 4, 50)
    metric = {
        "accuracy": keras.metrics.CategoricalAccuracy(),
        "mse": keras.metrics.MeanSquaredError(),
        "mae": keras.metrics.MeanAbsoluteError(),
        "macro_f1": keras.metrics.F1Score("macro"),
    }.get(name) or keras.metrics.TopKCategoricalAccuracy(int(name[3:]))
    metric.update_state(np.eye(4, dtype=np.float32)[labels], probabilities)
    scores = score(probabilities, labels, tuple("abcd"))
    found = metric_values([name], scores, probabilities, labels)
    assert found == {name: pytest.approx(float(metric.result()), rel=1e-5)}


@pytest.mark.parametrize("classes, top, expected", [
    (5, None, ("mse", "top2")), (6, None, ("mse", "top2", "top5")),
    (5, 3, ("mse", "top2", "top3")), (6, 3, ("mse", "top2", "top3")), (9, 2, ("mse", "top2")),
])  # fmt: skip
def test_top_5_is_of_more_than_five_classes(tmp_path, classes, top, expected):
    run = new_tiny_run(tmp_path / "run", metrics="mse,top2", watch="val_mse")
    run = replace(run, classes=tuple("abcdefghi"[:classes]))
    assert with_top(run, top) == expected
