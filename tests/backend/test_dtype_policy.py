"""A dtype policy holds for its block, and for nothing after it."""

import keras
import numpy as np
import pytest

from alexnet_cli.backend.dtype_policy import dtype_policy


def dense():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return layer


@pytest.mark.parametrize(
    "name, compute",
    [("float32", "float32"), ("mixed_bfloat16", "bfloat16"), ("mixed_float16", "float16")],
)
def test_layers_of_the_block_compute_in_its_policy(name, compute):
    before = keras.config.dtype_policy()
    with dtype_policy(name):
        layer = dense()
    assert layer.compute_dtype == compute and layer.variable_dtype == "float32"
    assert keras.backend.standardize_dtype(layer(np.ones((1, 3))).dtype) == compute
    assert keras.config.dtype_policy() == before


def test_the_policy_before_comes_back_after_an_error_and_within_blocks():
    before = keras.config.dtype_policy()
    with pytest.raises(ZeroDivisionError), dtype_policy("mixed_bfloat16"):
        with dtype_policy("float32"):
            assert dense().compute_dtype == "float32"
        assert dense().compute_dtype == "bfloat16"
        raise ZeroDivisionError
    assert keras.config.dtype_policy() == before


def test_a_policy_that_does_not_exist_changes_nothing():
    before = keras.config.dtype_policy()
    with pytest.raises(ValueError), dtype_policy("float7"):
        pass
    assert keras.config.dtype_policy() == before
