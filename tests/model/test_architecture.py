"""`trace` never disagrees with Keras, and a table survives JSON."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
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


def _agrees_with_keras(arch, classes):
    from alexnet_cli.model.model import build_model

    rows = {x.name: x for x in trace(arch, classes)}
    model = build_model(arch, classes)
    assert model.count_params() == sum(x.parameters for x in rows.values())
    trainable = sum(w.value.shape.num_elements() for w in model.trainable_weights)
    assert trainable == sum(x.trainable for x in rows.values())
    for name, row in rows.items():
        layer = [x for x in model.layers if x.name in (name, f"{name}_join")][-1]
        assert tuple(layer.output.shape[1:]) == row.shape, name
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_keras_agrees_on_the_named_networks(name):
    _agrees_with_keras(ARCHITECTURES[name], ARCHITECTURES[name].classes)


blocks = st.lists(
    st.one_of(
        st.builds(
            Conv,
            filters=st.sampled_from((4, 8)),
            kernel=st.integers(1, 5),
            stride=st.integers(1, 2),
            padding=st.sampled_from(("same", "valid", 0, 1, 2)),
            groups=st.sampled_from((1, 2, 4)),
            use_bias=st.booleans(),
        ),
        st.builds(Pool, size=st.integers(1, 3), stride=st.integers(1, 3)),
        st.sampled_from((ReLU(), LocalNorm(), BatchNorm(), Dropout(0.3))),
    ),
    max_size=6,
)


@given(blocks, st.integers(8, 40), st.integers(2, 6))
@settings(max_examples=20)
def test_keras_agrees_on_any_table(layers, size, classes):
    table = (Conv(4, 3), *layers, Flatten(), Dense(7), Dense(None))
    arch = Architecture("any", "hypothesis", size, classes, table)
    try:
        list(trace(arch, classes))
    except RecipeError:
        return
    _agrees_with_keras(arch, classes)


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_survives_json(arch):
    assert Architecture.from_dict(json.loads(json.dumps(arch.to_dict()))) == arch


@given(blocks, st.integers(1, 40), st.integers(1, 6), st.text(), st.text())
def test_any_table_survives_json(layers, size, classes, name, source):
    arch = Architecture(name, source, size, classes, tuple(layers))
    assert Architecture.from_dict(json.loads(json.dumps(arch.to_dict()))) == arch


@pytest.mark.parametrize("change", [
    lambda x: x.pop("layers"), lambda x: x.pop("name"), lambda x: x.update(unknown=1),
    lambda x: x["layers"].append({}), lambda x: x["layers"].append({"kind": "Attention"}),
    lambda x: x["layers"].append({"kind": "Conv"}), lambda x: x["layers"].append({"kind": "ReLU", "size": 1}),
    lambda x: x.update(layers=[3]), lambda x: x.update(layers=3),
])  # fmt: skip
def test_what_is_not_a_table_is_refused_by_the_errors_it_names(change):
    data = ARCHITECTURES["tiny"].to_dict()
    change(data)
    with pytest.raises((KeyError, TypeError, AttributeError)):
        Architecture.from_dict(data)


def test_layers_are_numbered_by_kind():
    names = [x.name for x in trace(ARCHITECTURES["tiny"], 3)]
    assert names == [
        "conv1", "relu1", "localnorm1", "pool1", "conv2", "relu2", "batchnorm1", "pool2",
        "flatten1", "dense1", "relu3", "dropout1", "dense2",
    ]  # fmt: skip


def test_classes_change_only_the_last_layer():
    few, many = (list(trace(ARCHITECTURES["alexnet-half"], x)) for x in (2, 1000))
    assert few[:-1] == many[:-1]
    assert (few[-1].shape, many[-1].shape) == ((2,), (1000,))
    assert many[-1].parameters == 500 * few[-1].parameters


def test_an_image_too_small_is_refused():
    arch = Architecture("small", "", 8, 2, (Conv(4, 11, padding="valid"), Flatten()))
    with pytest.raises(RecipeError) as error:
        list(trace(arch, 2))
    assert str(error.value) == "small: the input of conv1, 8 x 8 x 3, is too small"
    pooled = dataclasses.replace(arch, layers=(Pool(), Pool(), Pool(), Flatten()))
    with pytest.raises(RecipeError, match="^small: the input of pool3, 1 x 1 x 3, is too"):
        list(trace(pooled, 2))


def test_channels_that_cannot_be_divided_are_refused():
    arch = Architecture("odd", "", 8, 2, (Conv(4, 3, groups=2), Flatten()))
    with pytest.raises(
        RecipeError, match="3 channels and 4 filters cannot be divided into 2"
    ):
        list(trace(arch, 2))
