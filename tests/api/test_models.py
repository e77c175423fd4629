"""build_model takes a network or its name, and gives what the tables say."""

import numpy as np
import pytest

import alexnet_cli
from alexnet_cli import ARCHITECTURES, RecipeError, build_model
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.variants import with_norm


@pytest.fixture(scope="module")
def tiny():
    return build_model("tiny", 3)


def test_a_name_is_its_network(tiny):
    arch = ARCHITECTURES["tiny"]
    side = arch.input_size
    assert tiny.input_shape == (None, side, side, 3) and tiny.output_shape == (None, 3)
    assert tiny.count_params() == sum(x.parameters for x in trace(arch, 3))


def test_an_architecture_is_built_as_it_is():
    arch = with_norm(ARCHITECTURES["tiny"], "all")
    model = build_model(arch, 5)
    assert any(type(x).__name__ == "BatchNormalization" for x in model.layers)
    assert model.output_shape == (None, 5)


def test_it_is_a_keras_model_that_gives_logits(tiny):
    import keras

    assert isinstance(tiny, keras.Model)
    side = tiny.input_shape[1]
    logits = np.asarray(tiny(np.zeros((2, side, side, 3), np.float32)))
    assert logits.shape == (2, 3) and logits.dtype == np.float32


def test_equal_seeds_give_equal_weights(tiny):
    same, other = build_model("tiny", 3), build_model("tiny", 3, seed=1)
    for x, y, z in zip(*(m.get_weights() for m in (tiny, same, other)), strict=True):
        np.testing.assert_array_equal(x, y)
        # Biases start at a constant.
        assert x.ndim == 1 or not np.array_equal(x, z)


@pytest.mark.parametrize("name, text", [
    ("alexnett", "no such network: alexnett; did you mean alexnet?"),
    ("?", f"no such network: ?; choose from {', '.join(ARCHITECTURES)}"),
])  # fmt: skip
def test_an_unknown_name_is_an_error(name, text):
    with pytest.raises(RecipeError) as caught:
        build_model(name, 3)
    assert str(caught.value) == text


def test_a_network_needs_a_class():
    with pytest.raises(RecipeError, match="^classes must be at least 1, not 0$"):
        build_model("tiny", 0)


def test_the_public_name_is_this_function():
    from alexnet_cli.api import models

    assert alexnet_cli.build_model is models.build_model
