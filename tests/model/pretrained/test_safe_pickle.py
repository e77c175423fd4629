"""A pickle is read as data: nothing that it names is run, hashed or followed without end."""

import io
import os
import pickle
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from weight_files import Evil, opcodes, text_opcode

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.pickle_records import PERSISTENT, Record
from alexnet_cli.model.pretrained.safe_pickle import (
    MAX_OPCODES,
    LimitedFile,
    max_opcodes,
    unpickled,
)


def read(data, references=None):
    return unpickled(LimitedFile(io.BytesIO(data), len(data)), references)


def with_text_keys(value):
    """`value` as it is read: numbers that are keys are text."""
    if isinstance(value, dict):
        return {str(k): with_text_keys(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(with_text_keys(x) for x in value)
    return value


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
)  # fmt: skip
plain_values = st.recursive(
    scalars,
    lambda x: st.lists(x, max_size=4) | st.tuples(x, x) | st.tuples(x, x, x, x)
    | st.dictionaries(st.text("abc", max_size=4) | st.integers(-2**63, 2**64 - 1), x, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(plain_values, st.integers(0, 5))
def test_plain_values_are_what_python_reads(value, protocol):
    expected = with_text_keys(pickle.loads(pickle.dumps(value, protocol)))
    assert read(pickle.dumps(value, protocol)) == expected


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_bytes_and_bytearrays(protocol):
    value = [b"ab", bytearray(b"cd") if protocol == 5 else b"cd", b"x" * 300]
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_is_run(tmp_path, protocol):
    body = pickle.dumps({"a": Evil(tmp_path / "pwned"), "b": 3}, protocol)
    content = read(body)
    assert content["b"] == 3
    assert (content["a"].name, content["a"].arguments) == (
        f"{os.mkdir.__module__}.mkdir",
        (str(tmp_path / "pwned"),),
    )
    assert not (tmp_path / "pwned").exists()
    pickle.loads(body)
    assert (tmp_path / "pwned").exists(), "it would have been"


class Thing:
    """An object with a state."""

    def __init__(self):
        self.weights, self.me = [1], self


def test_an_object_is_its_name_and_its_state():
    for protocol in range(2, 6):
        thing = read(pickle.dumps(Thing(), protocol))
        assert thing.name.endswith(".Thing") and thing.state["weights"] == [1]
        assert thing.state["me"] is thing


@pytest.mark.parametrize("body, name, arguments", [
    (b"\x8c\x02os\x8c\x05mkdir\x93", "os.mkdir", None),
    (b"cos\nmkdir\n", "os.mkdir", None),
    (b"cos\nmkdir\n)R", "os.mkdir", ()),
    (b"cos\nmkdir\n)\x81", "os.mkdir", ()),
    (b"cos\nmkdir\nK\x01\x85}\x92", "os.mkdir", (1,)),
    (b"(K\x01ios\nmkdir\n", "os.mkdir", (1,)),
    (b"(cos\nmkdir\nK\x01o", "os.mkdir", (1,)),
    (b"\x82\x07", "extension 7", None), (b"\x84\xff\xff\xff\x7f", f"extension {2**31 - 1}", None),
    (b"K\x07Q", PERSISTENT, (7,)), (b"Pabc\n", PERSISTENT, ("abc",)),
    (b"K\x01)R", "something that is no function", ()),
])  # fmt: skip
def test_calls_and_classes_are_records(body, name, arguments):
    record = read(opcodes(body))
    assert isinstance(record, Record)
    assert (record.name, record.arguments) == (name, arguments)


def test_ids_of_data_outside_of_the_pickle_are_listed():
    references = []
    read(opcodes(b"K\x07Q0K\x08Q"), references)
    assert references == [7, 8]


def test_items_and_elements_of_objects():
    class_ = b"ca\nb\n)R"
    record = read(opcodes(class_, text_opcode("k"), b"K\x01s(K\x02K\x03e]a"))
    assert (record.items, record.elements) == ({"k": 1}, [2, 3, []])
    # The state of what is no object is left out.
    assert read(opcodes(b"K\x01}b")) == 1


@pytest.mark.parametrize("protocol", [0, 2, 3, 5])
def test_keys_of_bytes_are_text(protocol):
    assert read(pickle.dumps({b"b\xe9": 1}, protocol)) == {"bé": 1}


@pytest.mark.parametrize("key", [
    pytest.param(b"\x85" * 150_000, id="deep"),
    pytest.param(b"q\x000h\x00h\x00\x86" * 60, id="doubled 60 times"),
])  # fmt: skip
def test_keys_that_python_could_not_hash_are_numbered(key):
    """Hashing them ends Python itself, or never ends."""
    assert read(opcodes(b"}K\x00", key, b"K\x01s")) == {"<0>": 1}


@pytest.mark.parametrize("key, name", [
    (b"]", "<0>"), (b"}", "<0>"), (b"ca\nb\n", "<0>"), (b")", "<0>"), (b"K\x01]\x86", "<0>"),
    (b"\x8a\x0a" + b"\x7f" * 10, "<0>"), (b"N", "None"), (b"K\x01", "1"), (b"\x88", "True"), (b"G" + bytes(8), "0.0"),
    (text_opcode("conv1") + text_opcode("kernel") + b"\x86", "conv1.kernel"), (b"K\x01K\x02\x86", "1.2"),
])  # fmt: skip
def test_other_keys_become_names(key, name):
    """What lies below them is not lost."""
    body = opcodes(b"}", key, b"K\x01s", text_opcode("a"), b"K\x02s")
    assert read(body) == {name: 1, "a": 2}


@pytest.mark.parametrize(
    "key", ["x" * 201, b"x" * 201, bytearray(b"x" * 201), ("x" * 300, "y")]
)
def test_long_keys_are_left_out(key):
    key = pickle.dumps(key, 5)[2:-1]
    key = key[9:] if key[:1] == b"\x95" else key
    assert read(opcodes(b"}", key, b"K\x01s")) == {}


def test_bytes_of_python_2_are_text_whatever_their_escapes():
    assert read(b"S'a\\x00\\xff\\n'\np0\n.") == "a\0\xff\n"
    assert read(b'S"it\'s"\n.') == "it's"


def test_an_object_of_the_first_protocols_is_its_class():
    for protocol in (0, 1):
        thing = read(pickle.dumps(Thing(), protocol))
        assert thing.name.endswith(".Thing") and thing.state["weights"] == [1]


@pytest.mark.parametrize("deep", [
    b"]" * 100_000 + b"a" * 99_999, b"}" + (text_opcode("a") + b"}") * 60_000 + b"s" * 60_000,
    b")" + b"ca\nb\n)R0\x85" * 30_000, b"(" * 100_000 + b"0" * 100_000 + b"N",
])  # fmt: skip
def test_deep_nesting_is_read_and_forgotten(deep):
    read(opcodes(deep))


@pytest.mark.parametrize("body", [
    b"", b"\x80", b"\x80\x04", b"\x80\x04.", opcodes(b"}u"), opcodes(b"K\x01R"), opcodes(b"h\x07"),
    opcodes(b"\x8e" + b"\xff" * 8), opcodes(b"K\x01K\x02\x93"), opcodes(b"}(K\x01u"), opcodes(b"NK\x01a"),
    opcodes(b"K\x01", text_opcode("a"), b"K\x02s"), opcodes(b"\x97"), opcodes(b"0"),
    opcodes(b"a"), opcodes(b"(\x85"), b"I1x\n.", b"Va\\u00\n.", opcodes(b"I" + b"9" * 9999 + b"\n"),
    opcodes(b"\x8e", struct.pack("<Q", 2**60), b"x"), opcodes(b"\x96", struct.pack("<Q", 2**40), b"x"),
    opcodes(b"X", struct.pack("<I", 2**30), b"x"), opcodes(b"\x8b\xff\xff\xff\x7f"), opcodes(b"\x95", struct.pack("<Q", 2**62), b"x"),
])  # fmt: skip
def test_a_damaged_pickle_says_so(body):
    with pytest.raises(WeightsError, match="^is damaged: its pickle [a-z ]{4}") as error:
        read(body)
    inner = "list index|attribute|unpack|codec|int_max_str|invalid literal|object"
    assert not re.search(inner, str(error.value)), error.value
    assert str(error.value).isprintable() and len(str(error.value)) < 250


def test_opcodes_are_limited_by_the_size_of_the_file():
    with pytest.raises(WeightsError, match="^has more than 342,875 opcodes"):
        read(opcodes(b"]" * 343_000))
    assert max_opcodes(0) == 300_000 and max_opcodes(2**40) == MAX_OPCODES
    # A log of half a million losses, and one of 30,000 entries of four numbers.
    losses = [i / 7 for i in range(500_000)]
    assert read(pickle.dumps(losses, 2)) == losses
    log = [{"epoch": i, "loss": i / 7, "acc": i / 9, "lr": i / 11} for i in range(30_000)]
    assert len(read(pickle.dumps(log, 2))) == len(log)


def test_a_memo_of_any_number_costs_one_entry():
    assert read(opcodes(b"}r\xff\xff\xff\x7f")) == {}


def test_no_read_allocates_more_than_the_file_has(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with (tmp_path / "x").open("rb") as file:
        limited = LimitedFile(file, 3)
        assert limited.read(1) == b"a"
        assert limited.read(2**62) == b"bc" and limited.read(2**62) == b""


WHOLE = pickle.dumps({"conv1": [np.ones((2, 3), "f4"), Thing()], "n": 3}, 4)


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, 40),
)
@settings(max_examples=300)
def test_any_damage_is_an_error_or_data(changes, cut):
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    try:
        read(bytes(data[: len(data) - cut]))
    except WeightsError as error:
        assert str(error)


def test_pickles_are_read_one_after_the_other():
    file = io.BytesIO(pickle.dumps(1) + pickle.dumps([2]) + b"rest")
    limited = LimitedFile(file, 100)
    assert [unpickled(limited), unpickled(limited)] == [1, [2]]
    assert file.read() == b"rest"
