"""Files of weights are read by their content, never run code, and are one line if damaged."""

import os
import pickle

import numpy as np
import pytest
import safetensors.numpy
from helpers import SHARED
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from weight_files import (
    FOUR,
    NUMBERS,
    hostile,
    numpy_table,
    tensor,
    torch_stream,
    torch_zip,
)
from weight_files import safetensors as safetensors_file

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained import readers
from alexnet_cli.model.pretrained.readers import from_safetensors, read_weights

TABLE = {"conv1": [np.ones((2, 2, 3, 64), np.float32), np.ones(64, np.float32)]}
ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
SOUND = {
    "npy": numpy_table(TABLE),
    "zip": torch_zip(tensor((4,), (1,)), FOUR),
    "stream": torch_stream(tensor((4,), (1,))),
    "safetensors": safetensors_file({"w": ENTRY}, NUMBERS.tobytes()),
}


def refused(path):
    """The message about the file at `path`, without its name."""
    with pytest.raises(WeightsError) as error:
        read_weights(path)
    assert str(error.value).isprintable() and str(error.value).startswith(str(path))
    return str(error.value).removeprefix(str(path))


@pytest.mark.parametrize("name", hostile(SHARED))
def test_hostile_files_are_one_line_and_run_nothing(tmp_path, name):
    path = tmp_path / "weights"
    path.write_bytes(hostile(tmp_path)[name])
    refused(path)
    assert not (tmp_path / "pwned").exists()
    assert not (tmp_path / "evil.txt").exists() and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kind", SOUND)
def test_files_are_read_by_content_whatever_their_name(tmp_path, kind):
    path = tmp_path / "weights.jpg"
    path.write_bytes(SOUND[kind])
    arrays = read_weights(path)
    if kind == "npy":
        assert {k: v.shape for k, v in arrays.items()} == {
            "conv1/0": (2, 2, 3, 64),
            "conv1/1": (64,),
        }
    else:
        assert arrays.keys() == {"w"}
        np.testing.assert_array_equal(arrays["w"], NUMBERS)


@pytest.mark.parametrize("kind", SOUND)
def test_files_cut_anywhere_are_damaged(tmp_path, kind):
    data, path = SOUND[kind], tmp_path / "w"
    for end in range(0, len(data) - 1, max(1, len(data) // 60)):
        path.write_bytes(data[:end])
        refused(path)


def damaged(data):
    """Some bytes of `data` changed."""
    places = st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255))
    return st.lists(places, min_size=1, max_size=8).map(
        lambda changes: bytes({**dict(enumerate(data)), **dict(changes)}.values())
    )


@pytest.mark.parametrize("kind", ["zip", "stream", "safetensors"])
@given(data=st.data())
def test_files_with_changed_bytes_are_arrays_or_one_line(tmp_path_factory, kind, data):
    path = tmp_path_factory.mktemp("w") / "w"
    path.write_bytes(data.draw(damaged(SOUND[kind])))
    try:
        arrays = read_weights(path)
    except WeightsError as error:
        assert str(error).isprintable() and str(error).startswith(str(path))
    else:
        assert all(isinstance(x, np.ndarray) for x in arrays.values())


@given(st.binary(max_size=60) | st.sampled_from((b"PK\x03\x04", b"\x80", b"\x93NUMPY")).flatmap(
    lambda x: st.binary(max_size=60).map(lambda y: x + y)))  # fmt: skip
def test_no_bytes_at_all_are_a_traceback(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("w") / "w"
    path.write_bytes(data)
    refused(path)


@pytest.mark.parametrize("table, message", [
    ({}, " holds no arrays"),
    ({"state_dict": {}}, " holds no arrays"),
    ([1], " does not hold a dictionary of weights"),
    ({"w": 3}, " holds something other than an array: 'w'"),
    ({"w": [np.ones(2), "x"]}, " holds something other than an array: 'w'"),
    ({3: np.ones(2)}, " holds something other than an array: 3"),
    ({"n\x1b[31m": "x"}, " holds something other than an array: 'n\\x1b[31m'"),
    ({"x" * 500: "x"}, f" holds something other than an array: {'x' * 500!r}"[:201]),
])  # fmt: skip
def test_a_table_of_something_else_is_refused(tmp_path, table, message):
    path, box = tmp_path / "w", np.empty((), object)
    box[()] = table
    path.write_bytes(numpy_table(box))
    assert refused(path) == message


def test_a_state_dict_may_lie_within_a_checkpoint(tmp_path):
    state = {"a": np.ones(2, np.float32), b"b\xe9": np.zeros(1, np.float32)}
    for table in (state, {"epoch": 3, "state_dict": state}):
        (tmp_path / "w").write_bytes(numpy_table(table))
        assert read_weights(tmp_path / "w").keys() == {"a", "bé"}


def test_a_file_that_is_missing_unreadable_or_too_large(tmp_path, monkeypatch):
    assert refused(tmp_path / "none.pth") == ": No such file or directory"
    assert refused(tmp_path) == ": Is a directory"
    path = tmp_path / "large"
    path.write_bytes(b"")
    os.truncate(path, readers.MAX_BYTES + 1)
    assert refused(path) == " is larger than 4 GiB"
    path.write_bytes(b"hello, this is text")
    assert (
        refused(path)
        == " is not a file of weights (.pth, .safetensors, .npy or .weights.h5)"
    )


floats = st.sampled_from((np.float16, np.float32, np.float64, np.int32, np.int64))
state_dicts = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
    floats.flatmap(lambda x: hnp.arrays(x, hnp.array_shapes(min_dims=0, max_side=4))),
    max_size=4,
)


@given(state_dicts)
def test_what_safetensors_writes_is_read(state):
    arrays = from_safetensors(safetensors.numpy.save(state, metadata={"format": "pt"}))
    assert arrays.keys() == state.keys()
    for name, value in state.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value)


@pytest.mark.parametrize("change, message", [
    ({"data_offsets": [0, 99]}, "is damaged: a tensor ends beyond the end of the file"),
    ({"data_offsets": [-8, 8]}, "is damaged: a tensor ends beyond the end of the file"),
    ({"data_offsets": [16, 0]}, "is damaged: a tensor ends beyond the end of the file"),
    ({"data_offsets": [0, 12]}, "holds a storage of 4 numbers in 12 bytes"),
    ({"shape": [5]}, "holds a storage of 5 numbers in 16 bytes"),
    ({"shape": [-4]}, "holds a storage of -4 numbers in 16 bytes"),
    ({"shape": [-2, -2]}, "is damaged: "), ({"shape": ["a"]}, "holds a storage of a numbers in 16 bytes"),
    ({"dtype": "F7"}, "is damaged: 'F7'"), ({"dtype": []}, "is damaged: "),
    ({"data_offsets": None}, "is damaged: "), ({"shape": None}, "is damaged: "),
])  # fmt: skip
def test_a_header_that_does_not_describe_its_tensors_is_damaged(change, message):
    with pytest.raises(WeightsError) as error:
        from_safetensors(safetensors_file({"w": {**ENTRY, **change}}))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[]", b"3", b'{"w": 3}', b'{"w": []}', b"\xff", b"[" * 10**5, b"NaN"],
)
def test_a_header_that_is_not_one_is_damaged(header):
    with pytest.raises(WeightsError, match="^is damaged: "):
        from_safetensors(safetensors_file(header))


def test_pickles_in_python_2s_text_protocol_are_not_weights(tmp_path):
    (tmp_path / "w").write_bytes(pickle.dumps({"w": 1}, 0))
    assert refused(tmp_path / "w").startswith(" is not a file of weights")
