"""Steps of convolutions' kernels are orthogonal matrices."""

import keras
import numpy as np
import pytest

from alexnet_cli.recipe.sections import Optimization
from alexnet_cli.trainer.muon import orthogonalized
from alexnet_cli.trainer.optimizers import build_optimizer


def muon(**fields):
    return build_optimizer(Optimization(optimizer="muon", **fields), 0.01)


def run(optimizer, values, gradients):
    """`values` after a step for each of `gradients`, float32."""
    kernel = keras.Variable(np.asarray(values, np.float32), dtype="float32", name="kernel")
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(np.float32(gradient))], [kernel])
    return np.array(kernel)


@pytest.mark.parametrize("shape", [(1, 1, 3, 2), (1, 3, 1, 2), (3, 2, 5, 4), (2, 1, 2, 9)])
def test_muon_of_a_convolution_is_kerass_own_of_a_matrix(shape):
    """Of [the others, C]; Keras' own leaves kernels with more axes to AdamW."""
    rng = np.random.default_rng(0)
    values, gradients = rng.normal(0, 1, shape), rng.normal(0, 1, (6, *shape))
    optimizer = muon(weight_decay=0.1)
    oracle = keras.optimizers.Muon(0.01, weight_decay=0.1, exclude_layers=[])
    flat = (-1, shape[-1])
    expected = run(oracle, values.reshape(flat), [x.reshape(flat) for x in gradients])
    found = run(optimizer, values, gradients)
    np.testing.assert_allclose(found.reshape(flat), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(75, 32), (32, 75), (64, 64), (1, 5), (363, 48)])
@pytest.mark.parametrize(
    "policy,error", [("float32", 1e-5), ("mixed_float16", 0.02), ("mixed_bfloat16", 0.05)]
)
def test_orthogonalized_has_the_singular_vectors_and_other_values(shape, policy, error):
    """Against NumPy's SVD, whatever the length of the matrix."""
    matrix = np.random.default_rng(0).normal(0, 1e-4, shape).astype(np.float32)
    left, values, right = np.linalg.svd(matrix.astype(float), full_matrices=False)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        found = np.array(orthogonalized(keras.ops.convert_to_tensor(matrix)))
    finally:
        keras.config.set_dtype_policy(before)
    assert found.dtype == np.float32
    between = left.T @ found @ right.T
    np.testing.assert_allclose(between - np.diag(np.diag(between)), 0, atol=error)
    np.testing.assert_allclose(left @ between @ right, found, atol=error)
    ours = np.diag(between)[values > 0.002 * np.linalg.norm(values)]
    assert len(ours) and 0.68 - error < ours.min() and ours.max() < 1.21 + error


def test_a_kernel_whose_gradient_is_nothing_is_left_alone():
    values = np.ones((1, 1, 3, 2))
    np.testing.assert_array_equal(run(muon(weight_decay=0.0), values, [0 * values]), values)


def test_a_loaded_convolution_has_its_own_rate():
    layers = [keras.layers.Conv2D(4, 3, use_bias=False) for _ in range(2)]
    for layer in layers:
        layer.build((None, 8, 8, 3))
        layer.kernel.assign(keras.ops.zeros_like(layer.kernel))
    kernels = [x.kernel for x in layers]
    optimizer = muon(weight_decay=0.0)
    optimizer.scale_rate([kernels[0].path], 0.25)
    gradient = np.random.default_rng(0).normal(0, 1, kernels[0].shape).astype(np.float32)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)] * 2, kernels)
    np.testing.assert_allclose(kernels[0], 0.25 * np.array(kernels[1]), rtol=1e-5)
    assert np.abs(kernels[1]).max() > 0
