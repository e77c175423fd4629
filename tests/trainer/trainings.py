"""Trainings of the tiny network that take a second, in this process."""

import numpy as np
from helpers import new_tiny_run, toy_examples

from alexnet_cli.trainer import trainer
from alexnet_cli.trainer.context import TrainContext

TRAINING, VALIDATION = toy_examples(24), toy_examples(6, seed=1)


class NoFigures:
    """Draws nothing, which takes no time."""

    def augmented(self, run, training, lighting):
        self.lighting = lighting
        return np.zeros((2, 2, 3), np.uint8)

    def results(self, run, rows, scores):
        return np.zeros((2, 2, 3), np.uint8)

    def describe(self, run):
        pass


def new_run(folder, **fields):
    """A run with a split, about to be trained."""
    run = new_tiny_run(folder, **{"epochs": 3, **fields})
    rows = [
        (f"{i}.png", run.classes[y], "val", "", "") for i, y in enumerate(VALIDATION.labels)
    ]
    run.write_records(rows, [])
    return run


def train_logged(folder, callbacks=(), figures=None, names=(), **fields):
    """A training; its result and the lines that it logged."""
    lines = []
    context = TrainContext(
        lambda x: None,
        figures or NoFigures(),
        lines.append,
        names=names,
        callbacks=callbacks,
    )
    return trainer.train(new_run(folder, **fields), TRAINING, VALIDATION, context), lines


def leave_out_exports(monkeypatch):
    """Leave out what takes longer than the epochs, and is tested with `finalize`."""
    from alexnet_cli.trainer import finalize

    monkeypatch.setattr(finalize, "save_model", lambda run, network: None)
    monkeypatch.setattr(finalize, "keep_litert", lambda run, network, rows, expected: True)
