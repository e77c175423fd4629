"""TensorFlow's twins give what the portable operations give, forward and backward."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.backend import ops as backend_ops
from alexnet_cli.backend import ops_tensorflow
from alexnet_cli.backend.ops import portable as without_twin
from alexnet_cli.backend.update_rules import AdamRule, MomentumRule
from alexnet_cli.dataset.augmentation.sampling import sample_parameters
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.recipe import Recipe

RNG = np.random.default_rng(0)
SQUARE = Preprocess("squash", 40, 24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def portable(name):
    """The operation as backends other than TensorFlow run it."""
    return without_twin(getattr(backend_ops, name))


def test_every_operation_has_its_twin():
    names = {k for k, v in vars(backend_ops).items() if hasattr(v, "__wrapped__")}
    twins = {k for k, v in vars(ops_tensorflow).items() if inspect.isfunction(v)}
    assert names == twins
    assert len(names) == 6
    for name in names:
        ours, theirs = (
            list(inspect.signature(x).parameters)
            for x in (portable(name), getattr(ops_tensorflow, name))
        )
        assert ours == theirs


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_call_goes_to_the_twin_where_the_backend_is_tensorflow(monkeypatch, backend):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(ops_tensorflow, "warp", lambda *args, **kwargs: "twin")
    pixels, maps = np.zeros((1, 4, 4, 3), np.uint8), np.float32([[1, 0, 0, 0, 1, 0]])
    found = backend_ops.warp(pixels, maps, 2, smooth=True, fill_mode="nearest")
    if backend == "tensorflow":
        assert found == "twin"
    else:
        assert found.shape == (1, 2, 2, 3)


@pytest.mark.parametrize(
    "n, k, alpha, beta", [(5, 2.0, 1e-4, 0.75), (3, 1.0, 0.5, 0.6), (1, 1.0, 2.0, 1.0)]
)
def test_local_response_normalization_and_its_gradient(n, k, alpha, beta):
    x = tf.constant(RNG.normal(0, 3, (2, 3, 3, 7)).astype(np.float32))
    up = RNG.normal(0, 1, x.shape).astype(np.float32)
    found = []
    for function in (
        portable("local_response_normalization"),
        ops_tensorflow.local_response_normalization,
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x, n, k, alpha, beta)
            total = tf.reduce_sum(y * up)
        found.append((y, tape.gradient(total, x)))
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_batch_normalization_and_its_gradients():
    x = tf.constant(RNG.normal(3, 2, (5, 4, 3, 6)).astype(np.float32))
    gamma, beta = (tf.constant(RNG.normal(1, 1, 6).astype(np.float32)) for _ in range(2))
    up = RNG.normal(0, 1, x.shape).astype(np.float32)
    found = []
    for function in (portable("batch_normalization"), ops_tensorflow.batch_normalization):
        with tf.GradientTape() as tape:
            tape.watch((x, gamma, beta))
            y, mean, variance = function(x, gamma, beta, 1e-3)
            total = tf.reduce_sum(y * up)
        found.append([y, mean, variance, *tape.gradient(total, (x, gamma, beta))])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-4)
    np.testing.assert_allclose(found[1][2], np.var(x, axis=(0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(7, 6), (1, 3, 3, 6)])
def test_batch_normalization_of_rows_and_of_one_image(shape):
    x = RNG.normal(0, 1, shape).astype(np.float32)
    ones, zeros = np.ones(6, np.float32), np.zeros(6, np.float32)
    y, mean, variance = ops_tensorflow.batch_normalization(x, ones, zeros, 1e-3)
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(mean, x.mean(axes), atol=1e-5)
    np.testing.assert_allclose(variance, x.var(axes), rtol=1e-4)
    np.testing.assert_allclose(
        y, (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3), atol=1e-4
    )


FILLS = ("constant", "nearest", "reflect", "wrap")


def far_maps(count, seed=1):
    """Maps to places many images away, where `fill` decides what is seen."""
    rng = np.random.default_rng(seed)
    steps, starts = rng.normal(0, 1.5, (count, 2, 2)), rng.uniform(-90, 90, (count, 2, 1))
    return np.concatenate([steps, starts], axis=2).reshape(count, 6).astype(np.float32)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("fill", FILLS)
def test_warp(smooth, fill):
    """TensorFlow's kernel, within a hundredth of a level, also far outside of the image."""
    pixels = RNG.integers(0, 256, (8, 40, 40, 3), np.uint8)
    recipe = Recipe(rotation=25, shear=10, zoom=0.2, width_shift=0.2, crop_area=0.0)
    near = sample_parameters(
        recipe.augmentation, SQUARE, 8, np.random.default_rng(1)
    ).affine
    for maps in (near.astype(np.float32), far_maps(8)):
        ours = np.asarray(ops_tensorflow.warp(pixels, maps, 24, smooth, fill))
        theirs = np.asarray(portable("warp")(pixels, maps, 24, smooth, fill))
        assert ours.shape == theirs.shape == (8, 24, 24, 3)
        # A rounding of places may pick the other of two neighbors.
        far = abs(ours - theirs).max(axis=-1) > 0.01
        assert far.mean() < (0.001 if smooth else 0.01)


@pytest.mark.parametrize("fill", [x for x in FILLS if x != "wrap"])
def test_the_portable_warp_is_torchs(fill):
    """torch has no periodic continuation; SciPy's is that of other positions."""
    torch = pytest.importorskip("torch")
    pixels, maps = RNG.integers(0, 256, (8, 40, 40, 3), np.uint8), far_maps(8, seed=2)
    grid = np.stack([*np.meshgrid(np.arange(24), np.arange(24)), np.ones((24, 24))], -1)
    places = np.einsum("bij,yxj->byxi", maps.reshape(-1, 2, 3), grid)
    theirs = torch.nn.functional.grid_sample(
        torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float64),
        torch.tensor((2 * places + 1) / 40 - 1),
        padding_mode={"constant": "zeros", "nearest": "border", "reflect": "reflection"}[fill],
        align_corners=False,
    ).numpy().transpose(0, 2, 3, 1)  # fmt: skip
    ours = portable("warp")(pixels, maps, 24, True, fill)
    np.testing.assert_allclose(ours, theirs, atol=0.05)


@pytest.mark.parametrize("fill", FILLS)
def test_xla_compiles_the_portable_warp(fill):
    pixels, maps = RNG.integers(0, 256, (4, 20, 20, 3), np.uint8), far_maps(4)
    compiled = tf.function(portable("warp"), jit_compile=True)
    expected = portable("warp")(pixels, maps, 8, True, fill)
    found = compiled(tf.constant(pixels), tf.constant(maps), 8, True, fill)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_xla_compiles_the_portable_boxes_and_not_the_twin():
    pixels = tf.constant(RNG.integers(0, 256, (4, 20, 20, 3), np.uint8))
    maps = tf.constant(np.tile(np.float32([0.9, 0, 1, 0, 1.1, 2]), (4, 1)))
    found = tf.function(portable("cut_boxes"), jit_compile=True)(pixels, maps, 8)
    np.testing.assert_allclose(found, ops_tensorflow.cut_boxes(pixels, maps, 8), atol=0.02)
    with pytest.raises(tf.errors.InvalidArgumentError, match="unsupported operations"):
        tf.function(ops_tensorflow.cut_boxes, jit_compile=True)(pixels, maps, 8)


def test_boxes_are_a_warp_that_stays_inside():
    recipe = Recipe(crop_area=0.2, hflip=True, vflip=True)
    pixels = RNG.integers(0, 255, (64, 40, 40, 3), np.uint8)
    maps = sample_parameters(
        recipe.augmentation, SQUARE, 64, np.random.default_rng(1)
    ).affine.astype(np.float32)
    ours = ops_tensorflow.cut_boxes(pixels, maps, 24)
    for warp in (ops_tensorflow.warp, portable("warp")):
        theirs = warp(pixels, maps, 24, True, "nearest")
        np.testing.assert_allclose(ours, theirs, atol=0.05)


@pytest.mark.parametrize("move", [(0, 0), (3, 5), (-4, 2)])
def test_a_whole_shift_copies_pixels(move):
    right, down = move
    pixels = RNG.integers(0, 255, (2, 12, 12, 3), np.uint8)
    maps = np.tile(np.float32([1, 0, right, 0, 1, down]), (2, 1))
    padded = np.pad(pixels, ((0, 0), (8, 8), (8, 8), (0, 0)), "edge")
    expected = padded[:, 8 + down : 16 + down, 8 + right : 16 + right]
    for function in (portable("warp"), ops_tensorflow.warp):
        for smooth in (True, False):
            output = np.asarray(function(pixels, maps, 8, smooth, "nearest"))
            assert output.dtype == np.float32
            np.testing.assert_array_equal(output, expected)


steps = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.001, 0.5)), min_size=1, max_size=6)


@given(steps, st.floats(0.1, 0.99), st.sampled_from((0.0, 5e-4, 0.1)), st.booleans())
@settings(max_examples=25)
def test_momentum_steps_are_the_formula(steps, momentum, decay, nesterov):
    """Krizhevsky et al. 2012, section 5, in float64; Nesterov's as Keras has it."""
    w, v = 0.7, 0.0
    pairs = [
        (portable("momentum_step"), keras.Variable([w]), keras.Variable([v])),
        (ops_tensorflow.momentum_step, tf.Variable([w]), tf.Variable([v])),
    ]
    for gradient, rate in steps:
        rule = MomentumRule(tf.constant(rate, tf.float32), momentum, decay, nesterov)
        for function, weight, velocity in pairs:
            function(weight, velocity, tf.constant([gradient], tf.float32), rule)
        whole = gradient + decay * w
        v = momentum * v - rate * whole
        w += momentum * v - rate * whole if nesterov else v
    for _, weight, velocity in pairs:
        np.testing.assert_allclose(np.asarray(weight), [w], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.asarray(velocity), [v], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_momentum_steps_of_a_matrix(nesterov, decay):
    start, gradients = RNG.normal(0, 1, (4, 3)), RNG.normal(0, 1, (5, 4, 3))
    found = []
    for function, kind in (
        (portable("momentum_step"), keras.Variable),
        (ops_tensorflow.momentum_step, tf.Variable),
    ):
        weight, velocity = kind(start, dtype="float32"), kind(0 * start, dtype="float32")
        for i, gradient in enumerate(gradients.astype(np.float32)):
            rate = tf.constant(0.1 / (i + 1), tf.float32)
            rule = MomentumRule(rate, 0.9, decay, nesterov)
            function(weight, velocity, tf.constant(gradient), rule)
        found.append((np.asarray(weight), np.asarray(velocity)))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5, atol=1e-6)
    if not (nesterov and decay):
        np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_steps_are_keras_own(decay):
    start, gradients = RNG.normal(0, 1, (4, 3)), RNG.normal(0, 1, (5, 4, 3))
    theirs = keras.Variable(start, dtype="float32", name="kernel")
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=decay)
    optimizer.build([theirs])
    found = []
    for function, kind in (
        (portable("adam_step"), keras.Variable),
        (ops_tensorflow.adam_step, tf.Variable),
    ):
        weight, first, second = (kind(x * start, dtype="float32") for x in (1, 0, 0))
        for i, gradient in enumerate(gradients.astype(np.float32)):
            rate, step = tf.constant(0.1), tf.constant(i + 1.0)
            rule = AdamRule(rate, step, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=decay)
            function(weight, first, second, tf.constant(gradient), rule)
        found.append(np.asarray(weight))
    for gradient in gradients.astype(np.float32):
        optimizer.apply([tf.constant(gradient)], [theirs])
    for weight in found:
        np.testing.assert_allclose(weight, np.asarray(theirs), rtol=1e-4, atol=1e-5)
