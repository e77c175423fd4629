"""Batch normalization over the images of all workers, by TensorFlow's fused kernels."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

_Total = Callable[[Sequence[Any]], list[Any]]
"""Sums tensors over the workers."""


def shared_batch_normalization(
    x: Any, gamma: Any, beta: Any, *, epsilon: float, counted: Any, total: _Total
) -> tuple[Any, Any, Any]:
    """As `ops.batch_normalization` of the rows that all workers have; mean, variance [C].

    The own rows are left out of the statistics if `counted` is 0, and part of them if it
    is 1. Within a tf.function.
    """
    shape = tf.shape(x)
    rows = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if len(x.shape) == 2 else x

    @tf.custom_gradient
    def normalized(x: Any, gamma: Any, beta: Any) -> Any:
        mean, variance, count = _statistics(x, counted, total)
        fixed = {"x": x, "scale": gamma, "epsilon": epsilon, "is_training": False}
        y, *_ = tf.raw_ops.FusedBatchNormV3(
            offset=beta, mean=mean, variance=variance, **fixed
        )

        def gradient(dy: Any, *_: Any) -> tuple[Any, Any, Any]:
            # Of constant statistics; gamma's and beta's are summed with all others.
            dx, dgamma, dbeta, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=dy, reserve_space_1=mean, reserve_space_2=variance,
                reserve_space_3=[], **fixed,
            )  # fmt: skip
            # What the statistics of all rows add: -gamma r / n * (sum dy + x^ sum(dy x^)).
            factor = -counted * gamma * tf.math.rsqrt(variance + epsilon) / count
            slope, offset = (factor * v for v in total([dgamma, dbeta]))
            added, *_ = tf.raw_ops.FusedBatchNormV3(
                offset=offset, mean=mean, variance=variance, **{**fixed, "scale": slope}
            )
            return dx + added, dgamma, dbeta

        return (y, mean, variance), gradient

    y, mean, variance = normalized(rows, gamma, beta)
    return tf.reshape(y, shape), tf.stop_gradient(mean), tf.stop_gradient(variance)


def _statistics(x: Any, counted: Any, total: _Total) -> tuple[Any, Any, Any]:
    """Mean and variance [C] of all workers' rows, and how many values each is made of."""
    channels = x.shape[-1]
    ones, zeros = tf.ones(channels), tf.zeros(channels)
    _, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=ones, offset=zeros, mean=[], variance=[]
    )
    count = tf.cast(tf.size(x) // channels, tf.float32)
    # The kernel divides by n - 1.
    variance *= tf.maximum(count - 1, 1) / count
    # In float64: what is left of the squares may be a millionth of them.
    mean, variance, own = (
        tf.cast(v, tf.float64) for v in (mean, variance, counted * count)
    )
    sums = tf.concat([own * mean, own * (variance + tf.square(mean)), [own]], axis=0)
    first, second, whole = tf.split(total([sums])[0], [channels, channels, 1])
    mean = first / whole
    variance = tf.maximum(second / whole - tf.square(mean), 0.0)
    mean, variance, whole = (tf.cast(v, tf.float32) for v in (mean, variance, whole))
    return mean, variance, whole
