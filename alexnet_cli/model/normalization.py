"""Local response normalization and batch normalization as Keras layers."""

from typing import Any

import keras
from keras import ops

from ..backend import ops as backend_ops


class LocalResponseNormalization(keras.layers.Layer):
    """Divide activations by (k + alpha * sum of n neighbors' squares) ** beta.

    [B, H, W, C] in and out, any float type; computed in float32. `alpha` is not divided
    by `n`, as it is in Caffe and torch.

    Source: Krizhevsky et al. 2012, section 3.3 (k=2, n=5, alpha=1e-4, beta=0.75).

    Raises:
        ValueError: `n` is even or below 1: the window would have no center.
    """

    def __init__(
        self,
        n: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if n < 1 or n % 2 == 0:
            raise ValueError(f"n must be odd and positive, got {n}")
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def call(self, inputs: Any) -> Any:
        """Normalized activations with the shape and the type of `inputs`."""
        x = ops.cast(inputs, "float32")
        x = backend_ops.local_response_normalization(
            x, self.n, self.k, self.alpha, self.beta
        )
        return ops.cast(x, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of an equal layer, for `from_config`."""
        own = {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer with float32 statistics that reads and writes 16-bit activations.

    Keras' own turns activations into float32, and keeps those for the backward pass.
    """

    normalize = staticmethod(backend_ops.batch_normalization)
    """What computes it in training; with several workers, over the images of all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Normalized activations [..., C], of the type of `inputs`."""
        if not (training and self.trainable):
            mean, variance = self.moving_mean, self.moving_variance
            factor = self.gamma * ops.rsqrt(variance + self.epsilon)
            shift = ops.cast(self.beta - mean * factor, inputs.dtype)
            return inputs * ops.cast(factor, inputs.dtype) + shift
        y, mean, variance = self.normalize(inputs, self.gamma, self.beta, self.epsilon)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return y
