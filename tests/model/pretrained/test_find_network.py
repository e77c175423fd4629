"""An AlexNet is told by names or shapes; what training keeps beside it is not taken for it."""

import copy
import pickle

import numpy as np
import pytest

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained

torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
nn = torch.nn
OWT = ARCHITECTURES["alexnet-owt"]
pytestmark = pytest.mark.filterwarnings("ignore")
SIZES = ((3, 6, 11), (6, 8, 5), (8, 10, 3), (10, 8, 3), (8, 4, 3))
DENSE = ((144, 20), (20, 12), (12, 3))
USUAL = [f"features.{i}" for i in (0, 3, 6, 8, 10)] + [f"classifier.{i}" for i in (1, 4, 6)]


def layers(dense=DENSE):
    """Modules with kernels, the same each time."""
    torch.manual_seed(0)
    convs = [nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in SIZES]
    return convs + [nn.Linear(i, o) for i, o in dense]


LAYERS = layers()


def named(*names, form="{}.{}"):
    """A state dictionary of LAYERS by these names."""
    return {
        form.format(name, kind): getattr(layer, kind).detach()
        for name, layer in zip(names, LAYERS, strict=False)
        for kind in ("weight", "bias")
    }


def require_layers(weights, expected=None):
    """Check that `weights` are those of LAYERS, or of [kernel, bias] for each."""
    expected = expected or [(x.weight, x.bias) for x in LAYERS]
    names = [f"conv{i}" for i in range(1, 6)] + [f"dense{i}" for i in range(1, 4)]
    assert [*weights.layers] == names[: len(expected)]
    for (kernel, bias), found in zip(expected, weights.layers.values(), strict=True):
        kernel, bias = kernel.detach().numpy(), bias.detach().numpy()
        if kernel.ndim == 2 and kernel.shape[1] == 144:
            kernel = kernel.reshape(-1, 4, 6, 6).transpose(0, 2, 3, 1).reshape(-1, 144)
        axes = (2, 3, 1, 0) if kernel.ndim == 4 else (1, 0)
        np.testing.assert_allclose(found[0], kernel.transpose(axes), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found[1], bias, rtol=1e-4, atol=1e-6)


def read(tmp_path, content):
    torch.save(content, tmp_path / "w")
    return read_pretrained(tmp_path / "w", OWT)


FC = ("fc1", "fc2", "fc3")
FORMS = {
    "the tutorial": named(*(f"layer{i}.0" for i in range(1, 6)), "fc.1", "fc1.0", "fc2.0"),
    "conv1 and fc1": named(*(f"conv{i}" for i in range(1, 6)), *FC), "conv1 and fc6": named(*(f"conv{i}" for i in range(1, 6)), "fc6", "fc7", "fc8"),
    "conv.0": named(*(f"conv.{i}" for i in (0, 3, 6, 8, 10)), "fc.0", "fc.3", "fc.6"), "net.0": named(*(f"net.{i}" for i in (0, 3, 6, 8, 10, 14, 17, 20))),
    "in blocks": named(*(f"conv{i}.0" for i in range(1, 6)), "fc.1", "fc.4", "out"), "c1": named("c1", "c3", "c5", "c6", "c7", "f8", "f9", "f10"),
    "underscores": named(*(x.replace(".", "_") for x in USUAL), form="{}_{}"), "another classifier": named(*USUAL[:5], "fc.1", "fc.4", "fc.7"),
    "numbers": named("0", "3", "6", "8", "10", "14", "17", "20"), "pairs": [*named(*USUAL).items()], "layers": named(*(f"layers.{i}" for i in range(8))),
    "values": [*named(*USUAL).values()], "encoder": named(*(f"m.enc.{i}" for i in range(5)), *(f"m.dec.{i}" for i in range(3))),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_layers_are_found_whatever_their_names(tmp_path, name):
    for content in (
        FORMS[name],
        {"epoch": 3, "model": FORMS[name], "log": torch.ones(2, 2)},
    ):
        require_layers(read(tmp_path, content))
    (tmp_path / "w").write_bytes(pickle.dumps(FORMS[name]))
    require_layers(read_pretrained(tmp_path / "w", OWT))


def test_the_order_is_said_and_safetensors_have_another(tmp_path):
    from safetensors.torch import save_file

    layout = read(tmp_path, FORMS["the tutorial"]).layout
    assert layout == "torchvision's (layer1.0.weight to fc2.0.weight, by their order)"
    for name in ("the tutorial", "net.0", "conv.0"):
        save_file(FORMS[name], tmp_path / "w")
        require_layers(read_pretrained(tmp_path / "w", OWT))


def test_convolutions_alone(tmp_path):
    """As model.features.state_dict() has them."""
    for numbers in ((0, 3, 6, 8, 10), range(5)):
        state = named(*map(str, numbers))
        require_layers(read(tmp_path, state), [(x.weight, x.bias) for x in LAYERS[:5]])


def test_a_network_of_two_dense_layers_ends_with_its_head(tmp_path):
    state = named(*(f"a{i}" for i in range(6)))
    state |= {"head.weight": torch.ones(3, 20), "head.bias": torch.ones(3)}
    assert [*read(tmp_path, state).layers][-2:] == ["dense1", "dense3"]


@pytest.mark.parametrize("change", [
    {"layer3.0.weight": torch.ones(10, 9, 3, 3)}, {"layer1.0.weight": torch.ones(6, 4, 11, 11)}, {"extra.weight": torch.ones(4, 4, 3, 3)},
    {"fc1.0.weight": torch.ones(12, 21)}, {"fc.1.weight": torch.ones(20, 145)}, {"a.weight": torch.ones(3, 3)}, {"layer2.0.weight": torch.ones(8, 6, 5, 3)},
])  # fmt: skip
def test_what_does_not_fit_together_is_no_alexnet(tmp_path, change):
    with pytest.raises(WeightsError, match="holds a ResNet|has arrays named"):
        read(tmp_path, {**FORMS["the tutorial"], **change})


def with_norms(bias=True):
    """A network whose convolutions and first dense layers are normalized, and its parts."""
    torch.manual_seed(1)
    blocks = []
    for i, o, k in SIZES:
        conv = nn.Conv2d(i, o, k, padding=k // 2, bias=bias)
        blocks.append(nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)))
    model = nn.Module()
    for n, block in enumerate(blocks, 1):
        setattr(model, f"layer{n}", block)
    model.fc = nn.Sequential(
        nn.Dropout(), nn.Linear(144, 20), nn.BatchNorm1d(20), nn.ReLU()
    )
    model.fc1 = nn.Sequential(nn.Dropout(), nn.Linear(20, 12), nn.ReLU())
    model.fc2 = nn.Sequential(nn.Linear(12, 3))
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 2), nn.init.normal_(norm.bias)
            nn.init.normal_(norm.running_mean), nn.init.uniform_(norm.running_var, 0.1, 3)
    return model.eval()


def forward(model, x):
    for name in ("layer1", "layer2", "layer3", "layer4", "layer5"):
        x = getattr(model, name)(x)
    return model.fc2(model.fc1(model.fc(x.flatten(1))))


def without_norms(weights):
    """A network of torch without normalization, of the weights that were read."""
    model = with_norms()
    for n, (kernel, bias) in enumerate(weights.layers.values()):
        name, at = (
            (f"layer{n + 1}", 0) if n < 5 else (("fc", 1), ("fc1", 1), ("fc2", 0))[n - 5]
        )
        block = getattr(model, name)
        kernel = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        if kernel.shape == (20, 144):
            kernel = kernel.reshape(20, 6, 6, 4).transpose(0, 3, 1, 2).reshape(20, 144)
        block[at].weight.data = torch.tensor(kernel.copy())
        block[at].bias = nn.Parameter(torch.tensor(bias))
        for i, layer in enumerate(block):
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                block[i] = nn.Identity()
    return model


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("names", ["the tutorial's", "torchvision's"])
def test_batch_normalization_is_folded_and_answers_stay(tmp_path, bias, names):
    model = with_norms(bias)
    x = torch.randn(2, 3, 192, 192)
    state = model.state_dict()
    if names == "torchvision's":
        for n in range(1, 6):
            for old, new in ((0, 4 * n - 4), (1, 4 * n - 3)):
                state = {
                    k.replace(f"layer{n}.{old}.", f"features.{new}."): v
                    for k, v in state.items()
                }
        for old, new in (("fc.1", 1), ("fc.2", 2), ("fc1.1", 5), ("fc2.0", 7)):
            state = {
                k.replace(f"{old}.", f"classifier.{new}."): v for k, v in state.items()
            }
    weights = read(tmp_path, state)
    assert weights.changes["conv1"][-1] == "BatchNorm folded in" and "dense2" not in str(
        weights.unknown
    )
    assert weights.unknown == ()
    with torch.no_grad():
        theirs, ours = forward(model, x), forward(without_norms(weights), x)
    assert theirs.std() > 1e-3
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * theirs.abs().max().item())


def test_batch_normalization_in_another_order_is_named(tmp_path):
    """After the ReLU it cannot be folded; beside, its place is not known."""
    state = named(*USUAL)
    for norm in ("features.2", "bn1"):
        parts = {
            x: torch.ones(6) for x in ("weight", "bias", "running_mean", "running_var")
        }
        changed = {**state, **{f"{norm}.{k}": v for k, v in parts.items()}}
        weights = read(tmp_path, changed)
        require_layers(weights)
        assert "trained with BatchNorm, which is left out" in weights.changes["conv1"][-1]


def test_weight_norm_pruning_and_spectral_norm(tmp_path):
    from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

    def state(change, **options):
        model = nn.Module()
        model.features, model.classifier = nn.Module(), nn.Module()
        for name, layer in zip(USUAL, copy.deepcopy(LAYERS), strict=True):
            part, number = name.split(".")
            getattr(model, part).add_module(number, change(layer, **options))
        # What the layers compute with.
        used = [
            (x.weight.detach().clone(), x.bias.detach())
            for x in (*model.features.children(), *model.classifier.children())
        ]
        return model, used

    def pruned(layer):
        prune.l1_unstructured(layer, "bias", 0.2)
        return prune.l1_unstructured(layer, "weight", 0.5)

    def scaled(norm, **options):
        def change(layer):
            layer = norm(layer, **options)
            for name, value in layer.named_parameters():
                if name.endswith(("weight_g", "original0")):
                    value.data *= 1.5
            layer(
                torch.ones(
                    1,
                    *(
                        (3, 12, 12)
                        if layer.weight.shape[1] == 3
                        else layer.weight.shape[1:]
                    ),
                )
            )
            return layer

        return change

    for change in (
        pruned,
        scaled(weight_norm),
        scaled(weight_norm, dim=None),
        scaled(parametrizations.weight_norm),
    ):
        model, used = state(change)
        for content in (model.state_dict(), model.state_dict() | {"epoch": 3}):
            require_layers(read(tmp_path, content), used)
    with pytest.raises(WeightsError, match="spectral_norm: call torch.nn.utils.remove_sp"):
        read(tmp_path, state(spectral_norm)[0].state_dict())


STATE = named(*USUAL)
OTHER = {k: v + 1 for k, v in STATE.items()}
BESIDE = [
    {"optim": {"exp_avg": OTHER, "exp_avg_sq": OTHER}, "net": STATE}, {"init_state_dict": OTHER, "state_dict": STATE},
    {"last": OTHER, "best": STATE}, {"fisher": OTHER, "model": STATE}, {"grads": OTHER, "model": STATE},
    {"optimizer": {"momentum_buffer": OTHER}, "model": STATE}, {"exp_avg": OTHER, "z": STATE}, {"opt_state": [OTHER], "params": STATE},
    {"gradients": OTHER, "weights": STATE}, {"model_last": OTHER, "model_best": STATE}, {"initial": OTHER, "final": STATE},
    {"last": OTHER, "model": STATE}, {"model": STATE, "last": OTHER}, {"scheduler": OTHER, "a": STATE}, {"old": OTHER, "ema": STATE},
    {"optimizer": OTHER, "model": {k: v for k, v in STATE.items() if "classifier" not in k}}, {0: {"grad": OTHER, "data": STATE}},
    {"optim": {"exp_avg": dict(zip(FORMS["net.0"], OTHER.values(), strict=True))}, "net": FORMS["net.0"]},
]  # fmt: skip


@pytest.mark.parametrize("content", BESIDE, ids=lambda x: " ".join(map(str, x)))
def test_what_training_keeps_is_not_the_network(tmp_path, content):
    weights = read(tmp_path, content)
    count = len(weights.layers)
    require_layers(weights, [(x.weight, x.bias) for x in LAYERS[:count]])
    if count == 8:
        assert "; the file also holds " in weights.layout


@pytest.mark.parametrize("key", ["exp_avg", "optim.exp_avg_sq", "grads", "fisher"])
def test_a_file_of_nothing_else_is_refused(tmp_path, key):
    with pytest.raises(
        WeightsError, match="holds only what training keeps beside the weights"
    ):
        read(tmp_path, {key: STATE})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
@pytest.mark.parametrize("name", ["features.3.weight", "features.3.bias"])
def test_numbers_that_are_not_finite_are_refused(tmp_path, value, name):
    state = {k: v.double().clone() for k, v in STATE.items()}
    state[name].flatten()[-1] = value
    with pytest.raises(WeightsError) as error:
        read(tmp_path, state)
    assert str(error.value) == (
        f"{tmp_path / 'w'}: conv2 has numbers that are not finite (NaN, or beyond float32): "
        f"the training that wrote it had failed; take an earlier file"
    )
    # Beside the weights they do not matter.
    read(tmp_path, {"model": STATE, "loss": torch.tensor(value)})


def test_a_long_log_beside_the_weights_is_passed_over(tmp_path):
    entries = [
        {"epoch": i, "loss": i / 7, "acc": i / 9, "lr": i / 11} for i in range(30_000)
    ]
    for log in (
        entries,
        [i / 3 for i in range(500_000)],
        {i: i / 3 for i in range(200_000)},
    ):
        require_layers(read(tmp_path, {"log": log, "model": STATE}))


def test_names_of_shared_keys_take_no_more_memory_than_the_file(tmp_path):
    """4,000 arrays below 20 keys of 200 characters: 16 MB for each list of their names."""
    import tracemalloc

    from alexnet_cli.model.pretrained.find_network import _by_shapes
    from alexnet_cli.model.pretrained.readers import weights_in

    table = {str(i): np.ones((1, 1), "f4") for i in range(4000)}
    for i in range(20):
        table = {chr(97 + i) * 200: table}
    (tmp_path / "w").write_bytes(pickle.dumps(table))
    with weights_in(tmp_path / "w") as contents:
        tracemalloc.start()
        assert _by_shapes(contents.arrays) == []
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_bias_that_is_a_list_is_no_array(tmp_path):
    table = {"conv1": {"weights": np.ones((11, 11, 3, 96)), "biases": [0.5] * 96}}
    (tmp_path / "w").write_bytes(pickle.dumps(table))
    with pytest.raises(WeightsError) as error:
        read_pretrained(tmp_path / "w", OWT)
    assert str(error.value) == (
        f"{tmp_path / 'w'}: conv1 has a kernel but no bias: save both as arrays (a list of "
        f"numbers is none)"
    )
