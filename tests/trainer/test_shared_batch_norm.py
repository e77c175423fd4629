"""Batch normalization over several workers' images, and its gradients, against torch."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_cli.trainer.shared_batch_norm import shared_batch_normalization

EPSILON = 1e-3


def computed(x, dy, gamma, beta, *, counted=1.0, total=list, dtype="float32"):
    """What the layer gives, and the gradients of x, gamma and beta, for those `dy` of y."""

    @tf.function
    def run(x, dy, gamma, beta):
        with tf.GradientTape() as tape:
            tape.watch((x, gamma, beta))
            y, mean, variance = shared_batch_normalization(
                tf.cast(x, dtype), gamma, beta,
                epsilon=EPSILON, counted=tf.constant(counted), total=total,
            )  # fmt: skip
            loss = tf.reduce_sum(tf.cast(y, tf.float32) * dy)
        return y, mean, variance, tape.gradient(loss, (x, gamma, beta))

    y, mean, variance, gradients = run(x, dy, gamma, beta)
    return [np.array(tf.cast(v, tf.float32)) for v in (y, mean, variance, *gradients)]


def drawn(shape):
    rng = np.random.default_rng(4)
    x, dy = (rng.normal(1, 2, shape).astype(np.float32) for _ in range(2))
    gamma, beta = (rng.normal(1, 1, shape[-1]).astype(np.float32) for _ in range(2))
    return x, dy, gamma, beta


@pytest.mark.parametrize("shape", [(7, 5, 4, 3), (16, 6)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.04)])
def test_one_worker_agrees_with_torch(shape, dtype, tolerance):
    torch = pytest.importorskip("torch")
    x, dy, gamma, beta = drawn(shape)
    given = [torch.tensor(v, requires_grad=True) for v in (x, gamma, beta)]
    rows = given[0].reshape(-1, shape[-1])
    y = torch.nn.functional.batch_norm(rows, None, None, *given[1:], True, 0.1, EPSILON)
    (y.reshape(shape) * torch.tensor(dy)).sum().backward()
    axes = tuple(range(len(shape) - 1))
    expected = [y.detach().numpy().reshape(shape), x.mean(axes), x.var(axes)]
    expected += [v.grad.numpy() for v in given]
    for value, other in zip(
        computed(x, dy, gamma, beta, dtype=dtype), expected, strict=True
    ):
        scale = max(1, np.abs(other).max())
        np.testing.assert_allclose(value / scale, other / scale, atol=tolerance)


def test_rows_that_do_not_count_leave_the_statistics_to_the_others():
    x, dy, gamma, beta = drawn((5, 4, 4, 3))
    mean, variance, count = np.array([1, -2, 0.5]), np.array([0.5, 4, 1]), 40
    others = np.concatenate([count * mean, count * (variance + mean**2), [count]])

    def total(values):
        # The sums of the statistics are one vector, those of the gradients two.
        if len(values) == 1:
            return [values[0] + tf.constant(others, values[0].dtype)]
        return list(values)

    y, found, spread, dx, *_ = computed(x, dy, gamma, beta, counted=0.0, total=total)
    np.testing.assert_allclose(found, mean, atol=1e-5)
    np.testing.assert_allclose(spread, variance, atol=1e-5)
    slope = gamma / np.sqrt(variance + EPSILON)
    np.testing.assert_allclose(y, (x - mean) * slope + beta, atol=1e-4)
    np.testing.assert_allclose(dx, dy * slope, atol=1e-4)


def test_a_mean_far_from_zero_leaves_the_variance_exact():
    x, dy, gamma, beta = drawn((64, 4))
    x = (x / 4 + 1000).astype(np.float32)
    y, _, variance, dx, *_ = computed(x, dy, gamma, beta)
    exact = x.astype(np.float64)
    deviation = np.sqrt(exact.var(0) + EPSILON)
    centered = (exact - exact.mean(0)) / deviation
    slope = gamma / deviation
    expected = slope * (dy - dy.mean(0) - centered * (dy * centered).mean(0))
    np.testing.assert_allclose(variance, exact.var(0), rtol=1e-5)
    np.testing.assert_allclose(y, centered * gamma + beta, atol=2e-3)
    np.testing.assert_allclose(dx, expected, atol=2e-3)
