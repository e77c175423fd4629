"""TensorFlow's twins of `kernels`: fused, native or in place."""

from typing import Any

import tensorflow as tf


def local_response_normalization(x: Any, n: Any, k: Any, alpha: Any, beta: Any) -> Any:
    """TensorFlow's own kernel; float32 only, hence the casts of the layer."""
    return tf.nn.local_response_normalization(x, n // 2, k, alpha, beta)


def batch_normalization(x: Any, gamma: Any, beta: Any, epsilon: Any) -> Any:
    """One kernel forward and one backward that read 16-bit and add up in float32."""
    shape = tf.shape(x)
    flat = tf.reshape(x, (-1, 1, 1, x.shape[-1])) if len(x.shape) == 2 else x
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=flat, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
    )
    # It gives the sample's variance, n - 1 below; Keras keeps the population's.
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    variance *= tf.maximum(count - 1, 1) / count
    return tf.reshape(y, shape), mean, variance


def warp(pixels: Any, maps: Any, side: Any, smooth: Any, fill_mode: Any) -> Any:
    """TensorFlow's own kernel, straight to the side asked for."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(pixels, tf.float32),
        transforms=tf.concat([maps, tf.zeros_like(maps[:, :2])], axis=1),
        output_shape=[side, side],
        interpolation="BILINEAR" if smooth else "NEAREST",
        fill_mode=fill_mode.upper(),
        fill_value=0.0,
    )


def cut_boxes(pixels: Any, maps: Any, side: Any) -> Any:
    """A kernel that works out a row's and a column's places once; reads uint8."""
    x_start, y_start = maps[:, 2], maps[:, 5]
    x_end = x_start + maps[:, 0] * (side - 1)
    y_end = y_start + maps[:, 4] * (side - 1)
    boxes = tf.stack([y_start, x_start, y_end, x_end], axis=1) / (pixels.shape[1] - 1)
    return tf.image.crop_and_resize(
        pixels, boxes, tf.range(tf.shape(maps)[0]), (side, side)
    )


def momentum_step(
    variable: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    momentum: Any,
    decay: Any,
    nesterov: Any,
) -> Any:
    """Two passes over the weights instead of six."""
    if decay and nesterov:
        gradient, decay = gradient + decay * variable, 0.0
    if decay:
        # momentum * (v - rate * decay / momentum * w) = momentum * v - rate * decay * w.
        tf.raw_ops.ResourceApplyGradientDescent(
            var=velocity.handle, alpha=rate * decay / momentum, delta=variable
        )
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=velocity.handle,
        lr=rate,
        grad=gradient,
        momentum=momentum,
        use_nesterov=nesterov,
    )


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
    """One pass over the weights and both moments instead of ten."""
    beta_1, beta_2, epsilon = constants
    if decay:
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle, alpha=rate * decay, delta=variable
        )
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle, m=first.handle, v=second.handle,
        beta1_power=beta_1**step, beta2_power=beta_2**step, lr=rate,
        beta1=beta_1, beta2=beta_2, epsilon=epsilon, grad=gradient,
    )  # fmt: skip
