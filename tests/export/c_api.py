"""A SavedModel run by TensorFlow's C library alone, on which Java, Go and Rust are built.

python c_api.py FOLDER-OF-TENSORFLOW SAVED-MODEL INPUT OUTPUT COUNT [FILE...]

INPUT and OUTPUT are names of tensors as in `saved_model_cli show`, COUNT is the number of
values of a row of OUTPUT. The input is the bytes of the FILEs, or with one FILE that ends
with .npy its pixels. The rows of OUTPUT are printed as JSON.
"""

import ctypes as c
import json
import sys
from pathlib import Path

import numpy as np

FLOAT, UINT8, STRING = 1, 4, 7


class Output(c.Structure):
    """TF_Output."""

    _fields_ = (("oper", c.c_void_p), ("index", c.c_int))


class String(c.Structure):
    """TF_TString, whose content is the library's own business."""

    _fields_ = (("bytes", c.c_ubyte * 24),)


def library(folder):
    c.CDLL(str(folder / "libtensorflow_framework.so.2"), c.RTLD_GLOBAL)
    found = c.CDLL(str(folder / "libtensorflow_cc.so.2"))
    for name in (
        "TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData",
    ):  # fmt: skip
        getattr(found, name).restype = c.c_void_p
    found.TF_Message.restype = c.c_char_p
    found.TF_Dim.restype = c.c_int64
    return found


class Session:
    def __init__(self, lib, folder):
        self.lib, self.status = lib, c.c_void_p(lib.TF_NewStatus())
        self.graph = c.c_void_p(lib.TF_NewGraph())
        options = c.c_void_p(lib.TF_NewSessionOptions())
        tags = (c.c_char_p * 1)(b"serve")
        self.session = c.c_void_p(
            lib.TF_LoadSessionFromSavedModel(
                options, None, str(folder).encode(), tags, 1, self.graph, None, self.status
            )
        )
        self.check()

    def check(self):
        if self.lib.TF_GetCode(self.status):
            sys.exit(self.lib.TF_Message(self.status).decode())

    def output(self, name):
        operation, _, index = name.partition(":")
        found = self.lib.TF_GraphOperationByName(self.graph, operation.encode())
        return Output(found, int(index or 0))

    def tensor(self, dtype, shape, size):
        dims = (c.c_int64 * len(shape))(*shape)
        found = self.lib.TF_AllocateTensor(dtype, dims, len(shape), c.c_size_t(size))
        return c.c_void_p(found), self.lib.TF_TensorData(c.c_void_p(found))

    def strings(self, values):
        found, data = self.tensor(STRING, (len(values),), len(values) * c.sizeof(String))
        for i, value in enumerate(values):
            at = c.c_void_p(data + i * c.sizeof(String))
            self.lib.TF_StringInit(at)
            self.lib.TF_StringCopy(at, value, c.c_size_t(len(value)))
        return found

    def pixels(self, array):
        found, data = self.tensor(UINT8, array.shape, array.nbytes)
        c.memmove(data, array.ctypes.data, array.nbytes)
        return found

    def run(self, source, tensor, target):
        inputs, outputs = (Output * 1)(source), (Output * 1)(target)
        given, found = (c.c_void_p * 1)(tensor), (c.c_void_p * 1)()
        self.lib.TF_SessionRun(
            self.session,
            None,
            inputs,
            given,
            1,
            outputs,
            found,
            1,
            None,
            0,
            None,
            self.status,
        )
        self.check()
        return c.c_void_p(found[0])


def main(folder, model, source, target, count, *files):
    lib = library(Path(folder))
    session = Session(lib, model)
    if files and files[0].endswith(".npy"):
        given = session.pixels(np.load(files[0]))
    else:
        given = session.strings([Path(x).read_bytes() for x in files])
    found = session.run(session.output(source), given, session.output(target))
    rows = lib.TF_Dim(found, 0)
    data = c.cast(lib.TF_TensorData(found), c.POINTER(c.c_float))
    values = np.array(data[: rows * int(count)]).reshape(rows, int(count))
    print(json.dumps(values.tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
