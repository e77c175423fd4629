"""NumPy's files and pickles give NumPy's arrays, whatever their order, type and container."""

import io
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
from helpers import npy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from weight_files import numpy_table, read_weights

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained

TYPES = ("<f2", "<f4", "<f8", ">f4", ">f8", "<i4", "<i8", "u1", "i1", "?", ">u2")
arrays = st.sampled_from(TYPES).flatmap(
    lambda x: hnp.arrays(x, hnp.array_shapes(max_dims=4, max_side=4))
)
layouts = st.sampled_from((
    lambda x: x, np.asfortranarray, lambda x: np.moveaxis(x, 0, -1), lambda x: x[..., ::2],
))  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Reads a file of these bytes."""
    path = tmp_path_factory.mktemp("numpy") / "w"

    def arrays(data, function=read_weights):
        path.write_bytes(data)
        try:
            return function(path)
        except WeightsError as error:
            raise WeightsError(str(error).removeprefix(f"{path} ")) from error

    return arrays


@given(
    st.dictionaries(
        st.text("abc./_", min_size=1, max_size=5), arrays, min_size=1, max_size=3
    ),
    layouts,
    st.integers(2, 6),
)
def test_any_table_of_arrays_is_read_as_numpy_reads_it(read, table, layout, protocol):
    """Protocol 6 stands for .npz."""
    table = {k: layout(v) for k, v in table.items()}
    if protocol == 6:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in table.items():
                body = io.BytesIO()
                np.save(body, value)
                archive.writestr(f"{name}.npy", body.getvalue())
        data = out.getvalue()
    else:
        data = numpy_table(table, protocol)
    # Arrays of one name by our rules, and views of more than the file, have tests of their own.
    found = read(data)
    assert found.keys() <= table.keys()
    for name, value in found.items():
        assert value.dtype == table[name].dtype
        np.testing.assert_array_equal(value, table[name])


def test_pickles_of_python_2_are_read(read):
    """bvlc_alexnet.npy was written by it: text is bytes, the module is numpy.core."""
    body = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01)cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
        b"\x89]}U\x05conv1cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08\x00\x00\x80?\x00\x00\x00@tbsatb."
    )  # fmt: skip
    np.testing.assert_array_equal(read(npy(body))["conv1"], [1, 2])


def array(dtype="f4", order="<", shape=(1,), data=bytes(4), state=None):
    """The pickle of a dictionary of an ndarray with these parts, sensible or not."""
    inner = lambda x: pickle.dumps(x, 2)[2:-1]  # noqa: E731
    number = b"cnumpy\ndtype\n" + inner(dtype) + b"\x89\x88\x87R"
    number += inner((3, order, None, None, None, -1, -1, 0)) + b"b"
    body = b"(K\x01" + inner(shape) + number + b"\x89C" + bytes([len(data)]) + data + b"t"
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    body = start + (inner(state) if state is not None else body) + b"b"
    return b"\x80\x04}X\x01\x00\x00\x00w" + body + b"s."


WRONG = "holds an array of shape {} with too few or too many numbers (w)"


@pytest.mark.parametrize("body, message", [
    (array(dtype="U4"), "holds arrays of type 'U4': save them as float32 (w)"),
    (array(dtype="x" * 99), f"holds arrays of type {'x' * 20!r}: save them as float32 (w)"),
    (array(dtype=3), "holds an array of an impossible type (w)"),
    (array(order="?"), "holds arrays of an unknown byte order (w)"),
    (array(shape=(-1,)), WRONG.format("()")), (array(shape=("a",)), WRONG.format("()")),
    (array(shape=(True,)), WRONG.format("()")), (array(shape=(1,) * 9), WRONG.format("()")),
    (array(shape=(2**31, 2)), WRONG.format("(2147483648, 2)")), (array(shape=(2,)), WRONG.format("(2,)")),
    (array(shape=(0,)), WRONG.format("(0,)")), (array(shape=2), WRONG.format("()")),
    (array(state=(1, (1,), "f4", False, b"abcd")), "holds an array of an impossible type (w)"),
    (array(state=3), "holds an array of an impossible type (w)"),
    (array(state=(1, 2)), "holds an array of an impossible type (w)"),
    (array(dtype="O8", order="|"), "holds arrays of type 'O8': save them as float32 (w)"),
])  # fmt: skip
def test_arrays_that_cannot_be_are_refused(read, body, message):
    for data in (body, npy(body)):
        with pytest.raises(WeightsError) as error:
            read(data)
        assert str(error.value) == message


@pytest.mark.parametrize(
    "axes", [(0,), (0, 0), (2, 0), ((), 0), ((((((1,),),),),), 0), 3, ("a", 1), (True, 0)]
)
def test_an_order_of_axes_that_cannot_be_is_refused(read, axes):
    inner = lambda x: pickle.dumps(x, 2)[2:-1]  # noqa: E731
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f4\x85R"
    body = b"cnumpy._core.numeric\n_frombuffer\n(C\x08" + bytes(8) + dtype
    body += inner((1, 2)) + inner("K") + inner(axes) + b"tR"
    with pytest.raises(WeightsError, match="an array of an impossible type"):
        read(b"\x80\x04}X\x01\x00\x00\x00w" + body + b"s.")


def header(text, version=1, length=None):
    """A .npy file of this header."""
    data = text.encode()
    size = struct.pack("<H" if version == 1 else "<I", length or len(data))
    return b"\x93NUMPY" + bytes([version, 0]) + size + data


SHAPE = "{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}"


@pytest.mark.parametrize("text", [
    "{'descr':" + "[" * 9000, "{'descr':" + "-" * 9000 + "1}", "{'descr':" + "(" * 3000 + "1," + ")" * 3000 + "}",
    "{'descr':" + "1+" * 4000 + "1}", "{1:" * 2000, "'" * 9001, "{}", "[]", "", "\x00", SHAPE.format("(10**9,)"),
    SHAPE.format("(-4,)"), SHAPE.format("(99999999999999999999,)"), SHAPE.format(3), SHAPE.format("(True,)"),
    "{'descr': ('<f4', (10**9,)), 'fortran_order': False, 'shape': (1,)}", "{'descr': 'x', 'fortran_order': 3, 'shape': ()}",
])  # fmt: skip
def test_a_damaged_header_is_one_line(read, text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("conv1.npy", header(text))
    for data in (header(text), header(text, 2), header(text, 2, 2**32 - 1), out.getvalue()):
        with pytest.raises(WeightsError, match="^is damaged: its .npy header") as error:
            read(data)
        assert not re.search("max_header_size|: *$|literal|eval|node", str(error.value))


@pytest.mark.parametrize("data, message", [
    (b"\x93NUMPY", "is damaged: "), (b"\x93NUMPY\x09\x00", "is damaged: "), (b"\x93NUMPY\x01\x00\xff\xff", "is damaged: "),
    (npy(b"", "(2,)"), "is damaged: "), (npy(pickle.dumps({"a": 1})), "holds no arrays"),
    (header(SHAPE.format("(2, 3)")), "holds an array of float32 of shape (2, 3), not a dictionary of weights"),
    (npy(pickle.dumps(np.ones(1))), "has arrays without names (one array ...)"),
])  # fmt: skip
def test_a_npy_file_of_something_else_is_refused(read, data, message):
    with pytest.raises(WeightsError) as error:
        read(data, lambda x: read_pretrained(x, ARCHITECTURES["alexnet"]))
    assert str(error.value).startswith(message)


def network():
    """Kernel [kH, kW, in, out] and bias by Caffe's names."""
    rng = np.random.default_rng(0)
    shapes = {
        "conv1": (11, 11, 3, 96), "conv2": (5, 5, 48, 8), "conv3": (3, 3, 8, 10), "conv4": (3, 3, 10, 8),
        "conv5": (3, 3, 8, 4), "fc6": (144, 20), "fc7": (20, 12), "fc8": (12, 5),
    }  # fmt: skip
    return {k: (rng.normal(size=s), rng.normal(size=s[-1])) for k, s in shapes.items()}


NETWORK = network()


def objects(values):
    box = np.empty(len(values), object)
    box[:] = values
    return box


def flat(join, kernel, bias):
    return {
        join(k, name): x
        for k, pair in NETWORK.items()
        for name, x in zip((kernel, bias), pair, strict=True)
    }


TABLES = {
    **{f"{k} {b}": {n: {k: x, b: y} for n, (x, y) in NETWORK.items()} for k, b in (
        ("weights", "biases"), ("weight", "bias"), ("kernel", "bias"), ("W", "b"), ("w", "b"))},
    "lists": {k: list(v) for k, v in NETWORK.items()}, "tuples": NETWORK, "arrays of objects": {k: objects(v) for k, v in NETWORK.items()},
    "bytes": {k.encode(): v for k, v in NETWORK.items()}, "deep": {"model": [{"params": NETWORK}]},
    "conv_1": {k.replace("conv", "conv_"): v for k, v in NETWORK.items()},
    "slash": flat("{}/{}".format, "weights", "biases"), "underscore": flat("{}_{}".format, "W", "b"), "dot": flat("{}.{}".format, "weight", "bias"),
    "joined": flat("{}{}".format, "W", "b"), "TensorFlow": flat("alexnet/{}/{}:0".format, "kernel", "bias"),
    "big-endian": {k: (x.astype(">f4"), y.astype(">f8")) for k, (x, y) in NETWORK.items()},
    "half": {k: (x.astype("f2"), y.astype("f2")) for k, (x, y) in NETWORK.items()}, "Fortran": {k: (np.asfortranarray(x), y) for k, (x, y) in NETWORK.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_every_form_of_a_table_gives_the_networks_arrays(tmp_path, name):
    table, path = TABLES[name], tmp_path / "w"
    saves = [numpy_table(table), pickle.dumps(table, 2), pickle.dumps(table, 5)]
    if (
        all(isinstance(x, np.ndarray) for x in table.values())
        and name != "arrays of objects"
    ):
        for save in (np.savez, np.savez_compressed):
            out = io.BytesIO()
            save(out, **table)
            saves.append(out.getvalue())
    for data in saves:
        path.write_bytes(data)
        weights = read_pretrained(path, ARCHITECTURES["alexnet"])
        assert (weights.layout, weights.mean, weights.unknown) == (
            "Caffe's",
            "124,117,104",
            (),
        )
        layers = dict(zip(NETWORK, weights.layers.values(), strict=True))
        for layer, (kernel, bias) in NETWORK.items():
            found = layers[layer][0][:, :, ::-1] if layer == "conv1" else layers[layer][0]
            np.testing.assert_allclose(found, kernel, rtol=2e-3)
            np.testing.assert_allclose(layers[layer][1], bias, rtol=2e-3)


def test_npz_of_objects_and_of_arrays_without_names(tmp_path):
    path, alexnet = tmp_path / "w.npz", ARCHITECTURES["alexnet"]
    tables = {
        k: np.array({"weights": x, "biases": y}, object) for k, (x, y) in NETWORK.items()
    }
    np.savez(path, **tables)
    assert len(read_pretrained(path, alexnet).layers) == 8
    np.savez(path, weights=np.array(NETWORK, object))
    assert len(read_pretrained(path, alexnet).layers) == 8
    np.savez(path, *[x for x, _ in NETWORK.values()])
    with pytest.raises(WeightsError, match=r"has arrays without names \(arr_0 ...\): save"):
        read_pretrained(path, alexnet)


def test_a_member_that_unpacks_to_much_more_is_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", conv1=np.zeros(10**7, "f4"))
    with pytest.raises(WeightsError, match="whose members are 16 times larger"):
        read_weights(tmp_path / "w.npz")
