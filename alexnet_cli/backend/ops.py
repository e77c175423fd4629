"""Operations with a faster twin in `ops_tensorflow`: equal names, equal results.

The ones here are written with `keras.ops` and run on every backend of Keras; where the
backend is TensorFlow, a call goes to the twin. XLA has no kernel for some of the twins: a
step that it compiles takes the `portable` operation.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from .update_rules import AdamRule, MomentumRule


def _dispatched(portable: Callable[..., Any]) -> Callable[..., Any]:
    """`portable`, or its twin where TensorFlow is the backend."""

    @functools.wraps(portable)
    def call(*args: Any, **kwargs: Any) -> Any:
        if keras.backend.backend() != "tensorflow":
            return portable(*args, **kwargs)
        from . import ops_tensorflow

        return getattr(ops_tensorflow, portable.__name__)(*args, **kwargs)

    return call


def portable(operation: Any) -> Any:
    """The `operation` of this module without its twin, which XLA compiles too."""
    return operation.__wrapped__


@_dispatched
def local_response_normalization(
    x: Any, n: int, k: float, alpha: float, beta: float
) -> Any:
    """x / (k + alpha * sum of n neighbors' squares) ** beta, float32 [B, H, W, C]."""
    channels, half = x.shape[-1], n // 2
    squares = ops.pad(ops.square(x), ((0, 0),) * 3 + ((half, half),))
    energy = sum(squares[..., i : i + channels] for i in range(n))
    return x / ops.power(k + alpha * energy, beta)


@_dispatched
def batch_normalization(
    x: Any, gamma: Any, beta: Any, epsilon: float
) -> tuple[Any, Any, Any]:
    """x [..., C] normalized over all axes but the last; mean and variance [C].

    `gamma`, `beta` and the statistics are float32 whatever the type of x is.
    """
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, axes=tuple(range(len(x.shape) - 1)))
    y = (wide - mean) * (gamma * ops.rsqrt(variance + epsilon)) + beta
    return ops.cast(y, x.dtype), mean, variance


@_dispatched
def warp(pixels: Any, maps: Any, side: int, smooth: bool, fill_mode: str) -> Any:
    """float32 [B, S, S, 3]: output (x, y) is the pixel of [B, R, R, 3] at `maps` of (x, y).

    `maps` [B, 6] are affine; `side` is S. Pixels are interpolated bilinearly if `smooth`,
    else the nearest is taken; `fill_mode` is nearest, reflect, wrap or constant (0).
    """
    x, y = (_places(row, side) for row in (maps[:, :3], maps[:, 3:]))
    x, y = (_within(place, pixels.shape[1], fill_mode) for place in (x, y))
    if not smooth:
        return _pixels_at(pixels, _rounded(x), _rounded(y))
    left, top = ops.floor(x), ops.floor(y)
    right, down = (x - left)[..., None], (y - top)[..., None]
    upper, lower = (
        (1 - right) * _pixels_at(pixels, left, row)
        + right * _pixels_at(pixels, left + 1, row)
        for row in (top, top + 1)
    )
    return (1 - down) * upper + down * lower


def _places(row: Any, side: int) -> Any:
    """One coordinate [B, S, S] of the input for each pixel of the output."""
    steps = ops.arange(side, dtype="float32")
    row = row[:, :, None, None]
    return row[:, 0] * steps + row[:, 1] * steps[:, None] + row[:, 2]


def _within(place: Any, length: int, fill_mode: str) -> Any:
    """Where `place` [B, S, S] is once 0..length-1 is continued by `fill_mode`.

    Source: TensorFlow, `MapCoordinate` in tensorflow/core/kernels/image/image_ops.h. Its
    "wrap" counts turns of `last` and moves by `length`, hence the clip; that is kept.
    """
    last = length - 1
    if fill_mode == "constant":
        return place
    if fill_mode == "reflect":
        place = ops.mod(place, 2 * length)
        place = ops.where(place < length, place, 2 * length - 1 - place)
    elif fill_mode == "wrap":
        turns = ops.trunc(ops.absolute(place) / last)
        above = ops.where(place > last, place - length * turns, place)
        place = ops.where(place < 0, place + length * (turns + 1), above)
    return ops.clip(place, 0, last)


def _rounded(place: Any) -> Any:
    """The nearest whole number, halves away from 0."""
    return ops.sign(place) * ops.floor(ops.absolute(place) + 0.5)


def _pixels_at(pixels: Any, x: Any, y: Any) -> Any:
    """float32 [B, S, S, 3]: `pixels` [B, R, R, 3] at whole x, y [B, S, S]; 0 outside."""
    side = pixels.shape[1]
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    image = ops.arange(ops.shape(pixels)[0])[:, None, None]
    row, column = (ops.cast(ops.clip(v, 0, side - 1), "int32") for v in (y, x))
    found = ops.take(
        ops.reshape(pixels, (-1, 3)), (image * side + row) * side + column, axis=0
    )
    return ops.cast(found, "float32") * ops.cast(inside, "float32")[..., None]


@_dispatched
def cut_boxes(pixels: Any, maps: Any, side: int) -> Any:
    """A smooth `warp` by maps that do not rotate, shear, or reach beyond the image."""
    return portable(warp)(pixels, maps, side, True, "nearest")


@_dispatched
def momentum_step(variable: Any, velocity: Any, gradient: Any, rule: MomentumRule) -> None:
    """v = momentum * v - rate * (gradient + decay * w); w = w + v, in place."""
    gradient = gradient + rule.decay * ops.convert_to_tensor(variable)
    velocity.assign(rule.momentum * velocity - rule.rate * gradient)
    change = rule.momentum * velocity - rule.rate * gradient if rule.nesterov else velocity
    variable.assign_add(change)


@_dispatched
def adam_step(
    variable: Any, first: Any, second: Any, gradient: Any, rule: AdamRule
) -> None:
    """Adam's update of w and its two moments, in place; w shrinks by rate * decay before.

    Source: Kingma, Ba 2015, section 2, "efficiency"; Loshchilov, Hutter 2019 for decay.
    """
    first.assign(first + (gradient - first) * (1 - rule.beta_1))
    second.assign(second + (ops.square(gradient) - second) * (1 - rule.beta_2))
    size = rule.rate * ops.sqrt(1 - rule.beta_2**rule.step) / (1 - rule.beta_1**rule.step)
    kept = (1 - rule.rate * rule.decay) * ops.convert_to_tensor(variable)
    variable.assign(kept - size * first / (ops.sqrt(second) + rule.epsilon))
