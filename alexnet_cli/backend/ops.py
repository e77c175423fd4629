"""Operations that have a faster twin in TensorFlow: same name, same answer, `kernels_tf`.

What stands here is written with `keras.ops` and runs on every backend of Keras.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def _dispatched(portable: Callable[..., Any]) -> Callable[..., Any]:
    """`portable`, or its twin where TensorFlow is the backend."""

    @functools.wraps(portable)
    def call(*args: Any, **kwargs: Any) -> Any:
        if keras.backend.backend() != "tensorflow":
            return portable(*args, **kwargs)
        from . import ops_tensorflow

        return getattr(ops_tensorflow, portable.__name__)(*args, **kwargs)

    return call


@_dispatched
def local_response_normalization(x: Any, n: Any, k: Any, alpha: Any, beta: Any) -> Any:
    """x / (k + alpha * sum of n neighbors' squares) ** beta, float32 [B, H, W, C]."""
    channels, half = x.shape[-1], n // 2
    squares = ops.pad(ops.square(x), ((0, 0),) * 3 + ((half, half),))
    energy = sum(squares[..., i : i + channels] for i in range(n))
    return x / ops.power(k + alpha * energy, beta)


@_dispatched
def batch_normalization(x: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    """x [..., C] normalized over all but its channels; their mean and variance [C].

    `gamma`, `beta` and the statistics are float32 whatever the type of x is.
    """
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, axes=tuple(range(len(x.shape) - 1)))
    y = (wide - mean) * (gamma * ops.rsqrt(variance + epsilon)) + beta
    return ops.cast(y, x.dtype), mean, variance


@_dispatched
def warp(pixels: Any, maps: Any, side: Any, smooth: Any, fill_mode: Any) -> Any:
    """float32 [B, S, S, 3]: output (x, y) is the pixel at maps[:, :6] of (x, y).

    Of `pixels` [B, R, R, 3]; bilinear if `smooth`, else nearest; `fill_mode` is nearest,
    reflect, wrap or constant (0).
    """
    pixels = ops.cast(pixels, "float32")
    maps = ops.concatenate([maps, ops.zeros_like(maps[:, :2])], axis=1)
    how = "bilinear" if smooth else "nearest"
    warped = ops.image.affine_transform(pixels, maps, how, fill_mode=fill_mode)
    return warped[:, :side, :side]


@_dispatched
def cut_boxes(pixels: Any, maps: Any, side: Any) -> Any:
    """As a smooth `warp` with maps that do not turn, lean, or reach outside."""
    return warp(pixels, maps, side, True, "nearest")


@_dispatched
def momentum_step(
    variable: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    nesterov: Any,
) -> Any:
    """v = momentum * v - rate * (gradient + decay * w); w = w + v, in place."""
    gradient = gradient + decay * ops.convert_to_tensor(variable)
    velocity.assign(momentum * velocity - rate * gradient)
    change = momentum * velocity - rate * gradient if nesterov else velocity
    variable.assign_add(change)


@_dispatched
def adam_step(
    variable: Any,
    first: Any,
    second: Any,
    gradient: Any,
    rate: Any,
    step: Any,
    constants: Any,
    decay: Any,
) -> Any:
    """Adam's update of w and its two moments, in place; w shrinks by rate * decay before.

    `step` counts from 1; `constants` are beta 1, beta 2 and epsilon.
    """
    beta_1, beta_2, epsilon = constants
    first.assign(first + (gradient - first) * (1 - beta_1))
    second.assign(second + (ops.square(gradient) - second) * (1 - beta_2))
    size = rate * ops.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    kept = (1 - rate * decay) * ops.convert_to_tensor(variable)
    variable.assign(kept - size * first / (ops.sqrt(second) + epsilon))
