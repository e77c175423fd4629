"""Formats that are not read, by their first bytes, and what to do with them."""

NOT_WEIGHTS = (
    "is not a file of weights (.pth, .safetensors, .npy, .npz, .caffemodel or .weights.h5)"
)

_BYTES = (
    (0, b"version https://git-lfs", "is a Git LFS pointer, not the file: run git lfs pull"),
    (0, b"\x1f\x8b", "is compressed with gzip: unpack it first"),
    (0, b"BZh", "is compressed with bzip2: unpack it first"),
    (0, b"\xfd7zXZ", "is compressed with xz: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"),
    (0, b"7z\xbc\xaf", "is a 7z archive: unpack it first"),
    (0, b"Rar!", "is a RAR archive: unpack it first"),
    (257, b"ustar", "is a tar archive: unpack it first"),
    (0, b"GGUF", "is a GGUF file of a language model, not an AlexNet"),
    (4, b"TFL3", "is a LiteRT (.tflite) model: take the weights that it was made from"),
    (0, b"\x89PNG", "is an image, not a file of weights"),
    (0, b"\xff\xd8\xff", "is an image, not a file of weights"),
    (0, b"%PDF", "is a PDF document, not a file of weights"),
    (0, b"PK\x05\x06", "is an empty zip archive"),
)
"""Where bytes are, the bytes, and what they say."""

_ENDINGS = {
    ".onnx": "is an ONNX model: save the model.state_dict() that it was made from",
    ".pb": "is a TensorFlow graph or SavedModel: save .weights.h5 with Keras",
    ".index": "is part of a TensorFlow checkpoint: save .weights.h5 with Keras",
    ".prototxt": "is a network's description, not its weights (.caffemodel)",
}
"""By the end of the name, where no bytes tell."""


def named_format(head: bytes, name: str) -> str:
    """What a file is, by its first 512 bytes and name, and what to do; "" if unknown."""
    for place, start, text in _BYTES:
        if head.startswith(start, place):
            return text
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a file of weights: download the file itself"
    for ending, text in _ENDINGS.items():
        if name.lower().endswith(ending):
            return text
    if ".data-0" in name:
        return _ENDINGS[".index"]
    # A protobuf whose first field is a version, and whose second is a text, is ONNX's.
    if head[:1] == b"\x08" and head[2:3] == b"\x12":
        return "is an ONNX model or a SavedModel: save the weights that it was made from"
    return ""
