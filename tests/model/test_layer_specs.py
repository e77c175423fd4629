"""What a layer record says of shapes and parameters is what Keras and arithmetic say."""

import dataclasses

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
from alexnet_cli.model.layer_specs import (
    KINDS,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LocalNorm,
    Output,
    Pool,
    ReLU,
    output_of,
)

sides = st.integers(7, 60)


@given(
    sides, sides, st.integers(1, 7), st.integers(1, 7), st.integers(1, 4),
    st.sampled_from(("same", "valid")),
)  # fmt: skip
@settings(max_examples=100)
def test_a_convolutions_shape_is_keras(height, width, filters, kernel, stride, padding):
    layer = keras.layers.Conv2D(filters, kernel, stride, padding)
    shape = layer.compute_output_shape((None, height, width, 3))[1:]
    conv = Conv(filters, kernel, stride, padding)
    assert output_of(conv, (height, width, 3), 2) == Output(
        shape, (3 * kernel**2 + 1) * filters
    )


@given(sides, st.integers(1, 7), st.integers(1, 4), st.integers(0, 4))
def test_padding_in_pixels_is_on_both_sides(side, kernel, stride, padding):
    padded = output_of(Conv(4, kernel, stride, padding), (side, side, 3), 2)
    larger = (side + 2 * padding, side + 2 * padding, 3)
    assert padded == output_of(Conv(4, kernel, stride, "valid"), larger, 2)
    if kernel == 2 * padding + 1:
        assert padded == output_of(Conv(4, kernel, stride, "same"), (side, side, 3), 2)


@given(sides, sides, st.integers(1, 5), st.integers(1, 5))
def test_a_pools_shape_is_keras(height, width, size, stride):
    shape = keras.layers.MaxPooling2D(size, stride).compute_output_shape(
        (None, height, width, 5)
    )
    assert output_of(Pool(size, stride), (height, width, 5), 2) == Output(shape[1:])


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_divide_the_weights_and_not_the_biases(groups):
    output = output_of(Conv(8, 3, groups=groups), (9, 9, 4), 2)
    assert output == Output((9, 9, 8), 9 * 4 * 8 // groups + 8)
    without = output_of(Conv(8, 3, groups=groups, use_bias=False), (9, 9, 4), 2)
    assert without.parameters == output.parameters - 8


@pytest.mark.parametrize("channels, filters, groups", [(3, 4, 2), (4, 6, 4), (1, 2, 2)])
def test_groups_of_unequal_size_are_refused(channels, filters, groups):
    with pytest.raises(RecipeError) as error:
        output_of(Conv(filters, 3, groups=groups), (9, 9, channels), 2)
    assert str(error.value) == (
        f"{channels} channels and {filters} filters cannot be divided into {groups} groups"
    )


@pytest.mark.parametrize("layer, shape, output", [
    (ReLU(), (4, 4, 3), Output((4, 4, 3))), (Dropout(), (7,), Output((7,))),
    (LocalNorm(), (4, 4, 3), Output((4, 4, 3))),
    (BatchNorm(), (4, 4, 3), Output((4, 4, 3), 12, fixed=6)), (BatchNorm(), (7,), Output((7,), 28, fixed=14)),
    (Flatten(), (4, 5, 3), Output((60,))),
    (Dense(10), (60,), Output((10,), 610)), (Dense(None), (60,), Output((2,), 122)),
])  # fmt: skip
def test_other_layers(layer, shape, output):
    assert output_of(layer, shape, 2) == output


def test_kinds_are_frozen_records_by_name():
    assert len(KINDS) == 8
    for name, kind in KINDS.items():
        assert kind.__name__ == name and kind.__doc__
        assert dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen


def test_defaults_are_the_papers_and_keras():
    # Section 3.4: overlapping pooling, 3 x 3 at every 2 pixels; 3.3: the constants.
    assert Pool() == Pool(size=3, stride=2)
    assert LocalNorm() == LocalNorm(n=5, k=2, alpha=1e-4, beta=0.75)
    keras_own = keras.layers.BatchNormalization()
    assert BatchNorm() == BatchNorm(keras_own.momentum, keras_own.epsilon)
