"""Files of weights never run code, and damaged ones are one line."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from helpers import SHARED, npy

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.pretrained.readers import read_weights


class Evil:
    """What a hostile pickle would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def stream(*values):
    return b"".join(x if isinstance(x, bytes) else pickle.dumps(x, 2) for x in values)


def torch_zip(body, storages=(), compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("archive/data.pkl", body)
        for name, data in storages:
            archive.writestr(name, data)
    return out.getvalue()


def tensor(size, stride, offset=0, count=4, key="0", name="FloatStorage"):
    """A state dict of one tensor, as torch pickles it."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(("
        b"X\x07\x00\x00\x00storagectorch\n" + name.encode() + b"\n"
        + pickle.dumps(key, 2)[2:-1] + b"X\x03\x00\x00\x00cpu" + pickle.dumps(count, 2)[2:-1]
        + b"tQ" + pickle.dumps(offset, 2)[2:-1] + pickle.dumps(size, 2)[2:-1] + pickle.dumps(stride, 2)[2:-1]
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )  # fmt: skip


FOUR = [("archive/data/0", np.arange(4, dtype="<f4").tobytes())]
MAGIC = 0x1950A86A20F9469CFC6C


def hostile(place):
    run = place / "pwned"
    evil = {p: pickle.dumps({"w": Evil(run)}, p) for p in (0, 2, 4)}
    deep = np.empty((), object)
    deep[()] = {"conv1": np.array([Evil(run)], object)}
    return {
        "npy reduce": npy(evil[2]),
        "npy stack_global": npy(evil[4]),
        "npy text protocol": npy(evil[0]),
        "npy nested object array": npy(pickle.dumps(deep, 4)),
        "npy eval": npy(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x01x\x85R."),
        "npy inst": npy(b"(S'x'\nios\nmkdir\n."),
        "npy memo bomb": npy(b"\x80\x02}r\xff\xff\xff\x7f."),
        "npy false size": npy(b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"x."),
        "npy bytearray of a terabyte": npy(b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"."),
        "npy attribute of an array": npy(b"\x80\x04\x8c\x05numpy\x8c\x0ddtype.newbyte\x93."),
        "npy header of another type": npy(b"", "(10**9,)"),
        "zip reduce": torch_zip(evil[2]),
        "zip stack_global": torch_zip(evil[4]),
        "zip bomb": torch_zip(tensor((4,), (1,)), [("archive/data/0", bytes(10**7))], zipfile.ZIP_DEFLATED),
        "zip path escape": torch_zip(tensor((4,), (1,), key="../../../etc/passwd"), FOUR),
        "zip beyond the storage": torch_zip(tensor((5,), (1,)), FOUR),
        "zip huge stride": torch_zip(tensor((2, 2), (2**40, 1)), FOUR),
        "zip negative stride": torch_zip(tensor((4,), (-1,), 3), FOUR),
        "zip negative offset": torch_zip(tensor((2,), (1,), -2), FOUR),
        "zip false count": torch_zip(tensor((4,), (1,), count=10**12), FOUR),
        "zip unknown storage": torch_zip(tensor((4,), (1,), name="nn.Module"), FOUR),
        "zip without a pickle": torch_zip(b"", FOUR)[:0] + _plain_zip(),
        "legacy reduce": stream(MAGIC, 1001, {}, evil[2]),
        "legacy reduce in front": stream(evil[2]),
        "legacy false count": stream(MAGIC, 1001, {}, tensor((4,), (1,), count=2**50), ["0"], bytes(24)),
        "safetensors header": struct.pack("<Q", 2**60) + b'{"a": 1}',
        "safetensors beyond": _safe({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99]}}),
        "safetensors shape": _safe({"w": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}}),
        "nothing": b"", "text": b"hello", "one byte": b"\x80",
    }  # fmt: skip


def _plain_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.txt", "x")
    return out.getvalue()


def _safe(header):
    import json

    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


@pytest.mark.parametrize("name", hostile(SHARED))
def test_hostile_files_are_one_line_and_run_nothing(tmp_path, name):
    path = tmp_path / "weights"
    path.write_bytes(hostile(tmp_path)[name])
    with pytest.raises(WeightsError) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_what_the_hostile_tensors_are_made_of_is_read(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(torch_zip(tensor((2, 2), (1, 2)), [*FOUR, ("archive/version", "3")]))
    np.testing.assert_array_equal(read_weights(path)["w"], [[0, 2], [1, 3]])
    torch = pytest.importorskip("torch", reason="extra `torch` is not installed")
    np.testing.assert_array_equal(torch.load(path)["w"].numpy(), [[0, 2], [1, 3]])


def test_files_cut_anywhere_are_damaged(tmp_path):
    table = {"conv1": [np.ones((2, 2, 3, 64), np.float32), np.ones(64, np.float32)]}
    whole = {
        "npy": npy(pickle.dumps(np.array(table), 4)),
        "zip": torch_zip(tensor((4,), (1,)), FOUR),
    }
    for data in whole.values():
        (tmp_path / "w").write_bytes(data)
        assert read_weights(tmp_path / "w")
        for end in range(0, len(data) - 1, max(1, len(data) // 60)):
            (tmp_path / "w").write_bytes(data[:end])
            with pytest.raises(WeightsError):
                read_weights(tmp_path / "w")
