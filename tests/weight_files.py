"""Files of weights, sound and hostile, written byte by byte."""

import io
import json
import os
import pickle
import struct
import zipfile
from itertools import takewhile

import numpy as np
from helpers import npy

from alexnet_cli.model.pretrained.find_network import find_network
from alexnet_cli.model.pretrained.readers import read_network, weights_in

MAGIC = 0x1950A86A20F9469CFC6C
NUMBERS = np.arange(4, dtype="<f4")
FOUR = [("archive/data/0", NUMBERS.tobytes())]


class Evil:
    """What a hostile pickle would run."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def read_weights(path):
    """The arrays of the AlexNet in the file at `path`, or all arrays if it holds none."""
    with weights_in(path) as contents:
        network = find_network(contents.arrays)
        if network is not None:
            return contents.read(network.arrays)
        levels = zip(*(x.path[:-1] for x in contents.arrays), strict=False)
        shared = len(list(takewhile(lambda keys: len({*keys}) == 1, levels)))
        found = {"/".join(x.path[shared:]): x.array for x in contents.arrays}
        if found:
            return contents.read(found)
    return read_network(path).arrays


def stream(*values):
    """Pickles one after the other; bytes as they are."""
    return b"".join(x if isinstance(x, bytes) else pickle.dumps(x, 2) for x in values)


def opcodes(*parts):
    """A pickle of these opcodes."""
    return b"\x80\x04" + b"".join(parts) + b"."


def text_opcode(text):
    """The opcode that pushes `text`."""
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def torch_zip(body, storages=(), compression=zipfile.ZIP_STORED, name="archive/data.pkl"):
    """A file as torch.save writes it, whose pickle is `body`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(name, body)
        for path, data in storages:
            archive.writestr(path, data)
    return out.getvalue()


def torch_stream(body, keys=("0",), storages=None):
    """A file as torch.save wrote it before version 1.6; `storages` are lengths and bytes."""
    # Storages of this format have a sixth part, a view into another one.
    body = body.replace(b"tQ", b"NtQ")
    storages = [(4, NUMBERS.tobytes())] if storages is None else storages
    tail = b"".join(struct.pack("<q", n) + data for n, data in storages)
    return stream(MAGIC, 1001, {}, body, list(keys)) + tail


def tensor(size, stride, offset=0, count=4, key="0", name="FloatStorage"):
    """The pickle of a state dict of one tensor, as torch writes it."""
    inner = lambda x: pickle.dumps(x, 2)[2:-1]  # noqa: E731
    return (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(("
        b"X\x07\x00\x00\x00storagectorch\n" + name.encode() + b"\n"
        + inner(key) + b"X\x03\x00\x00\x00cpu" + inner(count)
        + b"tQ" + inner(offset) + inner(size) + inner(stride)
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )  # fmt: skip


def safetensors(header, body=bytes(16)):
    """A safetensors file with that header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def numpy_table(table, protocol=4):
    """A .npy file of a dictionary, as np.save writes it."""
    return npy(pickle.dumps(np.array(table), protocol))


def hostile(folder):
    """Files by name that would create `folder`/pwned, fill memory or read beyond the end."""
    run = folder / "pwned"
    evil = {p: pickle.dumps({"w": Evil(run)}, p) for p in (0, 2, 4)}
    deep = np.empty((), object)
    deep[()] = {"conv1": np.array([Evil(run)], object)}
    outside = io.BytesIO()
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("../../evil.txt", "x")
    return {
        "npy reduce": npy(evil[2]),
        "npy stack_global": npy(evil[4]),
        "npy text protocol": npy(evil[0]),
        "npy nested object array": npy(pickle.dumps(deep, 4)),
        "npy eval": npy(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x01x\x85R."),
        "npy escape codes": npy(b"\x80\x04\x8c\x05\x1b[31m\x8c\x03a\nb\x93."),
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
        "zip without a pickle": outside.getvalue(),
        "legacy reduce": stream(MAGIC, 1001, {}, evil[2]),
        "legacy reduce in front": stream(evil[2]),
        "legacy false count": torch_stream(tensor((4,), (1,), count=2**50)),
        "safetensors header": struct.pack("<Q", 2**60) + b'{"a": 1}',
        "safetensors beyond": safetensors({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99]}}),
        "safetensors shape": safetensors({"w": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}}),
        "safetensors nested": safetensors(b"[" * 10**5),
        "nothing": b"", "text": b"hello", "one byte": b"\x80",
    }  # fmt: skip
