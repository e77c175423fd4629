"""Event files for TensorBoard: scalars, graph, histograms, images, hyper-parameters."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Pixels
from ..errors import first_line
from ..evaluation.scores import Scores
from ..run.run import Run


class TensorBoardWriter:
    """Event files in `logs/[NAME/]` of a run directory, and in `train`, `validation` there.

    After the first error it writes no more, and training goes on.
    """

    def __init__(
        self, run: Run, name: str = "", log: Callable[[str], None] = lambda text: None
    ) -> None:
        """Open the event files; `log` gets a line if that or writing fails."""
        self.log, self.broken, self.run = log, False, run
        logs = run.path / "logs" / name
        with self._writing():
            # As bytes, since a path need not be text that TensorFlow can encode.
            self.whole, self.train, self.validation = (
                tf.summary.create_file_writer(os.fsencode(logs / x))
                for x in ("", "train", "validation")
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write in the block, unless an error has ended the writing."""
        try:
            yield
        # TensorFlow raises errors of many kinds here, none of which is worth a training.
        except Exception as error:
            if not self.broken:
                self.log(f"warning: nothing more for TensorBoard: {first_line(error)}")
            self.broken = True

    def show_recipe(self) -> None:
        """Write the recipe as hyper-parameters, beside which the results will stand."""
        known = {
            "data": self.run.provenance.data_digest[:12],
            "classes": len(self.run.classes),
        }
        values = {**self.run.recipe.flat(), **known}
        given = {k: v for k, v in values.items() if v is not None}
        with self._writing():
            from tensorboard.plugins.hparams.api import hparams_pb

            self._write(hparams_pb(given))

    def show_result(self, scores: Scores, epoch: int, *, failed: bool) -> None:
        """Write the scores of the validation images, by the network of `epoch`."""
        found = {"accuracy": scores.top1, "loss": scores.loss, "macro_f1": scores.macro_f1}
        with self._writing():
            from tensorboard.plugins.hparams.api_pb2 import Status
            from tensorboard.plugins.hparams.summary import session_end_pb

            with self.whole.as_default():
                for name, value in found.items():
                    tf.summary.scalar(f"result/{name}", value, step=epoch)
            status = Status.STATUS_FAILURE if failed else Status.STATUS_SUCCESS
            self._write(session_end_pb(status))

    def _write(self, summary: Any) -> None:
        """Write a summary of TensorBoard's plugin for hyper-parameters."""
        with self.whole.as_default():
            tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)
        self.whole.flush()

    def show_graph(self, network: keras.Model, side: int) -> None:
        """Write the graph of the network for inputs of `side`."""
        spec = tf.TensorSpec((None, side, side, 3), tf.float32)
        traced = tf.function(lambda x: network(x, training=False))
        with self._writing(), self.train.as_default():
            tf.summary.graph(traced.get_concrete_function(spec).graph)

    def show_image(self, tag: str, image: Pixels, step: int) -> None:
        """Write a uint8 image [H, W, 3]; `step` is its epoch."""
        with self._writing(), self.validation.as_default():
            tf.summary.image(tag, image[None], step=step)

    def show_histograms(self, network: keras.Model, step: int) -> None:
        """Write the values of every weight; `step` is their epoch."""
        with self._writing(), self.train.as_default():
            for weight in network.weights:
                tf.summary.histogram(weight.path, np.asarray(weight), step=step)

    def show_scalars(self, row: dict[str, float]) -> None:
        """Write a row of history.csv; `x` and `val_x` get one tag, and so share a chart."""
        step = int(row["epoch"])
        for key, value in row.items():
            with self._writing():
                writer = self.validation if key.startswith("val_") else self.train
                with writer.as_default():
                    if key != "epoch":
                        tf.summary.scalar(key.removeprefix("val_"), value, step=step)
        # TensorBoard should show the epoch as soon as it ends.
        with self._writing():
            self.train.flush()
            self.validation.flush()

    def close(self) -> None:
        """Close the event files."""
        with self._writing():
            self.whole.close()
            self.train.close()
            self.validation.close()


class HistogramLogger(keras.callbacks.Callback):
    """Writes weight histograms after every epoch."""

    def __init__(self, board: TensorBoardWriter, network: keras.Model) -> None:
        super().__init__()
        self.board, self.network = board, network

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the histograms."""
        self.board.show_histograms(self.network, epoch + 1)
