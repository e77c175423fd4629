"""What makes the step of a worker its share of a step with the whole batch."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ..backend.signals import NAMES
from ..backend.workers import Workers
from ..model.normalization import BatchNormalization
from .shared_batch_norm import shared_batch_normalization


class SharedStep:
    """What the workers of a training tell each other in every step.

    That is a signal that came, so that all of them stop after the same step, and the
    chief's clock, by which all of them plan the same epochs.
    """

    def __init__(self, workers: Workers, *, synchronized: bool, started: float) -> None:
        """`synchronized` is about BatchNorm; `started` is the chief's `time.monotonic`."""
        self.workers, self.synchronized, self.started = workers, synchronized, started
        self.own_signal: Callable[[], int] = lambda: 0
        """Gives the signal that has come to this worker, or 0."""
        size = 1 + len(NAMES)
        self.told = tf.Variable(tf.zeros(size), trainable=False)
        self.heard = tf.Variable(tf.zeros(size), trainable=False)
        """The sum of what all have told."""
        self._rows = self._whole = self._own = None

    def tell(self) -> None:
        """Have the next step tell the others what is known now."""
        self.told.assign(self._news())

    def _news(self) -> Any:
        news = np.zeros(self.told.shape, np.float32)
        if self.workers.is_chief:
            news[0] = time.monotonic() - self.started
        if number := self.own_signal():
            news[1 + NAMES.index(signal.Signals(number).name)] = 1
        return news

    def clock(self) -> float:
        """Seconds since the chief has started, as of the last step."""
        return float(self.heard[0])

    @property
    def signal(self) -> int:
        """The signal that one of the workers has got, as of the last step; 0 if none."""
        heard = self.heard.numpy()[1:]
        return signal.Signals[NAMES[int(heard.argmax())]] if heard.any() else 0

    def prepare(self, network: keras.Model) -> None:
        """Have Dropout and BatchNorm of `network` work as with the whole batch."""
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.call = _SharedDropout(layer, self)
            if isinstance(layer, BatchNormalization) and self.synchronized:
                layer.normalize = self._normalized

    @contextmanager
    def part(self, rows: Any, whole: Any, own: Any) -> Iterator[None]:
        """In the block layers get the images `rows` [b] of a batch of `whole`.

        `own` of them count: all or, if it is 0, none.
        """
        self._rows, self._whole, self._own = rows, whole, own
        try:
            yield
        finally:
            self._rows = self._whole = self._own = None

    def mask(self, layer: keras.layers.Dropout, inputs: Any) -> Any:
        """What `layer` multiplies `inputs` by: the rows of a mask of the whole batch."""
        shape = (self._whole, *inputs.shape[1:])
        mask = keras.random.dropout(
            ops.ones(shape, inputs.dtype), layer.rate, seed=layer.seed_generator
        )
        return tf.gather(mask, self._rows)

    def _normalized(self, x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
        """As `ops.batch_normalization`, with the statistics of the whole batch."""
        return shared_batch_normalization(
            x, gamma, beta,
            epsilon=epsilon,
            counted=tf.cast(tf.minimum(self._own, 1), tf.float32),
            total=self.workers.sum,
        )  # fmt: skip

    def add_up(self, variables: list[Any]) -> None:
        """Give each of `variables` the sum of what it is on all workers."""
        values = [np.array(x, np.float64) for x in variables]
        told = np.concatenate([self._news(), *(x.ravel() for x in values)])
        total = self.workers.total(told)
        head = len(self._news())
        self.heard.assign(total[:head].astype(np.float32))
        for variable, value in zip(variables, values, strict=True):
            part = total[head : head + value.size]
            variable.assign(part.reshape(value.shape).astype(np.float32))
            head += value.size


class _SharedDropout:
    """In place of the `call` of a Dropout layer."""

    def __init__(self, layer: keras.layers.Dropout, shared: SharedStep) -> None:
        self.layer, self.shared = layer, shared

    def __call__(self, inputs: Any, training: Any = False) -> Any:
        if not (training and self.layer.rate):
            return inputs
        return inputs * self.shared.mask(self.layer, inputs)


class SharedModel(keras.Model):
    """A functional model that computes a worker's part of each batch.

    The loss is that of the part's images, summed and divided by the number in the whole
    batch, so that the sum of all gradients is that of the whole batch. What metrics count
    is summed too: they are the same on all workers.
    """

    shared: SharedStep

    def train_step(self, data: Any) -> Any:
        """One update with `data` of a SharedPipeline."""
        (inputs, targets, weights), rows, (whole, own) = (
            data[0],
            data[1],
            tf.unstack(data[2]),
        )
        with self.shared.part(rows, whole, own), tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            losses = weights * self.loss.call(targets, outputs)  # [b]
            loss = tf.reduce_sum(losses) / tf.cast(whole, tf.float32)
            loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, self.trainable_weights)
        before = [tf.identity(x.value) for x in self.metrics_variables]
        # The first metric of a compiled model is its loss.
        self.metrics[0].update_state(losses[:own])
        self.compute_metrics(
            inputs, targets[:own], outputs[:own], sample_weight=weights[:own]
        )
        share = tf.cast(own, tf.float32) / tf.cast(whole, tf.float32)
        gradients = self._summed(gradients, before, share)
        gradients = [tf.cast(x, tf.float32) for x in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self.get_metrics_result()

    def _summed(self, gradients: list[Any], before: list[Any], share: Any) -> list[Any]:
        """The sums of gradients; metrics, `before` this step, get those of their changes.

        Moving statistics of BatchNorm that are each worker's own are averaged, by the
        `share` of the images that it has.
        """
        shared = self.shared
        counted = [a - b for a, b in zip(self.metrics_variables, before, strict=True)]
        moving = [] if shared.synchronized else self._moving()
        small = [shared.told, *counted, *(share * x for x in moving)]
        vector = tf.concat([tf.reshape(x, [-1]) for x in small], axis=0)
        *gradients, vector = shared.workers.sum([*map(_as_computed, gradients), vector])
        parts = tf.split(vector, [int(np.prod(x.shape)) for x in small])
        sums = [tf.reshape(a, b.shape) for a, b in zip(parts, small, strict=True)]
        shared.heard.assign(sums[0])
        counts, averages = sums[1 : 1 + len(counted)], sums[1 + len(counted) :]
        for variable, a, b in zip(self.metrics_variables, before, counts, strict=True):
            variable.assign(a + b)
        for variable, total in zip(moving, averages, strict=True):
            variable.assign(total)
        return gradients

    def _moving(self) -> list[Any]:
        """The moving statistics of the network's BatchNorm."""
        layers = self._flatten_layers(include_self=False)
        norms = [x for x in layers if isinstance(x, BatchNormalization)]
        return [v for x in norms for v in (x.moving_mean, x.moving_variance)]


def _as_computed(gradient: Any) -> Any:
    """`gradient` before Keras has made it float32, which adds nothing but bytes to send."""
    operation = gradient.op
    narrow = operation.type == "Cast" and operation.inputs[0].dtype.size < 4
    return operation.inputs[0] if narrow else gradient
