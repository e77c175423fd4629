"""Trainings of the tiny network by one worker or several, to be compared.

    python two_workers.py FOLDER

is one of the workers of TF_CONFIG, whose chief writes what it found to FOLDER/found.json.
"""

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from helpers import new_tiny_run, toy_examples
from trainer.trainings import NoFigures

from alexnet_cli.backend.workers import join
from alexnet_cli.dataset.pixel_cache import Examples, MemoryCache
from alexnet_cli.dataset.shared_decoding import SharedCache
from alexnet_cli.errors import ClusterError
from alexnet_cli.run.checkpoints import Resume, newest
from alexnet_cli.trainer import trainer
from alexnet_cli.trainer.context import TrainContext

TRAINING, VALIDATION = toy_examples(25), toy_examples(5, seed=1)
PLAIN = {
    "hflip": True, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0,
    "crop_area": 0.4, "schedule": "constant", "epochs": 9, "batch_size": 7,
    "precision": "float32", "metrics": "accuracy,macro_f1",
    "optimizer": "sgd", "clip_norm": 1.0,
}  # fmt: skip
"""With BatchNorm; 4 steps in an epoch."""
AUGMENTED = {
    "optimizer": "adamw", "learning_rate": 0.002, "norm": "none", "brightness": 0.3,
    "contrast": 0.3, "saturation": 0.3, "rotation": 20.0, "erasing": 0.5, "ema": 0.9,
    "crop_area": 0.0, "clip_norm": None, "pca_lighting": 0.1, "mean": "pixel",
    "batch_size": 2, "epochs": 2,
}  # fmt: skip
"""In batches of which a worker may have no image; 13 steps in an epoch."""
WHOLE, STOPPED, DYING = "all epochs", "a signal", "from one to two, of which one ends"
STEP = 17
"""How many steps after its start a signal comes, or a worker ends."""


class Losses(keras.callbacks.Callback):
    """Keeps the loss of every step; in step STEP calls `event`."""

    def __init__(self, event):
        super().__init__()
        self.found, self.event = [], event

    def on_train_batch_begin(self, batch, logs=None):
        if len(self.found) == STEP:
            self.event()

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(float(logs["loss"]))


@dataclass
class Found:
    losses: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    error: str = ""


def shared(examples, workers):
    """`examples` of which this worker has every `workers.count`-th only."""
    mine = examples.rows[workers.index :: workers.count]
    own = MemoryCache(len(mine), examples.cache.array.shape[1])
    for pixels in examples.cache.images(mine):
        own.add(None, pixels)
    places = np.full(len(examples), -1)
    places[mine] = np.arange(len(mine))
    return Examples(
        SharedCache(own, places, examples.cache), examples.rows, examples.labels
    )


def without_exports():
    """What takes longer than the epochs is not compared."""
    from alexnet_cli.trainer import finalize

    finalize.save_model = lambda run, network: None
    finalize.keep_litert = lambda run, network, rows, expected: True


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def end():
    os._exit(9)


def trained(folder, fields, workers=None, event=lambda: None, resume=None):
    """A training; what it found."""
    run = new_tiny_run(folder, **{**PLAIN, **fields})
    files = [
        (f"{i}.png", run.classes[y], "val", "", "") for i, y in enumerate(VALIDATION.labels)
    ]
    run.write_records(files, [])
    data = (TRAINING, VALIDATION)
    if workers:
        data = tuple(shared(x, workers) for x in data)
    losses = Losses(event)
    context = TrainContext(
        lambda now: None, NoFigures(), callbacks=[losses], workers=workers, resume=resume
    )
    found = Found(losses.found)
    try:
        result = trainer.train(run, *data, context)
    except ClusterError as error:
        found.error = str(error)
    else:
        found.rows = result.run.history() if result.chief else []
    return found


def main(folder):
    without_exports()
    workers = join("tf-config", "cpu", os.environ)
    own = folder / f"worker-{workers.index}"
    found = {WHOLE: trained(own / WHOLE, AUGMENTED, workers)}
    place = newest(folder / "alone") if workers.is_chief else None
    resume = Resume(place) if place else None
    for name, event, start in ((STOPPED, interrupt, None), (DYING, end, resume)):
        happens = {} if workers.is_chief else {"event": event}
        found[name] = trained(own / name, {}, workers, resume=start, **happens)
    if workers.is_chief:
        text = json.dumps({k: vars(v) for k, v in found.items()})
        (folder / "found.json").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
