"""Packed parameters come back as they were; every number has a column of its own."""

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.augmentation.parameters import WIDTH, AugmentationParameters

NAMES = tuple(x.name for x in fields(AugmentationParameters))
WIDTHS = {
    "affine": 6, "color_matrix": 9, "color_offset": 3, "pivot": 1, "own_share": 1,
    "pasted_box": 4, "erased_box": 4,
}  # fmt: skip


def random_parameters(count, seed=0):
    rng = np.random.default_rng(seed)
    return AugmentationParameters(
        **{name: rng.normal(size=(count, n)) for name, n in WIDTHS.items()}
    )


def test_every_field_has_its_columns():
    assert tuple(WIDTHS) == NAMES and sum(WIDTHS.values()) == WIDTH
    numbered = AugmentationParameters.unpack(np.arange(WIDTH)[None])
    found = [getattr(numbered, name)[0].tolist() for name in NAMES]
    assert {name: len(x) for name, x in zip(NAMES, found, strict=True)} == WIDTHS
    assert [x for columns in found for x in columns] == list(range(WIDTH))


@given(st.integers(0, 9), st.integers(0, 99))
def test_unpacking_undoes_packing(count, seed):
    parameters = random_parameters(count, seed)
    rows = parameters.pack()
    assert rows.shape == (count, WIDTH) and rows.dtype == np.float32
    again = AugmentationParameters.unpack(rows)
    for name in NAMES:
        expected = getattr(parameters, name).astype(np.float32)
        np.testing.assert_array_equal(getattr(again, name), expected, name)
    np.testing.assert_array_equal(again.pack(), rows)


def test_rows_of_a_batch_are_its_images():
    rows = random_parameters(7).pack()
    some = AugmentationParameters.unpack(rows[[5, 2]])
    np.testing.assert_array_equal(
        some.affine, AugmentationParameters.unpack(rows).affine[[5, 2]]
    )


def test_tensors_are_unpacked_too_within_a_graph():
    rows = random_parameters(3).pack()

    @tf.function(input_signature=[tf.TensorSpec((None, WIDTH), tf.float32)])
    def boxes(packed):
        return AugmentationParameters.unpack(packed).pasted_box

    expected = AugmentationParameters.unpack(rows).pasted_box
    np.testing.assert_array_equal(boxes(rows), expected)


def test_fields_of_different_batches_are_not_packed():
    parameters = random_parameters(3)
    short = {**vars(parameters), "pivot": np.zeros((2, 1))}
    with pytest.raises(ValueError, match="dimensions"):
        AugmentationParameters(**short).pack()
