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
from weight_files import FOUR, MAGIC, NUMBERS, stream, tensor, torch_stream, torch_zip

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.torch_format import (
    NOT_WEIGHTS,
    from_torch_stream,
    from_torch_zip,
    numbers,
)

STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8",
    "IntStorage": "<i4", "BFloat16Storage": ml_dtypes.bfloat16,
}  # fmt: skip


def read(body, storages=FOUR, **options):
    return from_torch_zip(io.BytesIO(torch_zip(body, storages, **options)))


@pytest.mark.parametrize("name", STORAGES)
def test_every_type_of_storage_in_both_formats(name):
    values = np.arange(4).astype(STORAGES[name])
    body, data = tensor((2, 2), (2, 1), name=name), values.tobytes()
    zipped = read(body, [("archive/data/0", data)])
    streamed = from_torch_stream(torch_stream(body, storages=[(4, data)]))
    for content in (zipped, streamed):
        assert content.keys() == {"w"} and not content["w"].flags.writeable
        np.testing.assert_array_equal(content["w"], values.reshape(2, 2))
    if name == "BFloat16Storage":
        assert zipped["w"].dtype == streamed["w"].dtype == np.float32


@given(
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=3),
    st.booleans(),
)
def test_a_tensor_is_the_view_that_it_describes_or_refused(offset, axes, zipped):
    """Element i of a tensor is element offset + i * stride of its storage."""
    size, stride = tuple(x[0] for x in axes), tuple(x[1] for x in axes)
    storage = np.arange(12, dtype="<f4")
    body = tensor(size, stride, offset, count=12)
    places = [offset + np.dot(x, stride) for x in np.ndindex(size)]
    inside = all(x < 12 for x in places)
    content = (
        torch_zip(body, [("archive/data/0", storage.tobytes())])
        if zipped
        else torch_stream(body, storages=[(12, storage.tobytes())])
    )
    function = (lambda x: from_torch_zip(io.BytesIO(x))) if zipped else from_torch_stream
    if not inside:
        with pytest.raises(WeightsError, match="beyond its storage"):
            function(content)
        return
    found = function(content)["w"]
    assert found.shape == size
    expected = np.array([storage[int(x)] for x in places], "<f4").reshape(size)
    np.testing.assert_array_equal(found, expected)


@given(hnp.arrays(np.uint16, st.integers(0, 20)))
def test_bfloat16_becomes_the_same_numbers_in_float32(bits):
    expected = bits.view(ml_dtypes.bfloat16).astype(np.float32)
    found = numbers(bits.astype("<u2").tobytes(), "bfloat16", len(bits))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "data, count",
    [(bytes(8), 3), (bytes(8), 1), (b"", 1), (bytes(8), None), (bytes(8), -2)],
)
def test_a_storage_of_another_length_is_refused(data, count):
    with pytest.raises(WeightsError) as error:
        numbers(data, "<f4", count)
    assert str(error.value) == f"holds a storage of {count} numbers in {len(data)} bytes"


@pytest.mark.parametrize("body, message", [
    (tensor((5,), (1,)), "holds a tensor of shape (5,) beyond its storage"),
    (tensor((2, 2), (2**40, 1)), "holds a tensor of shape (2, 2) beyond its storage"),
    (tensor((4,), (-1,), 3), "holds a tensor of shape (4,) beyond its storage"),
    (tensor((2,), (1,), -2), "holds a tensor of shape (2,) beyond its storage"),
    (tensor((0,), (1,), -1), "holds a tensor of shape (0,) beyond its storage"),
    (tensor((2,), (1, 1)), "holds a tensor of an impossible shape"),
    (tensor((2.0,), (1,)), "holds a tensor of an impossible shape"),
    (tensor((2,), (1,), "0"), "holds a tensor without a storage"),
    (tensor((4,), (1,), count=5), "holds a storage of 5 numbers in 16 bytes"),
    (tensor((4,), (1,), name="nn.Module"), "names torch.nn.Module, which weights do not need"),
    (b"\x80\x02K\x01Q.", "refers to something that is not a storage"),
    (b"\x80\x02" + pickle.dumps(("storage", "f4", "0", "cpu", 4), 2)[2:-1] + b"Q.", "refers to a storage without a type"),
])  # fmt: skip
def test_a_tensor_that_cannot_be_is_refused_in_a_zip(body, message):
    with pytest.raises(WeightsError) as error:
        read(body)
    assert str(error.value) == message


@pytest.mark.parametrize("name, options, message", [
    ("archive/data/0", {"compression": zipfile.ZIP_DEFLATED}, "is a compressed archive, which torch does not write"),
    ("archive/data/1", {}, "is damaged: "),
    ("archive/data/0", {"name": "archive/other.pkl"}, "is a zip archive, but not one of torch"),
    ("other/data.pkl", {}, "is a zip archive, but not one of torch"),
])  # fmt: skip
def test_an_archive_that_torch_does_not_write_is_refused(name, options, message):
    with pytest.raises(WeightsError) as error:
        read(tensor((4,), (1,)), [(name, NUMBERS.tobytes())], **options)
    assert str(error.value).startswith(message)
    with pytest.raises(WeightsError, match="^is damaged: "):
        from_torch_zip(io.BytesIO(b"PK\x03\x04"))


@pytest.mark.parametrize("data, message", [
    (stream(3), NOT_WEIGHTS),
    (stream(MAGIC), "is damaged: "),
    (torch_stream(tensor((4,), (1,), count=2**50)), f"holds a storage of {2**50} numbers"),
    (torch_stream(tensor((4,), (1,), count=-1)), "holds a storage of -1 numbers"),
    (torch_stream(tensor((4,), (1,)), keys=["1"]), "holds storages that it does not describe"),
    (torch_stream(tensor((4,), (1,)), storages=[(3, bytes(12))]), "holds storages that it does not describe"),
    (torch_stream(tensor((4,), (1,)), storages=[(4, bytes(12))]), "holds a storage of 4 numbers in 12 bytes"),
    (torch_stream(tensor((4,), (1,)), keys=[]), "is damaged: '0'"),
    (torch_stream(tensor((5,), (1,))), "holds a tensor of shape (5,) beyond its storage"),
])  # fmt: skip
def test_a_stream_that_torch_does_not_write_is_refused(data, message):
    with pytest.raises(WeightsError) as error:
        from_torch_stream(data)
    assert str(error.value).startswith(message)


def test_torch_reads_what_is_read_here(tmp_path):
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    for data in (
        torch_zip(tensor((2, 2), (1, 2)), [*FOUR, ("archive/version", "3")]),
        torch_stream(tensor((2, 2), (1, 2))),
    ):
        (tmp_path / "w.pth").write_bytes(data)
        np.testing.assert_array_equal(
            torch.load(tmp_path / "w.pth")["w"].numpy(), [[0, 2], [1, 3]]
        )


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "kind", ["float32", "float64", "float16", "bfloat16", "int64", "int32"]
)
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
    content = (
        from_torch_zip(tmp_path / "w")
        if zipped
        else from_torch_stream((tmp_path / "w").read_bytes())
    )
    assert content.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(content[name], value.detach().float().numpy())
