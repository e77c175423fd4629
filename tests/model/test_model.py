"""Layers compute the papers' formulas and the numbers of torch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import Conv, Dense, Flatten
from alexnet_cli.model.model import build_model
from alexnet_cli.model.normalization import BatchNormalization, LocalResponseNormalization


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


@pytest.mark.parametrize("n", [0, 2, 4])
def test_lrn_refuses_even_windows(n):
    with pytest.raises(ValueError, match="odd"):
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


def test_lrn_config_builds_an_equal_layer():
    layer = LocalResponseNormalization(3, 1.0, 0.5, 0.25)
    again = LocalResponseNormalization.from_config(layer.get_config())
    assert (again.n, again.k, again.alpha, again.beta) == (3, 1.0, 0.5, 0.25)


def test_groups_equal_keras_grouped_convolution():
    table = (Conv(8, 3, groups=2, std=0.3), Flatten(), Dense(None))
    first = Conv(6, 1, std=0.5)
    ours = build_model(Architecture("g", "", 9, 2, (first, *table)), 2)
    parts = [ours.get_layer(f"conv2_{i}") for i in (1, 2)]
    grouped = keras.layers.Conv2D(8, 3, padding="same", groups=2)
    grouped.build((None, 9, 9, 6))
    kernel, bias = (
        np.concatenate([np.asarray(x.weights[i]) for x in parts], axis=-1) for i in (0, 1)
    )
    grouped.set_weights([kernel, bias])
    x = np.random.default_rng(0).normal(0, 1, (2, 9, 9, 3)).astype(np.float32)
    middle = keras.Model(ours.input, ours.get_layer("conv1").output)(x)
    join = keras.Model(ours.input, ours.get_layer("conv2_join").output)(x)
    np.testing.assert_allclose(join, grouped(middle), rtol=1e-4, atol=1e-5)


def test_the_papers_initial_weights():
    model = build_model(ARCHITECTURES["tiny"], 3)
    assert float(model.get_layer("conv2_1").bias[0]) == pytest.approx(0.1)
    paper = ARCHITECTURES["alexnet"]
    biases = [x.bias for x in paper.layers if isinstance(x, Conv | Dense)]
    # Section 5: one in conv 2, 4, 5 and the hidden dense layers, else zero.
    assert biases == [0, 1, 0, 1, 1, 1, 1, 0]
    small = Architecture("n", "", 16, 2, (Conv(64, 5), Flatten(), Dense(None)), "normal")
    kernel = np.asarray(build_model(small, 2).get_layer("conv1").kernel)
    assert kernel.std() == pytest.approx(0.01, rel=0.05)
    assert abs(kernel.mean()) < 0.001


def test_torch_initializer_is_torchs_range():
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    small = Architecture("t", "", 16, 2, (Conv(64, 5), Flatten(), Dense(None)), "torch")
    kernel = np.asarray(build_model(small, 2).get_layer("conv1").kernel)
    theirs = torch.nn.Conv2d(3, 64, 5).weight.detach().numpy()
    assert abs(kernel).max() == pytest.approx(abs(theirs).max(), rel=0.02)
    assert kernel.std() == pytest.approx(theirs.std(), rel=0.03)


def test_seeds_make_weights():
    one, same, other = (build_model(ARCHITECTURES["tiny"], 3, seed) for seed in (1, 1, 2))
    for a, b, c in zip(one.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        if "kernel" in a.path:
            assert not np.array_equal(a, c)


def _torch_alexnet(torch, bvlc):
    nn = torch.nn
    lrn = lambda: [nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)] if bvlc else []  # noqa: E731
    w = (96, 256, 384, 384, 256) if bvlc else (64, 192, 384, 256, 256)
    g = 2 if bvlc else 1
    features = nn.Sequential(
        nn.Conv2d(3, w[0], 11, 4, 0 if bvlc else 2), nn.ReLU(), *lrn(), nn.MaxPool2d(3, 2),
        nn.Conv2d(w[0], w[1], 5, padding=2, groups=g), nn.ReLU(), *lrn(), nn.MaxPool2d(3, 2),
        nn.Conv2d(w[1], w[2], 3, padding=1), nn.ReLU(),
        nn.Conv2d(w[2], w[3], 3, padding=1, groups=g), nn.ReLU(),
        nn.Conv2d(w[3], w[4], 3, padding=1, groups=g), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Linear(9216, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )
    return features, classifier


def _copy_to_torch(torch, model, features, classifier):
    """Ours, [kH, kW, in, out] and height-width-channel rows, to torch's layout."""
    convs = [x for x in features if isinstance(x, torch.nn.Conv2d)]
    for i, conv in enumerate(convs, 1):
        ours = [
            x for x in model.layers if x.name in (f"conv{i}", f"conv{i}_1", f"conv{i}_2")
        ]
        kernels = [np.asarray(x.kernel).transpose(3, 2, 0, 1) for x in ours]
        conv.weight.data = torch.tensor(np.concatenate(kernels))
        conv.bias.data = torch.tensor(np.concatenate([np.asarray(x.bias) for x in ours]))
    linears = [x for x in classifier if isinstance(x, torch.nn.Linear)]
    for i, linear in enumerate(linears, 1):
        kernel = np.asarray(model.get_layer(f"dense{i}").kernel)
        if i == 1:
            kernel = (
                kernel.reshape(6, 6, 256, 4096).transpose(2, 0, 1, 3).reshape(9216, 4096)
            )
        linear.weight.data = torch.tensor(kernel.T.copy())
        linear.bias.data = torch.tensor(np.asarray(model.get_layer(f"dense{i}").bias))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet-owt", "alexnet-bvlc"])
def test_forward_pass_is_torchs(name):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    arch = ARCHITECTURES[name]
    model = build_model(arch, 1000, seed=3)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(rng.normal(0, 0.1, weight.shape))
    features, classifier = _torch_alexnet(torch, name == "alexnet-bvlc")
    _copy_to_torch(torch, model, features, classifier)
    x = rng.normal(0, 60, (2, arch.input_size, arch.input_size, 3)).astype(np.float32)
    with torch.no_grad():
        hidden = features(torch.tensor(x.transpose(0, 3, 1, 2).copy()))
        expected = classifier(hidden.flatten(1)).numpy()
    ours = np.asarray(model(x, training=False))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(ours, expected, atol=2e-4 * abs(expected).max())


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
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = BatchNormalization(momentum=0.0)
    finally:
        keras.config.set_dtype_policy("float32")
    out = layer(x, training=True)
    assert out.dtype == tf.bfloat16 and layer(x).dtype == tf.bfloat16
    wide = tf.cast(x, tf.float32)
    assert {str(w.dtype) for w in layer.weights} == {"float32"}
    np.testing.assert_allclose(layer.moving_mean, np.mean(wide, (0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, np.var(wide, (0, 1, 2)), rtol=1e-3)
