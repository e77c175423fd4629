"""torch's files give torch's tensors, as views that never leave their storage."""

import io
import pickle
import zipfile

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from weight_files import (
    FOUR,
    MAGIC,
    NUMBERS,
    opcodes,
    read_weights,
    stream,
    tensor,
    text_opcode,
    torch_stream,
    torch_zip,
)

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.other_formats import NOT_WEIGHTS
from alexnet_cli.model.pretrained.torch_numbers import numbers

STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8",
    "IntStorage": "<i4", "BFloat16Storage": ml_dtypes.bfloat16, "ShortStorage": "<i2",
    "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Reads a file of these bytes."""
    path = tmp_path_factory.mktemp("torch") / "w"

    def arrays(data):
        path.write_bytes(data)
        try:
            return read_weights(path)
        except WeightsError as error:
            raise WeightsError(str(error).removeprefix(f"{path} ")) from error

    return arrays


def refused(read, data):
    with pytest.raises(WeightsError) as error:
        read(data)
    assert str(error.value).isprintable()
    return str(error.value)


@pytest.mark.parametrize("name", STORAGES)
def test_every_type_of_storage_in_both_formats(read, name):
    values = np.arange(4).astype(STORAGES[name])
    body, data = tensor((2, 2), (2, 1), name=name), values.tobytes()
    for content in (
        read(torch_zip(body, [("archive/data/0", data)])),
        read(torch_stream(body, storages=[(4, data)])),
    ):
        assert content.keys() == {"w"} and not content["w"].flags.writeable
        np.testing.assert_array_equal(content["w"], values.reshape(2, 2))
        if name == "BFloat16Storage":
            assert content["w"].dtype == np.float32


@pytest.mark.parametrize("zipped", [True, False])
def test_a_storage_has_one_length(read, zipped):
    """The second tensor would go on into memory that is not the file's."""
    short, long = (tensor((n,), (1,), count=n)[9:-2] for n in (4, 16))
    body = b"\x80\x02}(X\1\0\0\0a" + short + b"X\1\0\0\0b" + long + b"u."
    data = torch_zip(body, FOUR) if zipped else torch_stream(body)
    assert "storage" in refused(read, data)


@given(
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=3),
    st.booleans(),
)
def test_a_tensor_is_the_view_that_it_describes_or_refused(read, offset, axes, zipped):
    """Element i of a tensor is element offset + i * stride of its storage."""
    size, stride = tuple(x[0] for x in axes), tuple(x[1] for x in axes)
    storage = np.arange(12, dtype="<f4")
    body = tensor(size, stride, offset, count=12)
    places = [offset + np.dot(x, stride) for x in np.ndindex(size)]
    data = (
        torch_zip(body, [("archive/data/0", storage.tobytes())])
        if zipped
        else torch_stream(body, storages=[(12, storage.tobytes())])
    )
    if any(x >= 12 for x in places):
        assert "beyond its storage" in refused(read, data)
        return
    if any(n > 1 and s == 0 for n, s in axes) or len(places) > 12:
        assert "repeats its numbers" in refused(read, data)
        return
    found = read(data)["w"]
    assert found.shape == size
    expected = np.array([storage[int(x)] for x in places], "<f4").reshape(size)
    np.testing.assert_array_equal(found, expected)


@given(hnp.arrays(np.uint16, st.integers(0, 20)), st.booleans())
def test_bfloat16_becomes_the_same_numbers_in_float32(bits, big):
    expected = bits.view(ml_dtypes.bfloat16).astype(np.float32)
    data = bits.astype(">u2" if big else "<u2").tobytes()
    found = numbers(data, "bfloat16", len(bits), big=big)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_files_of_big_endian_machines(read):
    data = torch_zip(
        tensor((4,), (1,)),
        [
            ("archive/data/0", NUMBERS.astype(">f4").tobytes()),
            ("archive/byteorder", b"big"),
        ],
    )
    np.testing.assert_array_equal(read(data)["w"], NUMBERS)


@pytest.mark.parametrize("count", [3, 1, 5, -2])
def test_a_storage_of_another_length_is_refused(count):
    with pytest.raises(WeightsError) as error:
        numbers(bytes(8), "<f4", count)
    assert str(error.value) == f"holds a storage of {count} numbers in 8 bytes"


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


@pytest.mark.parametrize("body, message", [
    (tensor((5,), (1,)), "holds a tensor of shape (5,) beyond its storage"),
    (tensor((2, 2), (2**40, 1)), "holds a tensor of shape (2, 2) beyond its storage"),
    (tensor((2**40, 2**40), (1, 1)), "holds a tensor of shape (1099511627776, 1099511627776) beyond its storage"),
    (tensor((0, 2**40, 2**40), (1, 1, 1)), "holds a tensor of an impossible shape"),
    (tensor((2,), (1,), -2), "holds a tensor of shape (2,) beyond its storage"),
    (tensor((4,), (-1,), 3), "holds a tensor of an impossible shape"),
    (tensor((-4,), (1,)), "holds a tensor of an impossible shape"),
    (tensor((2,), (1, 1)), "holds a tensor of an impossible shape"),
    (tensor((2.0,), (1,)), "holds a tensor of an impossible shape"),
    (tensor((2,), (True,)), "holds a tensor of an impossible shape"),
    (tensor((1,) * 9, (1,) * 9), "holds a tensor of an impossible shape"),
    (tensor((2,), (1,), "0"), "holds a tensor of an impossible shape"),
    (tensor((1000, 1000), (0, 0)), "holds a tensor of shape (1000, 1000) that repeats its numbers: save it with .contiguous()"),
    (tensor((4,), (1,), count=5), "holds a storage of 5 numbers in 16 bytes"),
    (tensor((4,), (1,), count="4"), "holds a tensor without a storage"),
    (tensor((4,), (1,), key=3), "holds a tensor without a storage"),
    (tensor((4,), (1,), key="../../../etc/passwd"), "is damaged: archive/data/../../../etc/passwd is not in the archive"),
    (tensor((4,), (1,), name="nn.Module"), "holds numbers of type Module: save model.float().state_dict()"),
    (tensor((4,), (1,), name="ComplexFloatStorage"), "holds numbers of type ComplexFloat: an AlexNet has real ones"),
    (opcodes(b"}", text_opcode("w"), REBUILD, b")Rs"), "holds a tensor of an impossible shape"),
    (opcodes(b"}", text_opcode("w"), REBUILD, b"K\x01Rs"), "holds what torch._utils._rebuild_tensor_v2 makes (w)"),
    (opcodes(b"}", text_opcode("w"), REBUILD, b"(NK\x00))tRs"), "holds a tensor without a storage"),
    (opcodes(b"}", text_opcode("w"), REBUILD, b"(K\x01QK\x00))tRs"), "holds a tensor without a storage"),
    (opcodes(b"}", text_opcode("w"), b"ctorch._utils\n_rebuild_parameter\n]\x85Rs"), "holds no arrays"),
    (opcodes(b"}", text_opcode("w"), b"ctorch._utils\n_rebuild_sparse_tensor\n)Rs"), "holds a sparse tensor: save it with .to_dense() (w)"),
])  # fmt: skip
def test_a_tensor_that_cannot_be_is_refused(read, body, message):
    assert refused(read, torch_zip(body, FOUR)).startswith(message)


def state(**tensors):
    """The pickle of a state dict of tensors of one storage: size and stride by name."""
    parts = []
    for name, (size, stride) in tensors.items():
        body = tensor(size, stride, count=len(BIG) // 4)
        parts += [text_opcode(name), body[body.index(b"ctorch") : body.rindex(b"s.")], b"s"]
    return opcodes(b"}", *parts)


BIG = np.arange(40_000, dtype="<f4").tobytes()


@pytest.mark.parametrize("tensors, message", [
    ({f"w{i}": ((40_000,), (1,)) for i in range(3000)}, "holds tensors that share their numbers"),
    ({"w": ((100, 200, 100), (1, 1, 1))}, "holds a tensor of shape (100, 200, 100) that repeats its numbers"),
    ({"w": ((9_000,) * 4, (1,) * 4)}, "holds a tensor of shape (9000, 9000, 9000, 9000) that repeats its numbers"),
    ({"w_orig": ((9_000,) * 4, (1,) * 4), "w_mask": ((9_000,) * 4, (1,) * 4)}, "holds a tensor of shape (9000,"),
])  # fmt: skip
def test_numbers_that_are_used_often_are_refused(read, tensors, message):
    data = torch_zip(state(**tensors), [("archive/data/0", BIG)])
    assert refused(read, data).startswith(message)
    tied = torch_zip(
        state(a=((40_000,), (1,)), b=((40_000,), (1,))), [("archive/data/0", BIG)]
    )
    assert read(tied)["a"].base is not None


@pytest.mark.parametrize("name, options, message", [
    ("archive/data/0", {"compression": zipfile.ZIP_DEFLATED}, "is a compressed archive, which torch and Keras do not write"),
    ("archive/data/1", {}, "is damaged: archive/data/0 is not in the archive"),
    ("archive/code/x.py", {}, "is a TorchScript archive (torch.jit.save): save model.state_dict() with torch.save"),
    ("archive/constants.pkl", {}, "is a TorchScript archive"),
    ("archive/archive_format", {"name": "archive/other.pkl"}, "is a program of torch.export: save model.state_dict()"),
    ("model.pth", {"name": "readme.txt"}, "is a zip archive, but not one of torch (readme.txt, model.pth): unpack it"),
    ("other/data.pkl", {}, "is a zip archive, but not one of torch"),
])  # fmt: skip
def test_an_archive_that_torch_does_not_write_is_refused(read, name, options, message):
    data = torch_zip(tensor((4,), (1,)), [(name, NUMBERS.tobytes())], **options)
    assert refused(read, data).startswith(message)
    assert refused(read, b"PK\x03\x04").startswith("is damaged: ")


def changed_entry(place, value):
    """An archive whose directory lies about the storage: four bytes at `place` of its entry."""
    data = bytearray(torch_zip(tensor((4,), (1,)), FOUR))
    entry = data.rindex(b"PK\x01\x02") + place
    data[entry : entry + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize("place, value", [
    (24, b"\xff\xff\xff\xff"), (20, b"\xff\xff\xff\xff\xff\xff\xff\xff"), (20, b"\xff\xff\x0f\x00\xff\xff\x0f\x00"),
    (20, b"\x0c\0\0\0\x0c\0\0\0"), (42, b"\xff\xff\xff\x7f"), (42, b"\x01\0\0\0"), (16, b"abcd"), (8, b"\x01"), (10, b"\x63"),
])  # fmt: skip
def test_a_directory_that_lies_is_refused(read, place, value):
    assert refused(read, changed_entry(place, value)).startswith(("is ", "holds a storage"))


def test_bombs_and_members_that_are_there_twice(read):
    bomb = torch_zip(bytes(10**8), (), zipfile.ZIP_DEFLATED)
    assert "16 times larger" in refused(read, bomb)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data.pkl", tensor((4,), (1,)))
        archive.writestr("archive/data.pkl", tensor((4,), (1,)))
    assert refused(read, out.getvalue()) == (
        "is damaged: archive/data.pkl is in the archive twice"
    )


def test_a_checksum_of_zero_is_not_compared(read):
    """torch.serialization.set_crc32_options(False) writes these."""
    data = changed_entry(16, bytes(4))
    np.testing.assert_array_equal(read(data)["w"], NUMBERS)


@pytest.mark.parametrize("data, message", [
    (stream(3), "holds no arrays"),
    (stream(MAGIC), "is damaged: "),
    (stream(pickle.PickleBuffer), "is a pickle of pickle.PickleBuffer, not of weights"),
    (torch_stream(tensor((4,), (1,), count=2**40)), "is damaged: its storages are not those it describes"),
    (torch_stream(tensor((4,), (1,), count=3)), "holds a tensor of shape (4,) beyond its storage"),
    (torch_stream(tensor((4,), (1,)), keys=["1"]), "is damaged: its storages are not those it describes"),
    (torch_stream(tensor((4,), (1,)), keys=[[]]), "is damaged: its storages are not those it describes"),
    (torch_stream(tensor((4,), (1,)), storages=[(3, bytes(16))]), "is damaged: its storages are not those it describes"),
    (torch_stream(tensor((4,), (1,)), storages=[(2**60, bytes(16))]), "is damaged: its storages are longer than the file"),
    (torch_stream(tensor((4,), (1,)), storages=[(-1, bytes(16))]), "is damaged: its storages are longer than the file"),
    (torch_stream(tensor((4,), (1,)), storages=[(4, bytes(12))]), "is damaged: its storages are longer than the file"),
    (torch_stream(tensor((4,), (1,)), keys=[]), "is damaged: it has no storage 0"),
    (torch_stream(tensor((5,), (1,))), "holds a tensor of shape (5,) beyond its storage"),
    (b"hello", NOT_WEIGHTS),
])  # fmt: skip
def test_a_stream_that_torch_does_not_write_is_refused(read, data, message):
    assert refused(read, data).startswith(message)


def test_torch_reads_what_is_read_here(tmp_path):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    for data in (
        torch_zip(tensor((2, 2), (1, 2)), [*FOUR, ("archive/version", "3")]),
        torch_stream(tensor((2, 2), (1, 2))),
    ):
        (tmp_path / "w.pth").write_bytes(data)
        for found in (torch.load(tmp_path / "w.pth"), read_weights(tmp_path / "w.pth")):
            np.testing.assert_array_equal(np.asarray(found["w"]), [[0, 2], [1, 3]])


KINDS = [
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "uint16", "uint32", "uint64",
]  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_torch_writes_is_read(tmp_path, zipped, kind):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    whole = torch.arange(24).to(getattr(torch, kind)).reshape(4, 6)
    state = {
        "whole": whole,
        "turned": whole.T,
        "part": whole[1:, ::2],
        "empty": whole[:0],
        "scalar": whole[2, 3],
    }
    state["parameter"] = torch.nn.Parameter(whole.float())
    torch.save(state, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    content = read_weights(tmp_path / "w")
    assert content.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(content[name], value.detach().float().numpy())


@pytest.mark.parametrize("zipped", [True, False, None])
def test_tensors_that_torch_negates_are_negated(tmp_path, zipped):
    """The neg bit is an argument of what rebuilds them; None: in a plain pickle."""
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    values = torch.linspace(-2, 3, 12).reshape(3, 4)
    state = {
        kind: torch._neg_view(values.to(getattr(torch, kind)))
        for kind in ("float32", "float64", "float16", "bfloat16", "int32", "int64")
    }
    state["turned"], state["part"] = state["float32"].T, state["float64"][1:, ::2]
    state["imaginary"] = torch.complex(values, values + 1).conj().imag
    state["parameter"] = torch.nn.Parameter(torch._neg_view(values))
    state["plain"] = values
    if zipped is None:
        (tmp_path / "w").write_bytes(pickle.dumps(state))
    else:
        torch.save(state, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    content = read_weights(tmp_path / "w")
    assert content.keys() == state.keys()
    for name, value in state.items():
        expected = value.detach().resolve_neg().float().numpy()
        np.testing.assert_array_equal(content[name], expected, name)
    assert content["float32"].sum() == -values.sum()


def with_metadata(body, metadata):
    """The tensor in the pickle `body`, with one more argument, or more."""
    inner = b"".join(pickle.dumps(x, 2)[2:-1] for x in metadata)
    return body.replace(b"OrderedDict\n)RtR", b"OrderedDict\n)R" + inner + b"tR")


@pytest.mark.parametrize("metadata, message", [
    ({"conj": True}, "holds a tensor that torch changes when it is used (conj): save it with .clone()"),
    ({"neg": True, "zoo": {"a": 1}}, "holds a tensor that torch changes when it is used (zoo)"),
    ([1], "holds a tensor of metadata that torch does not write"), (3, "holds a tensor of metadata"),
])  # fmt: skip
def test_other_metadata_of_tensors_are_refused(read, metadata, message):
    body = with_metadata(tensor((4,), (1,)), [metadata])
    assert refused(read, torch_zip(body, FOUR)).startswith(message)


@pytest.mark.parametrize("metadata", [None, {}, {"neg": False, "conj": False}])
def test_metadata_that_change_nothing(read, metadata):
    body = with_metadata(tensor((4,), (1,)), [metadata])
    np.testing.assert_array_equal(read(torch_zip(body, FOUR))["w"], NUMBERS)
    booleans = with_metadata(tensor((4,), (1,), name="BoolStorage"), [{"neg": True}])
    assert "(neg)" in refused(read, torch_zip(booleans, [("archive/data/0", bytes(4))]))


def test_tensors_of_devices_and_of_subclasses(tmp_path):
    """What torch's own functions rebuild: of NumPy's numbers, of a copy, of a type."""
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    values = np.linspace(-1, 1, 6, dtype="f4").reshape(2, 3)

    class Rebuilt:
        def __init__(self, function, *arguments):
            self.parts = function, arguments

        def __reduce__(self):
            return self.parts

    utils = torch._utils
    state = {
        "numpy": Rebuilt(utils._rebuild_device_tensor_from_numpy, values, torch.float64, "cpu", False),
        "half": Rebuilt(utils._rebuild_device_tensor_from_numpy, values, torch.float16, "cpu", False),
        "bfloat16": Rebuilt(utils._rebuild_device_tensor_from_numpy, values, torch.bfloat16, "cpu", False),
        "xla": Rebuilt(utils._rebuild_xla_tensor, values, torch.float32, "cpu", False),
        "copy": Rebuilt(utils._rebuild_device_tensor_from_cpu_tensor, torch._neg_view(torch.tensor(values)), torch.float32, "cpu", False),
    }  # fmt: skip
    torch.save(state, tmp_path / "w")
    theirs, ours = (
        torch.load(tmp_path / "w", weights_only=False),
        read_weights(tmp_path / "w"),
    )
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        atol = 1e-2 if name == "bfloat16" else 0
        np.testing.assert_allclose(ours[name], value.double().numpy(), rtol=0, atol=atol)
    odd = Rebuilt(
        utils._rebuild_device_tensor_from_numpy, values, torch.int32, "cpu", False
    )
    torch.save({"w": odd}, tmp_path / "w")
    with pytest.raises(WeightsError, match="holds a tensor of float32 for numbers of type"):
        read_weights(tmp_path / "w")
    device, size = torch.device("cpu"), torch.Size([2])
    wrapper = Rebuilt(utils._rebuild_wrapper_subclass, torch.Tensor, torch.float32, size, (1,), 0, torch.strided, device, False)  # fmt: skip
    torch.save({"w": wrapper}, tmp_path / "w")
    with pytest.raises(
        WeightsError, match="a tensor of a class without numbers of its own"
    ):
        read_weights(tmp_path / "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_every_protocol_that_torch_itself_can_load(tmp_path, zipped):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    state, path = {"w": torch.arange(6.0).reshape(2, 3)}, tmp_path / "w"
    for protocol in range(6):
        options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": zipped}
        torch.save(state, path, **options)
        if protocol == 0:
            with pytest.raises(AssertionError, match="must be a tuple"):
                torch.load(path, weights_only=False)
            with pytest.raises(WeightsError, match="save it without pickle_protocol=0"):
                read_weights(path)
        else:
            np.testing.assert_array_equal(read_weights(path)["w"], state["w"])
