"""What a LiteRT file says of itself: its classes, its input, and the run it is from.

Source: metadata_schema.fbs of TensorFlow Lite, version 1.0.0, the numbers of whose fields
these are; MediaPipe and Android's tools read it.
"""

import io
import zipfile
from collections.abc import Sequence

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from ..run.run import Run
from .source import LABELS, ExportSource

_NAME = "TFLITE_METADATA"
_AXIS_LABELS, _RGB, _IMAGE, _NORMALIZATION = 2, 1, 2, 1


def with_metadata(data: bytes, source: ExportSource) -> bytes:
    """The LiteRT file `data` with its metadata, and `labels.txt` and `run.json` inside.

    The two are a ZIP archive at its end, which programs that do not know of it ignore.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = bytearray(_metadata(source.run))
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [x for x in model.metadata or [] if x.name != _NAME.encode()]
    model.metadata.append(entry)
    out = io.BytesIO(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
    with zipfile.ZipFile(out, "a") as archive:
        for name, text in ((LABELS, source.labels), ("run.json", source.record)):
            # The same bytes whenever it is written.
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, text.encode(errors="surrogateescape"))
    return out.getvalue()


def _metadata(run: Run) -> bytes:
    out = _Writer()
    size = run.preprocess.stored_size
    side = out.table(int_fields={0: size, 1: size})
    properties = out.table({1: side}, byte_fields={0: _RGB})
    content = out.table({1: properties}, byte_fields={0: _IMAGE})
    scale = out.table({0: out.floats([0.0]), 1: out.floats([1.0])})
    unit = out.table({1: scale}, byte_fields={0: _NORMALIZATION})
    stats = out.table({0: out.floats([255.0]), 1: out.floats([0.0])})
    image = out.table(
        {
            0: out.text("pixels"), 1: out.text(run.preprocess.steps()),
            3: content, 4: out.tables([unit]), 5: stats,
        }
    )  # fmt: skip
    labels = out.table({0: out.text(LABELS)}, byte_fields={2: _AXIS_LABELS})
    score = out.table({0: out.floats([1.0]), 1: out.floats([0.0])})
    named = out.text("probability"), out.text("The probability of each class.")
    probability = out.table({0: named[0], 1: named[1], 5: score, 6: out.tables([labels])})
    graph = out.table({2: out.tables([image]), 3: out.tables([probability])})
    text = f"{run.architecture.name} image classifier with {len(run.classes)} classes"
    named = out.text(run.architecture.name), out.text(text)
    version = out.text("1.0.0")
    model = out.table({0: named[0], 1: named[1], 3: out.tables([graph]), 7: version})
    out.builder.Finish(model, file_identifier=b"M001")
    return bytes(out.builder.Output())


class _Writer:
    """A flatbuffer that is written from the inside out; methods return offsets."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def text(self, text: str) -> int:
        return int(self.builder.CreateString(text))

    def floats(self, values: Sequence[float]) -> int:
        self.builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self.builder.PrependFloat32(value)
        return int(self.builder.EndVector())

    def tables(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def table(
        self,
        fields: dict[int, int] | None = None,
        *,
        byte_fields: dict[int, int] | None = None,
        int_fields: dict[int, int] | None = None,
    ) -> int:
        """A table of offsets, bytes and uint32 by the numbers of their fields."""
        fields, bytes_, ints = fields or {}, byte_fields or {}, int_fields or {}
        self.builder.StartObject(1 + max([*fields, *bytes_, *ints]))
        for slot, offset in fields.items():
            self.builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in bytes_.items():
            self.builder.PrependUint8Slot(slot, value, 0)
        for slot, value in ints.items():
            self.builder.PrependUint32Slot(slot, value, 0)
        return int(self.builder.EndObject())
