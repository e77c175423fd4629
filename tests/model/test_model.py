"""A network computes what its table says: torch's numbers, the paper's initial weights."""

import keras
import numpy as np
import pytest

from alexnet_cli.backend.dtype_policy import dtype_policy
from alexnet_cli.model import model as network
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture, trace
from alexnet_cli.model.layer_specs import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LocalNorm,
    Pool,
    ReLU,
)
from alexnet_cli.model.model import build_model, layers_of, put_weights
from alexnet_cli.model.pretrained.matching import LayerMatch

TINY = ARCHITECTURES["tiny"]


def images(count, side, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (count, side, side, 3)).astype(np.float32)


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


@pytest.mark.parametrize("any_side", [False, True])
def test_a_users_keras_json_changes_nothing(any_side):
    layers = (Conv(4, 3, padding=2), ReLU(), BatchNorm(), Pool(), Conv(6, 3, groups=2),
              LocalNorm(), Flatten(), Dropout(0.5), Dense(None))  # fmt: skip
    arch = Architecture("k", "", 12, 3, layers)
    x = images(2, 12)
    expected = build_model(arch, 3, any_side=any_side)
    before = keras.config.image_data_format(), keras.config.floatx(), keras.config.epsilon()
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(0.5)
    try:
        with dtype_policy("float32"):
            ours = build_model(arch, 3, any_side=any_side)
        logits = np.asarray(ours(x))
    finally:
        keras.config.set_image_data_format(before[0])
        keras.config.set_floatx(before[1])
        keras.config.set_epsilon(before[2])
    assert ours.input.dtype == "float32"
    assert [x.output.shape for x in ours.layers] == [
        x.output.shape for x in expected.layers
    ]
    np.testing.assert_array_equal(logits, expected(x))


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


@pytest.mark.parametrize("kind, expected", [
    ("he_normal", keras.initializers.HeNormal), ("glorot_uniform", keras.initializers.GlorotUniform),
])  # fmt: skip
def test_initializers_by_keras_name_are_keras_own(kind, expected):
    arch = Architecture("k", "", 16, 2, (Conv(8, 5), Flatten(), Dense(None)), kind)
    kernel = build_model(arch, 2, seed=7).get_layer("conv1").kernel
    np.testing.assert_array_equal(kernel, expected(seed=7)((5, 5, 3, 8)))


def test_a_layers_own_std_replaces_the_initializer():
    table = (Flatten(), Dense(400, std=0.005, bias=0.1), ReLU(), Dense(None))
    model = build_model(Architecture("s", "", 10, 2, table, "he_normal"), 2)
    dense = model.get_layer("dense1")
    assert np.asarray(dense.kernel).std() == pytest.approx(0.005, rel=0.02)
    np.testing.assert_array_equal(dense.bias, np.full(400, 0.1, np.float32))


def test_no_two_layers_or_groups_have_the_same_initial_weights():
    table = (
        Conv(6, 3),
        Conv(6, 3),
        Conv(6, 3, groups=2),
        Conv(6, 3, groups=2),
        Flatten(),
        Dense(None),
    )
    model = build_model(Architecture("d", "", 8, 2, table), 2)
    kernels = [np.asarray(x) for x in model.weights if x.name == "kernel"]
    alike = [
        x
        for i, x in enumerate(kernels)
        for y in kernels[:i]
        if x.shape == y.shape and np.allclose(x, y)
    ]
    assert len(kernels) == 7 and not alike


@pytest.mark.parametrize(
    "padding, stride", [(0, 1), (2, 1), (1, 3), ("same", 2), ("valid", 2)]
)
def test_padding_is_on_every_side(padding, stride):
    table = (Conv(4, 5, stride=stride, padding=padding), Flatten(), Dense(None))
    model = build_model(Architecture("p", "", 11, 2, table), 2)
    conv, x = model.get_layer("conv1"), images(2, 11)
    if isinstance(padding, int):
        x_padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        expected = keras.ops.conv(x_padded, conv.kernel, stride, "valid")
    else:
        expected = keras.ops.conv(x, conv.kernel, stride, padding)
    output = keras.Model(model.input, conv.output)(x)
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["tiny", pytest.param("alexnet-half", marks=pytest.mark.slow)]
)
def test_an_input_of_any_side_changes_nothing_at_the_tables_side(name):
    arch = ARCHITECTURES[name]
    fixed, free = build_model(arch, 4, seed=1), build_model(arch, 4, seed=1, any_side=True)
    free.set_weights(fixed.get_weights())
    x = images(2, arch.input_size)
    np.testing.assert_allclose(free(x), fixed(x), rtol=1e-5, atol=1e-6)
    for side in (arch.input_size * 3 // 4, arch.input_size + 9):
        logits = np.asarray(free(images(3, side)))
        assert logits.shape == (3, 4) and np.isfinite(logits).all()
    with pytest.raises(ValueError, match="incompatible"):
        fixed(images(1, arch.input_size + 9))


def test_logits_are_float32_whatever_the_policy():
    with dtype_policy("mixed_bfloat16"):
        model = build_model(TINY, 3)
    assert model.get_layer("dense1").compute_dtype == "bfloat16"
    logits = model(images(2, 32))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32" and logits.shape == (
        2,
        3,
    )


def test_dropout_is_random_only_in_training():
    model, x = build_model(TINY, 3), images(4, 32)
    np.testing.assert_array_equal(model(x), model(x, training=False))
    assert not np.array_equal(model(x, training=True), model(x))


def test_a_layer_without_a_case_is_refused():
    with pytest.raises(TypeError, match="no such layer: 'conv'"):
        network._connect("conv1", "conv", None, None)


def test_layers_of_a_table_are_found_by_name():
    table = (
        *(Conv(2, 1) for _ in range(10)),
        Conv(4, 1, groups=2),
        BatchNorm(),
        Pool(),
        Flatten(),
        Dense(None),
    )
    model = build_model(Architecture("n", "", 4, 2, table), 2)
    found = {
        x.name: [y.name for y in layers_of(model, x.name)]
        for x in trace(Architecture("n", "", 4, 2, table), 2)
    }
    assert found["conv1"] == ["conv1"] and found["conv10"] == ["conv10"]
    assert found["conv11"] == ["conv11_1", "conv11_2"]
    assert found["batchnorm1"] == ["batchnorm1"]
    assert found["pool1"] == found["flatten1"] == layers_of(model, "conv12") == []
    assert sum(len(x) for x in found.values()) == len(
        [x for x in model.layers if x.weights]
    )


def test_weights_are_put_into_layers_and_groups():
    model = build_model(TINY, 3, seed=1)
    before = {x.path: np.asarray(x) for x in model.weights}
    shapes = [(3, 3, 4, 16), (16,)]
    arrays = tuple(
        np.random.default_rng(i).normal(size=x).astype(np.float32)
        for i, x in enumerate(shapes)
    )
    put_weights(model, [
        LayerMatch("conv1", "5 x 5 x 3 x 8", "new, the file has none"),
        LayerMatch("conv2", "3 x 3 x 4 x 16", "loaded", arrays),
        LayerMatch("extra", "", "left out, no such layer here"),
    ])  # fmt: skip
    parts = layers_of(model, "conv2")
    for i, array in enumerate(arrays):
        joined = np.concatenate([np.asarray(x.weights[i]) for x in parts], axis=-1)
        np.testing.assert_array_equal(joined, array)
    for variable in model.weights:
        if "conv2" not in variable.path:
            np.testing.assert_array_equal(variable, before[variable.path])


def test_keras_pools_small_maps_as_torchs_adaptive_pooling_does():
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    x = np.random.default_rng(0).random((2, 4, 4, 5), np.float32)
    ours = keras.layers.AdaptiveAveragePooling2D((6, 6))(x)
    channels_first = torch.tensor(x.transpose(0, 3, 1, 2).copy())
    theirs = torch.nn.AdaptiveAvgPool2d((6, 6))(channels_first)
    np.testing.assert_allclose(ours, theirs.numpy().transpose(0, 2, 3, 1), rtol=1e-5)
