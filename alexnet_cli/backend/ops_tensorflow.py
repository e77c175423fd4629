"""The twins of `ops` in TensorFlow: fused, native, or in place."""

from typing import Any

import tensorflow as tf

from .update_rules import AdamRule, MomentumRule


def local_response_normalization(
    x: Any, n: int, k: float, alpha: float, beta: float
) -> Any:
    """TensorFlow's own kernel, which has no 16-bit version."""
    return tf.nn.local_response_normalization(x, n // 2, k, alpha, beta)


def batch_normalization(
    x: Any, gamma: Any, beta: Any, epsilon: float
) -> tuple[Any, Any, Any]:
    """One kernel forward and one backward, which read 16-bit and sum in float32."""
    shape = tf.shape(x)
    flat = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if len(x.shape) == 2 else x
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=flat, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
    )
    # The kernel divides by n - 1; Keras keeps the variance that is divided by n.
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    variance *= tf.maximum(count - 1, 1) / count
    return tf.reshape(y, shape), mean, variance


def warp(pixels: Any, maps: Any, side: int, smooth: bool, fill_mode: str) -> Any:
    """TensorFlow's own kernel, which computes only the S x S pixels that are needed."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(pixels, tf.float32),
        transforms=tf.concat([maps, tf.zeros_like(maps[:, :2])], axis=1),
        output_shape=[side, side],
        interpolation="BILINEAR" if smooth else "NEAREST",
        fill_mode=fill_mode.upper(),
        fill_value=0.0,
    )


def cut_boxes(pixels: Any, maps: Any, side: int) -> Any:
    """A kernel that computes the positions of rows and columns once, and reads uint8."""
    x_start, y_start = maps[:, 2], maps[:, 5]
    x_end = x_start + maps[:, 0] * (side - 1)
    y_end = y_start + maps[:, 4] * (side - 1)
    boxes = tf.stack([y_start, x_start, y_end, x_end], axis=1) / (pixels.shape[1] - 1)
    return tf.image.crop_and_resize(
        pixels, boxes, tf.range(tf.shape(maps)[0]), (side, side)
    )


def momentum_step(variable: Any, velocity: Any, gradient: Any, rule: MomentumRule) -> None:
    """Two passes over the weights instead of six."""
    decay = rule.decay
    if decay and rule.nesterov:
        gradient, decay = gradient + decay * variable, 0.0
    if decay:
        # momentum * (v - rate * decay / momentum * w) = momentum * v - rate * decay * w.
        tf.raw_ops.ResourceApplyGradientDescent(
            var=velocity.handle, alpha=rule.rate * decay / rule.momentum, delta=variable
        )
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=velocity.handle,
        lr=rule.rate,
        grad=gradient,
        momentum=rule.momentum,
        use_nesterov=rule.nesterov,
    )


def adam_step(
    variable: Any, first: Any, second: Any, gradient: Any, rule: AdamRule
) -> None:
    """One pass over the weights and both moments instead of ten."""
    if rule.decay:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=rule.rate * rule.decay, delta=variable
        )
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle, m=first.handle, v=second.handle,
        beta1_power=rule.beta_1**rule.step, beta2_power=rule.beta_2**rule.step,
        lr=rule.rate, beta1=rule.beta_1, beta2=rule.beta_2, epsilon=rule.epsilon,
        grad=gradient,
    )  # fmt: skip
