"""Event files for TensorBoard: scalars, graph, histograms, images."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..arrays import Pixels
from ..run.run import Run


class TensorBoardWriter:
    """Event files in `logs/[NAME/]train` and `.../validation` of a run directory."""

    def __init__(self, run: Run, name: str = "") -> None:
        logs = run.path / "logs" / name
        self.train = tf.summary.create_file_writer(str(logs / "train"))
        self.validation = tf.summary.create_file_writer(str(logs / "validation"))

    def show_graph(self, network: keras.Model, side: int) -> None:
        """Write the graph of the network for inputs of `side`."""
        spec = tf.TensorSpec((None, side, side, 3), tf.float32)
        traced = tf.function(lambda x: network(x, training=False))
        with self.train.as_default():
            tf.summary.graph(traced.get_concrete_function(spec).graph)

    def show_image(self, tag: str, image: Pixels, step: int) -> None:
        """Write a uint8 image [H, W, 3]; `step` is its epoch."""
        with self.validation.as_default():
            tf.summary.image(tag, image[None], step=step)

    def show_histograms(self, network: keras.Model, step: int) -> None:
        """Write the values of every weight; `step` is their epoch."""
        with self.train.as_default():
            for weight in network.weights:
                tf.summary.histogram(weight.path, np.asarray(weight), step=step)

    def show_scalars(self, row: dict[str, float]) -> None:
        """Write a row of history.csv; `x` and `val_x` get one tag, and so share a chart."""
        step = int(row["epoch"])
        for key, value in row.items():
            writer = self.validation if key.startswith("val_") else self.train
            with writer.as_default():
                if key != "epoch":
                    tf.summary.scalar(key.removeprefix("val_"), value, step=step)
        # TensorBoard should show the epoch as soon as it ends.
        self.train.flush()
        self.validation.flush()

    def close(self) -> None:
        """Close the event files."""
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
