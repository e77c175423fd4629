"""Weights are loaded where their shapes fit, and `frozen_layers` names what stays as loaded."""

import pickle
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import TINY, alexnet, fails, npy
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
from alexnet_cli.inference.network import load_network
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture, trace
from alexnet_cli.model.layer_specs import BatchNorm, Conv, Dense, Flatten, Pool
from alexnet_cli.model.model import build_model, layers_of, put_weights
from alexnet_cli.model.pretrained.layouts import PretrainedWeights
from alexnet_cli.model.pretrained.matching import (
    LayerMatch,
    frozen_layers,
    match_layers,
    require_frozen_loaded,
)
from alexnet_cli.model.variants import with_norm
from alexnet_cli.run.run import Run

HALF = ARCHITECTURES["alexnet-half"]
SMALL = Architecture(
    "small",
    "",
    8,
    2,
    (
        Conv(4, 3),
        BatchNorm(),
        Conv(6, 3, groups=2, use_bias=False),
        Pool(),
        Flatten(),
        Dense(5),
        Dense(None),
    ),
)


def pretrained(layers, unknown=(), changes=None):
    return PretrainedWeights("ours", layers, "", "", changes or {}, unknown)


def arrays(*shapes):
    return tuple(np.zeros(x, np.float32) for x in shapes)


FITTING = {
    "conv1": arrays((3, 3, 3, 4), (4,)),
    "batchnorm1": arrays((4,), (4,), (4,), (4,)),
    "conv2": arrays((3, 3, 2, 6)),
    "dense1": arrays((54, 5), (5,)),
    "dense2": arrays((5, 2), (2,)),
}


@pytest.mark.parametrize("head", [False, True])
def test_what_fits_is_loaded_and_the_last_layer_only_if_it_is_wanted(head):
    matches = match_layers(pretrained(FITTING), SMALL, 2, head=head)
    assert [x.layer for x in matches] == list(FITTING)
    assert [x.shape for x in matches] == [
        "3 x 3 x 3 x 4",
        "4",
        "3 x 3 x 2 x 6",
        "54 x 5",
        "5 x 2",
    ]
    assert [x.result for x in matches[:-1]] == ["loaded"] * 4
    assert all(x.arrays is FITTING[x.layer] for x in matches[:-1])
    if head:
        assert matches[-1] == LayerMatch("dense2", "5 x 2", "loaded", FITTING["dense2"])
    else:
        assert matches[-1] == LayerMatch("dense2", "5 x 2", "new, for these classes")


@pytest.mark.parametrize("name, layer, result", [
    ("conv1", None, "new, the file has none"),
    ("conv1", arrays((3, 3, 3, 4)), "new, the file has 3 x 3 x 3 x 4"),
    ("conv1", arrays((3, 3, 3, 4), (5,)), "new, the file has 3 x 3 x 3 x 4"),
    ("conv1", arrays((5, 5, 3, 4), (4,)), "new, the file has 5 x 5 x 3 x 4"),
    ("conv2", arrays((3, 3, 4, 6)), "new, the file has 3 x 3 x 4 x 6"),
    ("conv2", arrays((3, 3, 2, 6), (6,)), "new, the file has 3 x 3 x 2 x 6"),
    ("batchnorm1", arrays((4,), (4,)), "new, the file has 4"),
    ("dense1", arrays((36, 5), (5,)), "new, the file has 36 x 5"),
])  # fmt: skip
def test_what_is_missing_or_of_another_shape_is_new(name, layer, result):
    layers = {k: v for k, v in FITTING.items() if k != name}
    matches = match_layers(
        pretrained(layers if layer is None else {**layers, name: layer}), SMALL, 2
    )
    found = next(x for x in matches if x.layer == name)
    assert (found.result, found.arrays) == (result, ())
    assert sum(bool(x.arrays) for x in matches) == 3


def test_other_classes_do_not_fit_the_last_layer():
    last = match_layers(pretrained(FITTING), SMALL, 3, head=True)[-1]
    assert last == LayerMatch("dense2", "5 x 3", "new, the file has 5 x 2")


NAMES = ("ant", "bee", "cat")
HEAD = {
    **FITTING,
    "dense2": (np.arange(15, dtype="f4").reshape(5, 3), np.arange(3, dtype="f4")),
}
"""Whose outputs are NAMES."""


def test_outputs_match_names_in_either_unicode_form():
    weights = replace(pretrained(HEAD), classes=("ant", "b\u00e9e", "cat"))
    last = match_layers(weights, SMALL, ("cat", "be\u0301e", "ant"))[-1]
    assert last.result == "loaded, head of the same classes, in another order"
    np.testing.assert_array_equal(last.arrays[1], [2, 1, 0])


@pytest.mark.parametrize("classes, result, columns, theirs", [
    (("ant", "bee", "cat"), "loaded, head of the same classes", None, [0, 1, 2]),
    (("cat", "ant", "bee"), "loaded, head of the same classes, in another order", None, [2, 0, 1]),
    (("cat", "bee"), "loaded, head of these classes and others, in another order", None, [2, 1]),
    (("ant", "cat"), "loaded, head of these classes and others", None, [0, 2]),
    (("bee", "dog", "eel", "ant", "fox"), "2 of 5 classes loaded, 3 new", (0, 3), [1, 0]),
    (("ant", "bee", "cat", "dog"), "3 of 4 classes loaded, 1 new", (0, 1, 2), [0, 1, 2]),
])  # fmt: skip
def test_outputs_of_the_same_classes_are_kept(classes, result, columns, theirs):
    weights = replace(pretrained(HEAD), classes=NAMES)
    last = match_layers(weights, SMALL, classes)[-1]
    assert (last.result, last.columns, last.shape) == (
        result,
        columns,
        f"5 x {len(classes)}",
    )
    for found, whole in zip(last.arrays, HEAD["dense2"], strict=True):
        np.testing.assert_array_equal(found, whole[..., theirs])
    network = build_model(SMALL, len(classes), seed=3)
    before = np.array(network.get_layer("dense2").kernel)
    put_weights(network, [last])
    after = np.array(network.get_layer("dense2").kernel)
    for i, name in enumerate(classes):
        source = HEAD["dense2"][0][:, NAMES.index(name)] if name in NAMES else before[:, i]
        np.testing.assert_array_equal(after[:, i], source)


@pytest.mark.parametrize("classes, own, layers, result", [
    (("dog", "eel"), NAMES, HEAD, "new, for these classes"),
    (NAMES, (), HEAD, "new, for these classes"),
    (NAMES, NAMES, {**HEAD, "dense2": arrays((6, 3), (3,))}, "new, the file has 6 x 3"),
    (NAMES, NAMES, {**HEAD, "dense2": arrays((5, 4), (4,))}, "new, the file has 5 x 4"),
    (NAMES, NAMES, {k: v for k, v in HEAD.items() if k != "dense2"}, "new, the file has none"),
    (NAMES, NAMES, {k: v for k, v in HEAD.items() if k != "dense1"}, "new, for these classes"),
])  # fmt: skip
def test_a_head_that_is_of_no_use_is_new(classes, own, layers, result):
    """Its inputs are what the other layers give: without all of them it is noise."""
    weights = replace(pretrained(layers), classes=own)
    last = match_layers(weights, SMALL, classes)[-1]
    assert (last.layer, last.result, last.arrays) == ("dense2", result, ())


def test_what_was_changed_is_named():
    changes = {"conv1": ("axes transposed", "channels from BGR to RGB")}
    matches = match_layers(pretrained(FITTING, changes=changes), SMALL, 2)
    assert matches[0].result == "loaded, axes transposed, channels from BGR to RGB"


def test_arrays_that_no_layer_takes_are_left_out():
    layers = {**FITTING, "dense3": arrays((2, 2), (2,))}
    matches = match_layers(pretrained(layers, unknown=("extra/0",)), SMALL, 2)
    result = "left out, no such layer here"
    assert matches[-2:] == [
        LayerMatch("dense3", "", result),
        LayerMatch("extra/0", "", result),
    ]


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_every_layer_with_parameters_has_a_row(arch):
    rows = [x.layer for x in match_layers(pretrained({}), arch, 3)]
    assert rows == [x.name for x in trace(arch, 3) if x.parameters]


def test_the_shapes_are_those_of_keras():
    arch = with_norm(ARCHITECTURES["tiny"], "all")
    network = build_model(arch, 3)
    layers = {}
    for row in trace(arch, 3):
        parts = [x.get_weights() for x in layers_of(network, row.name)]
        layers[row.name] = tuple(
            np.concatenate(x, axis=-1) for x in zip(*parts, strict=True)
        )
    matches = match_layers(
        pretrained({k: v for k, v in layers.items() if v}), arch, 3, head=True
    )
    assert {x.result for x in matches} == {"loaded"}


def test_freeze_counts_layers_with_kernels_and_takes_their_norms_along():
    assert frozen_layers(HALF, None) == frozen_layers(HALF, "none") == []
    assert frozen_layers(HALF, "1") == ["conv1", "batchnorm1"]
    assert frozen_layers(HALF, "2") == ["conv1", "batchnorm1", "conv2", "batchnorm2"]
    assert frozen_layers(HALF, "conv") == frozen_layers(HALF, "5")
    assert frozen_layers(HALF, "conv")[-1] == "conv5"
    assert frozen_layers(HALF, "all-but-head") == frozen_layers(HALF, "7")
    assert frozen_layers(HALF, "all-but-head")[-1] == "dense2"


@given(
    st.sampled_from(list(ARCHITECTURES)), st.sampled_from(("table", "all", "dense", "none"))
)
def test_more_frozen_layers_begin_with_fewer_and_never_hold_the_head(name, norm):
    arch = with_norm(ARCHITECTURES[name], norm)
    rows = [x.name for x in trace(arch, 3) if x.parameters]
    count = sum(isinstance(x, Conv | Dense) for x in arch.layers)
    frozen = [frozen_layers(arch, str(x)) for x in range(1, count)]
    for fewer, more in pairwise(frozen):
        assert fewer == more[: len(fewer)] and len(fewer) < len(more)
    assert all(x == rows[: len(x)] for x in frozen) and rows[-1] not in frozen[-1]


@pytest.mark.parametrize(
    "freeze", ["0", "8", "-1", "None", "dense", "1.5", "", "Conv", "\u00b2", "1 "]
)
def test_what_freezes_no_layers_is_refused(freeze):
    with pytest.raises(RecipeError) as error:
        frozen_layers(HALF, freeze)
    assert (
        str(error.value) == f"--freeze {freeze} is not conv, all-but-head, none, or 1 to 7"
    )


@pytest.mark.parametrize("freeze,lacking,refused", [
    ("2", ["conv2"], "conv2"), ("conv", ["conv1", "conv5"], "conv1"), ("1", ["conv2"], None),
    ("all-but-head", ["dense2"], "dense2"), ("2", ["batchnorm1"], None), ("2", [], None),
    ("none", ["conv1"], None), (None, ["conv1"], None),
])  # fmt: skip
def test_a_layer_that_nothing_is_loaded_into_is_not_frozen(freeze, lacking, refused):
    rows = [x.name for x in trace(HALF, 3) if x.parameters]
    found = (np.zeros(1, np.float32),)
    matches = [LayerMatch(x, "", "", () if x in lacking else found) for x in rows]
    with pytest.raises(RecipeError) if refused else nullcontext() as error:
        require_frozen_loaded(matches, HALF, freeze)
    if refused:
        assert str(error.value) == (
            f"--freeze {freeze}: {refused} is not in --weights and would stay as random as "
            "it begins; --freeze none trains all layers"
        )


# In training


def kernels(path):
    network = load_network(Run.open(path))
    return {x.path: np.asarray(x) for x in network.weights}


@pytest.mark.slow
def test_a_run_is_taken_over_frozen_and_then_all_learns(toy, trained, tmp_path):
    before = kernels(trained)
    options = (
        *TINY[:-10],
        "--size",
        "36",
        "--weights",
        trained,
        "--freeze",
        "conv",
        "--epochs",
        "2",
    )
    result = alexnet("train", "--data", toy, "--out", tmp_path / "f", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("loaded") == 5
    assert "loaded, head of the same classes" in result.stderr
    after = kernels(tmp_path / "f")
    for name, value in before.items():
        same = np.array_equal(value, after[name])
        assert same == ("conv" in name or "batchnorm" in name), name
    result = alexnet("train", "--data", toy, "--out", tmp_path / "u", *options, "--epochs", "4",
                     "--unfreeze-after", "2", "--watch", "val_loss")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = (tmp_path / "u" / "history.csv").read_text().splitlines()
    assert len(rows) == 5
    rates = [
        float(x.split(",")[rows[0].split(",").index("learning_rate")]) for x in rows[1:]
    ]
    assert rates[2] == pytest.approx(rates[1] / 10)
    if Run.open(tmp_path / "u").metrics["epoch"] > 2:
        after = kernels(tmp_path / "u")
        assert not any(
            np.array_equal(v, after[k]) for k, v in before.items() if "kernel" in k
        )


@pytest.mark.slow
def test_training_on_the_same_classes_goes_on_where_the_run_ended(toy, trained, tmp_path):
    """With a rate of nearly nothing; the classes are in another order."""
    out = tmp_path / "again"
    options = (
        "--weights",
        trained,
        "--learning-rate",
        "1e-8",
        "--epochs",
        "1",
        "--weight-decay",
        "0",
    )
    result = alexnet(
        "train", "--data", toy, "--out", out, *TINY, *options, "--optimizer", "sgd",
        "--classes", "red,blue,green",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "loaded, head of the same classes, in another order" in result.stderr
    before, after = Run.open(trained), Run.open(out)
    order = [before.classes.index(x) for x in after.classes]
    assert order == [2, 0, 1]
    old, new = kernels(trained), kernels(out)
    np.testing.assert_allclose(
        new["dense2/kernel"], old["dense2/kernel"][:, order], atol=1e-6
    )
    np.testing.assert_allclose(new["dense2/bias"], old["dense2/bias"][order], atol=1e-6)
    assert after.metrics["val_accuracy"] >= before.metrics["val_accuracy"] - 0.2 > 0.6


def test_weights_that_fit_nothing_and_wrong_options(toy, tmp_path):
    path = tmp_path / "w.npy"
    table = {"conv1": [np.ones((11, 11, 3, 64), np.float32), np.ones(64, np.float32)]}
    path.write_bytes(npy(pickle.dumps(np.array(table), 4)))
    for code, message, *words in (
        (3, "nothing in the file fits alexnet-half; it looks like alexnet-owt: use --config finetune or --arch alexnet-owt", "--weights", path, "--arch", "alexnet-half"),
        (2, "the weights were trained with imagenet", "--weights", path, "--arch", "alexnet-owt", "--mean", "0"),
        (3, "none.pth: No such file or directory", "--weights", tmp_path / "none.pth"),
        (2, "--freeze 99 is not conv, all-but-head, none, or 1 to 7", "--weights", path, "--arch", "alexnet-owt", "--freeze", "99"),
        (2, "--freeze has no effect here: it needs --weights", "--freeze", "conv"),
    ):  # fmt: skip
        fails(code, message, "train", "--data", toy, "--out", tmp_path / "o", *words)
        assert not (tmp_path / "o").exists()
