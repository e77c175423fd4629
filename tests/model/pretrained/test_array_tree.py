"""Arrays are found in any container, in as many steps as a pickle has opcodes."""

import dataclasses
import io
import pickle
import sys

import numpy as np
import pytest
from weight_files import opcodes, read_weights, text_opcode

from alexnet_cli.model.pretrained.array_tree import MAX_DEPTH, named_arrays
from alexnet_cli.model.pretrained.numpy_format import numpy_array
from alexnet_cli.model.pretrained.safe_pickle import LimitedFile, unpickled

ONES = np.ones((2, 3), "f4")


class Slots:
    __slots__ = ("epoch", "model")

    def __init__(self, model):
        self.epoch, self.model = 3, model


class Named(dict):
    """A dictionary of a user's class."""


@dataclasses.dataclass(slots=True)
class Point:
    model: dict


@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    model: dict


class Callable:
    """An object that is made by a call with its parts."""

    def __init__(self, model):
        self.model = model

    def __reduce__(self):
        return Callable, (self.model,)


STATE = {"conv1": ONES, "conv2": ONES * 2}
FORMS = {
    "numbers as keys": ({0: {"model": STATE}, 1: 5}, range(6)), "other keys": ({(1, 2): 3, None: STATE}, range(6)),
    "objects as keys": ({frozenset([1]): STATE}, range(2, 6)), "slots": (Slots(STATE), range(2, 6)), "list": ([3, STATE], range(6)),
    "subclass": (Named(STATE), range(6)), "dataclass": (Point(STATE), range(2, 6)), "frozen dataclass": (Frozen(STATE), range(6)),
    "called": (Callable(STATE), range(6)), "pairs": (list(STATE.items()), range(6)), "named pair": ([("model", STATE)], range(6)),
    "tuple of pairs": ((*STATE.items(), 3), range(6)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_container_holds_its_arrays(tmp_path, name):
    table, protocols = FORMS[name]
    for protocol in protocols:
        (tmp_path / "w").write_bytes(pickle.dumps(table, protocol))
        found = read_weights(tmp_path / "w")
        assert found.keys() == STATE.keys(), protocol
        np.testing.assert_array_equal(found["conv2"], STATE["conv2"])


def test_arrays_of_jax_are_numpys(tmp_path):
    """As jax.Array.__reduce__ writes them: the parts of a NumPy array, and its own state."""
    make, arguments, state = ONES.__reduce__()
    parts = [pickle.dumps(x, 4)[11:-1] for x in (arguments, state, {"weak_type": False})]
    assert make.__name__ == "_reconstruct"
    body = b"cjax._src.array\n_reconstruct_array\n(cnumpy.core.multiarray\n_reconstruct\n"
    body = opcodes(b"}", text_opcode("w"), body, *parts, b"tRs")
    (tmp_path / "w").write_bytes(body)
    np.testing.assert_array_equal(read_weights(tmp_path / "w")["w"], ONES)


def test_what_jax_writes_is_read(tmp_path):
    jax = pytest.importorskip("jax", reason="jax is not installed")
    for protocol in range(6):
        table = {"w": jax.numpy.asarray(ONES), "n": 3}
        (tmp_path / "w").write_bytes(pickle.dumps(table, protocol))
        np.testing.assert_array_equal(read_weights(tmp_path / "w")["w"], ONES)


def steps(body):
    """Calls and returns while the arrays in a pickle are named."""
    content = unpickled(LimitedFile(io.BytesIO(body), len(body), 2**24))
    count = 0

    def counted(*_):
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        for _ in named_arrays(content, numpy_array):
            pass
    finally:
        sys.setprofile(None)
    return count


CLASS = b"cx\ny\nq\x010"
N, M = 3000, 1000
BIG = b"(" + b"]" * N + b"tq\x020"
LIST = b"]q\x02(" + b"]" * N + b"e0"
TABLE = b"}q\x02(" + b"".join(text_opcode(str(i)) + b"]" for i in range(N)) + b"u0"
SHARED = {
    "arguments": BIG + b"](" + b"h\x01h\x02R" * M + b"e",
    "arguments of objects": BIG + b"](" + b"h\x01h\x02\x81" * M + b"e",
    "list in arguments": LIST + b"](" + b"h\x01h\x02\x85R" * M + b"e",
    "state": TABLE + b"](" + b"h\x01)Rh\x02b" * M + b"e",
    "state that is a list": LIST + b"](" + b"h\x01)Rh\x02b" * M + b"e",
    "slots": TABLE + b"](" + b"h\x01)RNh\x02\x86b" * M + b"e",
    "lists": LIST + b"](" + b"h\x02" * M + b"e", "tuples": BIG + b"](" + b"h\x02\x85" * M + b"e",
    "dictionaries": TABLE + b"](" + b"h\x02" * M + b"e",
    "items": TABLE + b"](" + (b"h\x01)R" + text_opcode("a") + b"h\x02s") * M + b"e",
    "elements": LIST + b"](" + b"h\x01)Rh\x02a" * M + b"e",
    "pairs of Python 2": LIST + b"ccollections\nOrderedDict\nq\x010](" + b"h\x01h\x02\x85R" * M + b"e",
    "pairs": LIST + b"](" + (text_opcode("a") + b"h\x02\x86") * M + b"e",
    "array of objects": LIST + b"cnumpy.core.multiarray\n_reconstruct\nq\x010(" + b"h\x01)R(K\x01)N\x89h\x02tb" * M + b"t",
    "levels": LIST + b"h\x02q\x03" + (b"h\x01h\x02\x85R}" + text_opcode("a") + b"h\x03sbq\x03") * 23,
    "tuples of tuples": b")q\x03" + b"(h\x03h\x03h\x03h\x03tq\x03" * 23,
    "states of themselves": b"h\x01)Rq\x03h\x03b" + b"0](" + b"h\x03" * M + b"e",
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_what_is_shared_is_walked_once(name):
    """Each of these would have tens of millions of steps, or more."""
    body = opcodes(CLASS, SHARED[name])
    assert steps(body) < 60 * (N + 4 * M)


def test_wrappers_of_wrappers_are_not_followed_often(tmp_path):
    from alexnet_cli.model.pretrained.torch_tensors import Tensors

    many = b"ctorch._utils\n_rebuild_parameter\nq\x010)" + b"h\x01)R"
    body = opcodes(
        many, b"q\x02" + b"0h\x01h\x02\x85Rq\x02" * N, b"0](", b"h\x02" * M, b"e"
    )
    content = unpickled(LimitedFile(io.BytesIO(body), len(body)))
    count = 0

    def counted(*_):
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        list(named_arrays(content, Tensors(None, None).array_of))
    finally:
        sys.setprofile(None)
    assert count < 200 * (N + M)


def test_what_lies_too_deep_is_left_out(tmp_path):
    for depth in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1):
        table = ONES
        for _ in range(depth):
            table = [table]
        body = pickle.dumps([table, {"w": ONES * 3}])
        content = unpickled(LimitedFile(io.BytesIO(body), len(body)))
        found = list(named_arrays(content, numpy_array))
        assert len(found) == (2 if depth < MAX_DEPTH + 1 else 1), depth
