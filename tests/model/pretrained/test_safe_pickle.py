"""A pickle of arrays gives its arrays, and any other pickle an error: none runs code."""

import io
import pickle

import numpy as np
import pytest
from helpers import npy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from weight_files import Evil, numpy_table

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.safe_pickle import (
    MEMO,
    NUMPY,
    from_numpy,
    plain,
    unpickled,
)

arrays = st.sampled_from(("<f2", "<f4", "<f8", "<i4", "<i8")).flatmap(
    lambda x: hnp.arrays(x, hnp.array_shapes(max_dims=4, max_side=4))
)


@given(
    st.dictionaries(st.text(max_size=5), arrays | st.lists(arrays, max_size=3), max_size=4),
    st.integers(2, 4),
    st.booleans(),
)
def test_any_table_of_arrays_is_read_as_numpy_reads_it(table, protocol, fortran):
    # np.save has never used protocol 5, whose bytearrays are refused.
    if fortran:
        table = {
            k: np.asfortranarray(v) if isinstance(v, np.ndarray) else v
            for k, v in table.items()
        }
    read = from_numpy(numpy_table(table, protocol))
    assert read.keys() == table.keys()
    for name, value in table.items():
        assert isinstance(read[name], list) == isinstance(value, list)
        pairs = (
            zip(read[name], value, strict=True)
            if isinstance(value, list)
            else [(read[name], value)]
        )
        for ours, theirs in pairs:
            assert ours.dtype == theirs.dtype and not ours.flags.writeable
            np.testing.assert_array_equal(ours, theirs)


def test_pickles_of_python_2_are_read():
    """bvlc_alexnet.npy was written by it: text is bytes, the module is numpy.core."""
    body = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01)cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
        b"\x89]}U\x05conv1cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08\x00\x00\x80?\x00\x00\x00@tbsatb."
    )  # fmt: skip
    np.testing.assert_array_equal(from_numpy(npy(body))["conv1"], [1, 2])


def pickled(*opcodes):
    return b"\x80\x04" + b"".join(opcodes) + b"."


def array(dtype="f4", order="<", shape=(1,), data=bytes(4), state=None):
    """The pickle of an ndarray with these parts, sensible or not."""
    inner = lambda x: pickle.dumps(x, 2)[2:-1]  # noqa: E731
    number = b"cnumpy\ndtype\n" + inner(dtype) + b"\x89\x88\x87R"
    number += inner((3, order, None, None, None, -1, -1, 0)) + b"b"
    body = (
        b"(K\x01"
        + inner(shape)
        + number
        + b"\x89"
        + b"C"
        + bytes([len(data)])
        + data
        + b"t"
    )
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    return start + (inner(state) if state is not None else body) + b"b"


@pytest.mark.parametrize("body, message", [
    (pickled(b"\x8c\x02os\x8c\x05mkdir\x93"), "names os.mkdir, which weights do not need"),
    (pickled(b"\x8c\x08builtins\x8c\x04eval\x93"), "names builtins.eval, which weights do not need"),
    (pickled(b"cnumpy\nload\n"), "names numpy.load, which weights do not need"),
    (pickled(b"\x8c\x05numpy\x8c\x0dndarray.dumps\x93"), "names numpy.ndarray.dumps, which weights do not need"),
    (pickled(b"(S'x'\nios\nmkdir\n"), "uses the opcode INST, which weights do not need"),
    (pickled(b"(cnumpy\ndtype\no"), "uses the opcode OBJ, which weights do not need"),
    (pickled(b"\x82\x01"), "uses the opcode EXT1, which weights do not need"),
    (pickled(b"}r\xff\xff\xff\x7f"), "has too many objects"),
    (pickled(b"}p100001\n"), "has too many objects"),
    (pickled(b"K\x01Q"), "refers to data outside of its pickle"),
    (pickled(array(dtype="U4")), "holds arrays of type 'U4', which are not weights"),
    (pickled(array(dtype="x" * 99)), f"holds arrays of type {'x' * 20!r}, which are not weights"),
    (pickled(array(order=">")), "holds arrays of another byte order"),
    (pickled(array(shape=(-1,))), "holds an array of shape (-1,)"),
    (pickled(array(shape=("a",))), "holds an array of shape ('a',)"),
    (pickled(array(shape=(2**31, 2))), "holds an array of shape (2147483648, 2)"),
    (pickled(array(shape=(2,))), "holds an array of shape (2,) with too few or too many numbers"),
    (pickled(array(shape=(0,))), "holds an array of shape (0,) with too few or too many numbers"),
    (pickled(array(shape=2)), "holds an array of an impossible type or shape"),
    (pickled(array(state=(1, (1,), "f4", False, b"abcd"))), "holds an array of an impossible type or shape"),
    (pickled(array(dtype="O8", order="|", shape=(1,))), "holds an array with too few or too many objects"),
    (pickled(b"c_codecs\nencode\n\x8c\x01a\x8c\x05utf-8\x86R"), "holds bytes in another encoding than latin1"),
])  # fmt: skip
def test_what_weights_do_not_need_is_refused(body, message):
    with pytest.raises(WeightsError) as error:
        unpickled(io.BytesIO(body), NUMPY)
    assert str(error.value) == message


@pytest.mark.parametrize("body", [
    b"", b"\x80", b"\x80\x04", b"\x80\x04.", pickled(b"}u"), pickled(b"K\x01K\x02R"), pickled(b"h\x07"),
    pickled(array(state=(1, 2))), pickled(array(state=3)), pickled(b"\x8e" + b"\xff" * 8),
    pickled(b"cnumpy\nndarray\n)R"), pickled(b"cnumpy\ndtype\n)R"), b"\x80\x63.", b"I1x\n.", b"Va\\u00\n.",
])  # fmt: skip
def test_a_damaged_pickle_says_so(body):
    with pytest.raises(WeightsError, match="^is damaged: .") as error:
        unpickled(io.BytesIO(body), NUMPY)
    assert "\n" not in str(error.value) and len(str(error.value)) < 250


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_is_run(tmp_path, protocol):
    body = pickle.dumps(Evil(tmp_path / "pwned"), protocol)
    with pytest.raises(WeightsError):
        unpickled(io.BytesIO(body), NUMPY)
    assert not (tmp_path / "pwned").exists()
    pickle.loads(body)
    assert (tmp_path / "pwned").exists(), "it would have been"


WHOLE = pickle.dumps({"conv1": [np.ones((2, 3), "f4"), np.ones(3, "f4")], "n": 3}, 4)


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, 40),
)
@settings(max_examples=300)
def test_any_damage_is_an_error_or_plain_data(changes, cut):
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    try:
        value = unpickled(io.BytesIO(bytes(data[: len(data) - cut])), NUMPY)
        plain(value)
    except WeightsError as error:
        assert str(error)


def test_pickles_are_read_one_after_the_other():
    file = io.BytesIO(pickle.dumps(1) + pickle.dumps([2]) + b"rest")
    assert [unpickled(file, {}), unpickled(file, {})] == [1, [2]]
    assert file.read() == b"rest"


def test_data_outside_of_the_pickle_comes_from_the_caller():
    assert unpickled(io.BytesIO(pickled(b"K\x07Q")), {}, lambda pid: pid * 6) == 42


def test_as_many_objects_as_state_dicts_have_are_read():
    many = {str(i): [i] for i in range(MEMO // 10)}
    assert unpickled(io.BytesIO(pickle.dumps(many, 2)), {}) == many


@pytest.mark.parametrize("value, expected", [
    ((1, (2, [3])), [1, [2, [3]]]), ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}), (None, None),
])  # fmt: skip
def test_plain_containers(value, expected):
    assert plain(value) == expected


def test_deep_nesting_is_refused():
    nested = [[[[[1]]]]]
    for value in (nested, {"a": nested}, tuple(nested)):
        with pytest.raises(WeightsError, match="^is nested deeper than weights are$"):
            plain(value)
    objects = np.empty((), object)
    objects[()] = {"w": np.array([1], object)}
    with pytest.raises(WeightsError, match="^holds arrays of objects within arrays$"):
        from_numpy(numpy_table({"w": np.array([np.ones(2)], object)}))


@pytest.mark.parametrize("data, message", [
    (b"\x93NUMPY", "is damaged: "), (b"\x93NUMPY\x09\x00", "is damaged: "), (b"\x93NUMPY\x01\x00\xff\xff", "is damaged: "),
    (npy(b"", "(2,)"), "holds an array of object, not a dictionary of weights"),
    (npy(b"").replace(b"'|O'", b"'<f4'"), "holds an array of float32, not a dictionary of weights"),
    (npy(pickle.dumps({"a": 1})), "does not hold a dictionary of weights"),
    (npy(pickle.dumps(np.ones(1))), "does not hold a dictionary of weights"),
])  # fmt: skip
def test_a_npy_file_of_something_else_is_refused(data, message):
    with pytest.raises(WeightsError) as error:
        from_numpy(data)
    assert str(error.value).startswith(message)
