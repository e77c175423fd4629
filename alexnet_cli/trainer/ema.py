"""An exponential moving average of the weights, which is validated and kept."""

from typing import Any

import keras
import numpy as np


class ExponentialMovingAverage(keras.callbacks.Callback):
    """A moving average of the network's weights, BatchNorm's statistics included.

    The network has the average from the validation of an epoch until the next one begins.
    Source: Polyak, Juditsky 1992; the rise of the decay from 0.1 is TensorFlow's
    `tf.train.ExponentialMovingAverage(num_updates=)`.
    """

    EVERY = 8
    """Steps per update, which takes time and counts for all of them.

    The first `EVERY` ** 2 steps have one each, so that short trainings have an average.
    """

    def __init__(self, network: keras.Model, decay: float) -> None:
        super().__init__()
        self.network, self.decay = network, decay
        self.average = [keras.ops.copy(x) for x in network.weights]
        self.own: list[Any] = []
        """The network's own weights while it has the average."""
        self.steps = 0

    def state(self) -> dict[str, Any]:
        """The average, the network's own weights while it has the average, and steps."""
        average, own = ([np.array(x) for x in y] for y in (self.average, self.own))
        return {"average": average, "own": own, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.average, self.own = (
            [keras.ops.convert_to_tensor(x) for x in state[k]] for k in ("average", "own")
        )
        self.steps = int(state["steps"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the average."""
        self.steps += 1
        every = 1 if self.steps <= self.EVERY**2 else self.EVERY
        if self.steps % every == 0:
            decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) ** every
            for i, weight in enumerate(self.network.weights):
                self.average[i] += (1 - decay) * (weight - self.average[i])

    def on_test_begin(self, logs: Any = None) -> None:
        """Give the network the average."""
        self.own = [keras.ops.copy(x) for x in self.network.weights]
        self._assign(self.average)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Give the network its own weights again."""
        if self.own:
            self._assign(self.own)
            self.own = []

    def _assign(self, values: list[Any]) -> None:
        for weight, value in zip(self.network.weights, values, strict=True):
            weight.assign(value)
