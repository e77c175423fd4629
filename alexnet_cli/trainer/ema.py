"""A running average of the weights (EMA), which is judged and kept in their place."""

from typing import Any

import keras


class ExponentialMovingAverage(keras.callbacks.Callback):
    """A running average of the network's weights, in their place while they are judged.

    From the validation of an epoch until the next one begins the network has the average,
    BatchNorm's statistics included. Source: Polyak, Juditsky 1992; the rise of the decay
    from 0.1 is TensorFlow's `tf.train.ExponentialMovingAverage(num_updates=)`.
    """

    EVERY = 8
    """Steps from one update to the next, which counts as often: it costs time.

    The first `EVERY` ** 2 steps have one each, so that short trainings have an average.
    """

    def __init__(self, network: keras.Model, decay: float) -> None:
        super().__init__()
        self.network, self.decay = network, decay
        self.average = [keras.ops.copy(x) for x in network.weights]
        self.own: list[Any] = []
        self.steps = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the average."""
        self.steps += 1
        every = 1 if self.steps <= self.EVERY**2 else self.EVERY
        if self.steps % every == 0:
            decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) ** every
            for i, weight in enumerate(self.network.weights):
                self.average[i] += (1 - decay) * (weight - self.average[i])

    def on_test_begin(self, logs: Any = None) -> None:
        """Put the average in place."""
        self.own = [keras.ops.copy(x) for x in self.network.weights]
        self._assign(self.average)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Go on with the network's own weights."""
        if self.own:
            self._assign(self.own)
            self.own = []

    def _assign(self, values: list[Any]) -> None:
        for weight, value in zip(self.network.weights, values, strict=True):
            weight.assign(value)
