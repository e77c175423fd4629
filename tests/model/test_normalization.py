"""Normalization layers compute the papers' formulas and the numbers of torch and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.backend.dtype_policy import dtype_policy
from alexnet_cli.model.layer_specs import LocalNorm
from alexnet_cli.model.normalization import BatchNormalization, LocalResponseNormalization
from alexnet_cli.recipe.recipe import Recipe


def lrn_formula(x, n, k, alpha, beta):
    """Section 3.3 of the paper, loop for loop, in float64."""
    x = np.asarray(x, np.float64)
    out = np.empty_like(x)
    channels = x.shape[-1]
    for i in range(channels):
        near = x[..., max(0, i - n // 2) : min(channels - 1, i + n // 2) + 1]
        out[..., i] = x[..., i] / (k + alpha * (near**2).sum(-1)) ** beta
    return out


def lrn_gradient(x, up, n, k, alpha, beta, step=1e-6):
    """d(sum(up * lrn(x)))/dx by central differences in float64."""
    x = np.asarray(x, np.float64)
    found = np.empty_like(x)
    for at in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][at] += step
        moved[1][at] -= step
        high, low = ((up * lrn_formula(m, n, k, alpha, beta)).sum() for m in moved)
        found[at] = (high - low) / (2 * step)
    return found


@pytest.mark.parametrize(
    "n,k,alpha,beta", [(5, 2, 1e-4, 0.75), (3, 1, 0.5, 0.6), (1, 1, 2.0, 1.0)]
)
def test_lrn_is_the_formula_forward_and_gradient(n, k, alpha, beta):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (2, 2, 3, 7)).astype(np.float32)
    up = rng.normal(0, 1, x.shape).astype(np.float32)
    layer = LocalResponseNormalization(n, k, alpha, beta)
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        out = layer(inputs)
        total = tf.reduce_sum(out * up)
    np.testing.assert_allclose(out, lrn_formula(x, n, k, alpha, beta), rtol=1e-5, atol=1e-6)
    expected = lrn_gradient(x, up, n, k, alpha, beta)
    np.testing.assert_allclose(tape.gradient(total, inputs), expected, rtol=1e-3, atol=1e-5)


PAPER = {"depth_radius": 2, "bias": 2, "alpha": 1e-4, "beta": 0.75}
"""Source: Krizhevsky et al. 2012, section 3.3: n 5, k 2."""
CAFFE = {"depth_radius": 2, "bias": 1, "alpha": 1e-4 / 5, "beta": 0.75}
"""Source: Caffe's bvlc_alexnet train_val.prototxt, whose alpha is divided by n."""


@pytest.mark.parametrize("fields, theirs", [
    ({"arch": "alexnet"}, PAPER), ({"arch": "alexnet-half", "norm": "local"}, PAPER), ({"arch": "alexnet-bvlc"}, CAFFE),
    ({"arch": "alexnet", "lrn_n": 7, "lrn_beta": 0.5}, {**PAPER, "depth_radius": 3, "beta": 0.5}),
    ({"arch": "alexnet-owt", "norm": "local", "lrn_n": 1, "lrn_k": 1.5, "lrn_alpha": 0.01, "lrn_beta": 0.9},
     {"depth_radius": 0, "bias": 1.5, "alpha": 0.01, "beta": 0.9}),
    ({"arch": "tiny", "lrn_k": 1.0, "lrn_alpha": 2e-5}, {**PAPER, "bias": 1, "alpha": 2e-5}),
])  # fmt: skip
def test_the_options_of_lrn_are_tensorflows(fields, theirs):
    layers = Recipe(**fields).network.architecture().layers
    norms = [x for x in layers if isinstance(x, LocalNorm)]
    assert norms
    x = np.random.default_rng(0).normal(0, 30, (2, 3, 3, 16)).astype(np.float32)
    expected = tf.nn.local_response_normalization(x, **theirs)
    for norm in norms:
        layer = LocalResponseNormalization(norm.n, norm.k, norm.alpha, norm.beta)
        np.testing.assert_allclose(layer(x), expected, rtol=1e-5)


@pytest.mark.parametrize("n", [-1, 0, 2, 4])
def test_lrn_refuses_even_windows(n):
    with pytest.raises(ValueError, match=f"^n must be odd and positive, got {n}$"):
        LocalResponseNormalization(n)


def test_lrn_computes_in_float32_and_keeps_the_type():
    x = np.full((1, 1, 1, 9), 300, np.float16)
    out = LocalResponseNormalization(5, 2, 1.0, 0.75, dtype="float16")(x)
    assert out.dtype == tf.float16
    np.testing.assert_allclose(out, lrn_formula(x, 5, 2, 1.0, 0.75), rtol=2e-3)


def test_lrn_is_torchs_with_alpha_times_n():
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    x = np.random.default_rng(1).normal(0, 5, (2, 4, 4, 16)).astype(np.float32)
    theirs = torch.nn.LocalResponseNorm(5, alpha=0.01 * 5, beta=0.75, k=2.0)
    expected = theirs(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    ours = LocalResponseNormalization(5, 2.0, 0.01, 0.75)(x)
    np.testing.assert_allclose(ours, expected.numpy(), rtol=1e-5, atol=1e-6)


@given(st.integers(0, 4), st.integers(1, 9), st.floats(0.1, 3), st.floats(0.1, 1))
@settings(max_examples=20)
def test_lrn_of_any_window(half, channels, alpha, beta):
    """Windows may be wider than there are channels."""
    n = 2 * half + 1
    x = np.random.default_rng(channels).normal(0, 2, (1, 2, 2, channels))
    out = LocalResponseNormalization(n, 1.5, alpha, beta)(x.astype(np.float32))
    np.testing.assert_allclose(out, lrn_formula(x, n, 1.5, alpha, beta), rtol=1e-4)


def test_lrn_config_builds_an_equal_layer():
    layer = LocalResponseNormalization(3, 1.0, 0.5, 0.25)
    again = LocalResponseNormalization.from_config(layer.get_config())
    assert (again.n, again.k, again.alpha, again.beta) == (3, 1.0, 0.5, 0.25)


def test_batch_normalization_is_keras_own_over_steps():
    rng = np.random.default_rng(0)
    ours = BatchNormalization(momentum=0.8, epsilon=1e-3)
    theirs = keras.layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    for _ in range(3):
        x = rng.normal(2, 3, (4, 5, 5, 6)).astype(np.float32)
        np.testing.assert_allclose(
            ours(x, training=True), theirs(x, training=True), rtol=1e-3, atol=1e-4
        )
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        assert a.name == b.name
        np.testing.assert_allclose(a, b, rtol=1e-4)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-3, atol=1e-4)


def test_batch_normalization_keeps_16_bits_and_float32_statistics():
    x = tf.cast(np.random.default_rng(0).normal(50, 1, (64, 8, 8, 4)), tf.bfloat16)
    with dtype_policy("mixed_bfloat16"):
        layer = BatchNormalization(momentum=0.0)
    out = layer(x, training=True)
    assert out.dtype == tf.bfloat16 and layer(x).dtype == tf.bfloat16
    wide = tf.cast(x, tf.float32)
    assert {str(w.dtype) for w in layer.weights} == {"float32"}
    np.testing.assert_allclose(layer.moving_mean, np.mean(wide, (0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, np.var(wide, (0, 1, 2)), rtol=1e-3)


def test_batch_normalization_uses_its_averages_outside_training_and_where_it_is_frozen():
    rng = np.random.default_rng(0)
    layer = BatchNormalization(momentum=0.5)
    layer(rng.normal(2, 3, (64, 4)).astype(np.float32), training=True)
    averages = [np.asarray(x) for x in (layer.moving_mean, layer.moving_variance)]
    x = rng.normal(7, 1, (8, 4)).astype(np.float32)
    expected = (x - averages[0]) / np.sqrt(averages[1] + 1e-3)
    layer.trainable = False
    for training in (False, True):
        np.testing.assert_allclose(
            layer(x, training=training), expected, rtol=1e-4, atol=1e-5
        )
    for before, now in zip(
        averages, (layer.moving_mean, layer.moving_variance), strict=True
    ):
        np.testing.assert_array_equal(before, now)


def test_batch_normalization_is_trained_as_keras_own():
    rng = np.random.default_rng(0)
    x, up = (
        rng.normal(1, 2, (6, 3, 3, 4)).astype(np.float32),
        rng.normal(0, 1, (6, 3, 3, 4)),
    )
    gradients = []
    for kind in (BatchNormalization, keras.layers.BatchNormalization):
        layer = kind()
        layer.build(x.shape)
        inputs = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(layer(inputs, training=True) * up.astype(np.float32))
        gradients.append(
            tape.gradient(total, [inputs, layer.gamma.value, layer.beta.value])
        )
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
