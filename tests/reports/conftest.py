"""Evaluations to report on, made of probabilities without a network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import new_tiny_run

from alexnet_cli.evaluation.calibration import reliability
from alexnet_cli.evaluation.labeled_images import LabeledImages
from alexnet_cli.evaluation.metrics import metric_values, with_top
from alexnet_cli.evaluation.result import Evaluation
from alexnet_cli.evaluation.scores import score
from alexnet_cli.evaluation.significance import bootstrap
from alexnet_cli.inference.prediction import Prediction


@pytest.fixture
def make_evaluation(tmp_path):
    """A function of probabilities [N, K], labels [N] and class names to an Evaluation.

    `files` are the images' names; None as a row is an image that cannot be read.
    """

    def make(
        rows, labels, classes=("blue", "green", "red"), *, run=None, files=None, **fields
    ):
        run = run or replace(new_tiny_run(tmp_path / "run"), classes=classes)
        files = files or [Path(f"{i}.png") for i in range(len(rows))]
        read = [i for i, x in enumerate(rows) if x is not None]
        probabilities = np.array([rows[i] for i in read], np.float32)
        good = np.array([labels[i] for i in read])
        scores = score(probabilities, good, classes)
        names = with_top(run, None)
        predictions = tuple(
            Prediction(file, classes, error="is empty")
            if row is None
            else Prediction(file, classes, probabilities=np.float32(row))
            for file, row in zip(files, rows, strict=True)
        )
        return Evaluation(
            run,
            LabeledImages(tuple(files), tuple(labels)),
            scores,
            bootstrap(scores.confusion),
            tuple(reliability(probabilities, good)),
            predictions,
            **{
                "trained_on": 0,
                "metrics": metric_values(names, scores, probabilities, good),
                **fields,
            },
        )

    return make
