"""Files of weights are read by their content, never run code, and are one line if damaged."""

import bz2
import collections
import gzip
import lzma
import os
import pickle
from pathlib import Path

import ml_dtypes
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
    read_weights,
    tensor,
    torch_stream,
    torch_zip,
)
from weight_files import safetensors as safetensors_file

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.array_tree import MAX_ARRAYS
from alexnet_cli.model.pretrained.other_formats import NOT_WEIGHTS
from alexnet_cli.model.pretrained.weights_file import MAX_BYTES

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


@pytest.mark.parametrize("padding", range(64))
def test_a_safetensors_header_of_any_length_is_one(tmp_path, padding):
    """One length in 32 begins with the byte that pickles begin with."""
    data = safetensors.numpy.save({"w": NUMBERS}, {"comment": "x" * 8 * padding})
    (tmp_path / "w").write_bytes(data)
    np.testing.assert_array_equal(read_weights(tmp_path / "w")["w"], NUMBERS)


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
    ({}, " holds no arrays: save model.state_dict()"),
    ({"state_dict": {}}, " holds no arrays: save model.state_dict()"),
    ([1], " holds no arrays: save model.state_dict()"),
    ({"w": 3}, " holds no arrays: save model.state_dict()"),
    ({"w": np.array(["x"])}, " holds arrays of type 'U1': save them as float32 (w)"),
    ({"w": np.ones(2, complex)}, " holds arrays of type 'c16': save them as float32 (w)"),
    ({"n\x1b[31m": np.array(["x"])}, " holds arrays of type 'U1': save them as float32 (n\\x1b[31m)"),
    ({"w": np.ones(2, "M8[s]")}, " holds arrays of type 'M8': save them as float32 (w)"),
])  # fmt: skip
def test_a_table_of_something_else_is_refused(tmp_path, table, message):
    path, box = tmp_path / "w", np.empty((), object)
    box[()] = table
    path.write_bytes(numpy_table(box))
    assert refused(path) == message


def test_a_state_dict_may_lie_within_a_checkpoint(tmp_path):
    state = {"a": np.ones(2, np.float32), b"b\xe9": np.zeros(1, np.float32)}
    for table in (state, {"epoch": 3, "state_dict": state}, [3, (state,)]):
        (tmp_path / "w").write_bytes(pickle.dumps(table))
        assert read_weights(tmp_path / "w").keys() == {"a", "bé"}


def test_containers_in_themselves_and_in_many_places_are_read_once(tmp_path):
    loop = {"a": np.ones(2, "f4"), "name": "x" * 500, "y" * 500: np.ones(1)}
    loop["self"] = loop
    many = []
    for _ in range(60):
        many = [many, many]
    (tmp_path / "w").write_bytes(pickle.dumps([many, loop, loop]))
    assert read_weights(tmp_path / "w").keys() == {"a"}


def test_too_many_arrays_are_refused(tmp_path):
    array = np.ones(1, "f4")
    (tmp_path / "w").write_bytes(pickle.dumps([array] * (MAX_ARRAYS + 1)))
    assert refused(tmp_path / "w").startswith(" holds more than 20,000 arrays")


def test_an_array_in_many_places_is_no_more_than_the_file(tmp_path):
    array = np.arange(9999, dtype="f4")
    for count in (4, 5):
        (tmp_path / "w").write_bytes(pickle.dumps([array] * count))
        if count == 4:
            assert len(read_weights(tmp_path / "w")) == 4
    assert refused(tmp_path / "w").startswith(" holds tensors that share their numbers")


def test_a_file_that_is_missing_unreadable_or_too_large(tmp_path, monkeypatch):
    assert refused(tmp_path / "none.pth") == ": No such file or directory"
    assert refused(tmp_path) == ": Is a directory"
    path = tmp_path / "large"
    path.write_bytes(b"")
    os.truncate(path, MAX_BYTES + 1)
    assert refused(path) == " is larger than 4 GiB"
    path.write_bytes(b"hello, this is text")
    assert refused(path) == f" {NOT_WEIGHTS}"
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == ": not a regular file"
    assert refused(Path("/dev/zero")) == ": not a regular file"


@pytest.mark.parametrize("data, message", [
    (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer, not the file: run git lfs pull"),
    (gzip.compress(b"x", mtime=0), "is compressed with gzip: unpack it first"), (bz2.compress(b"x"), "is compressed with bzip2"),
    (lzma.compress(b"x"), "is compressed with xz"), (b"GGUF\x03", "is a GGUF file"), (bytes(257) + b"ustar", "is a tar archive"),
    (b"\x1c\0\0\0TFL3", "is a LiteRT (.tflite) model"), (b"\x08\x07\x12\x07pytorch", "is an ONNX model or a SavedModel"),
    (b"\n<!DOCTYPE html><html>", "is a web page"), (b"<HTML>", "is a web page"),
    (b"PK\x05\x06" + bytes(18), "is an empty zip archive"), (b"\x89PNG\r\n", "is an image"), (b"\xff\xd8\xff\xe0", "is an image"),
])  # fmt: skip
def test_other_formats_are_named(tmp_path, data, message):
    (tmp_path / "w.pth").write_bytes(data)
    assert refused(tmp_path / "w.pth").startswith(f" {message}")


@pytest.mark.parametrize("name, message", [
    ("a.onnx", "is an ONNX model"), ("saved_model.pb", "is a TensorFlow graph or SavedModel"),
    ("a.ckpt.index", "is part of a TensorFlow checkpoint"), ("a.data-00000-of-00001", "is part of a TensorFlow checkpoint"),
])  # fmt: skip
def test_other_formats_are_named_by_the_files_name(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"something")
    assert refused(tmp_path / name).startswith(f" {message}")


class Estimator:
    """Stands for one of scikit-learn."""


def test_a_pickled_object_is_named(tmp_path):
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Estimator()))
    assert refused(tmp_path / "w.pkl").endswith("Estimator, not of weights")


floats = st.sampled_from((np.float16, np.float32, np.float64, np.int32, np.int64))
state_dicts = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
    floats.flatmap(lambda x: hnp.arrays(x, hnp.array_shapes(min_dims=0, max_side=4))),
    max_size=4,
)


@given(state_dicts)
def test_what_safetensors_writes_is_read(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("s") / "w"
    path.write_bytes(safetensors.numpy.save(state, metadata={"format": "pt"}))
    if not state:
        return
    arrays = read_weights(path)
    assert arrays.keys() == state.keys()
    for name, value in state.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value)


def test_types_of_safetensors(tmp_path):
    values = np.arange(4).astype(ml_dtypes.bfloat16)
    entry = {**ENTRY, "dtype": "BF16", "data_offsets": [0, 8]}
    path = tmp_path / os.fsdecode(b"\xff.safetensors")
    path.write_bytes(safetensors_file({"w": entry}, values.tobytes()))
    assert read_weights(path)["w"].dtype == np.float32
    np.testing.assert_array_equal(read_weights(path)["w"], values.astype(np.float32))
    path = tmp_path / "w"
    path.write_bytes(
        safetensors_file(
            {"w": {**entry, "dtype": "F8_E4M3", "data_offsets": [0, 4]}}, bytes(4)
        )
    )
    assert refused(path).startswith(" holds numbers of type F8_E4M3: save")


@pytest.mark.parametrize("change", [
    {"data_offsets": [0, 99]}, {"data_offsets": [-8, 8]}, {"data_offsets": [16, 0]}, {"data_offsets": [0, 12]},
    {"shape": [5]}, {"shape": [-4]}, {"shape": [2**62, 4]}, {"shape": ["a"]}, {"dtype": "F7"}, {"dtype": []},
    {"data_offsets": None}, {"shape": None},
])  # fmt: skip
def test_a_header_that_does_not_describe_its_tensors_is_damaged(tmp_path, change):
    (tmp_path / "w").write_bytes(safetensors_file({"w": {**ENTRY, **change}}))
    assert refused(tmp_path / "w").startswith(" is damaged: ")


@pytest.mark.parametrize(
    "header", [b"{", b'{"w": 3}', b'{"w": []}', b"{\xff", b"{" * 10**5]
)
def test_a_header_that_is_not_one_is_damaged(tmp_path, header):
    (tmp_path / "w").write_bytes(safetensors_file(header))
    assert refused(tmp_path / "w").startswith(" is damaged: ")


@pytest.mark.parametrize("protocol", [0, 1])
def test_pickles_of_the_first_protocols_are_weights(tmp_path, protocol):
    state = {"w": np.arange(6, dtype="f4").reshape(2, 3), "b": np.array([1.5, 1e-9])}
    for table in (
        state,
        [state],
        (state, 3),
        collections.OrderedDict(state),
        [3, (state,)],
    ):
        (tmp_path / "w").write_bytes(pickle.dumps(table, protocol))
        found = read_weights(tmp_path / "w")
        assert found.keys() == state.keys()
        np.testing.assert_array_equal(found["w"], state["w"])
        np.testing.assert_array_equal(found["b"], state["b"])


def test_a_pickle_that_python_2_wrote_by_default(tmp_path):
    """Its arrays are STRINGs with escapes; NumPy of Python 3 reads them with latin1."""
    body = (
        b"(dp1\nS'conv1'\np2\ncnumpy.core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n(I0\ntS'b'\n"
        b"tRp5\n(I1\n(I2\ntcnumpy\ndtype\np6\n(S'f4'\nI0\nI1\ntRp7\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\nS'\\x00\\x00\\x80?\\x00\\x00\\xc8B'\ntbs."
    )  # fmt: skip
    theirs = pickle.loads(body, encoding="latin1")
    np.testing.assert_array_equal(theirs["conv1"], [1, 100])
    (tmp_path / "w").write_bytes(body)
    np.testing.assert_array_equal(read_weights(tmp_path / "w")["conv1"], theirs["conv1"])


@pytest.mark.parametrize("text", [
    b"(hello)", b"city\nname\nfoo", b"cat\ndog\n(hello", b"[1, 2]", b"{}", b"}", b"]", b"(dog)", b"List of\n", b"(lambda x)",
    b"conv1\nconv2\nconv3\n", b"I1\n.", b"(Version 1)\nby me\n", b"(define x)\n", b"c\n\n", b"cc\ndd\npython\n", b"(dp)", b"a,b\n1,2\n",
])  # fmt: skip
def test_text_is_no_pickle(tmp_path, text):
    (tmp_path / "w").write_bytes(text)
    assert refused(tmp_path / "w") == f" {NOT_WEIGHTS}"
