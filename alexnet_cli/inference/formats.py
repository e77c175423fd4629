"""Files that other programs read too, as networks: one case for each format."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats, Pixels
from ..backend.devices import usable_cores
from ..backend.paths import utf8_path
from ..backend.regular_file import read_regular
from ..backend.startup import quiet, start_tensorflow
from ..errors import RecipeError, RunError, WeightsError, first_line, printable
from ..run.run import Run
from .archives import UNREADABLE, most_bytes, packed_model, packed_run, web_model
from .export_record import EXPORT_AGAIN
from .network import BATCH

PixelNetwork = Callable[[Pixels], Floats]
"""Stored pixels [B, R, R, 3] to probabilities [B, K]: the mean over the views."""


def is_readable(path: Path) -> bool:
    """Whether `read_network` knows what `path` is."""
    return _suffix(path) in _READERS


def read_network(file: Path, run: Run) -> PixelNetwork:
    """The network in an exported file, or in the folder of a SavedModel, of `run`.

    Raises:
        RunError: it is of an unknown format, or damaged.
        RecipeError: a package that it needs is not installed.
    """
    if not is_readable(file):
        known = ", ".join(x for x in _READERS if x.startswith("."))
        raise RunError(
            f"{printable(file)} is not an exported model that can be read: {known}, or a "
            f"SavedModel"
        )
    return _READERS[_suffix(file)](file, run)


def _suffix(path: Path) -> str:
    """What tells the format: the suffix, or what a folder holds."""
    if (path / "saved_model.pb").is_file():
        return "saved_model"
    if (path / "model.js").is_file():
        return "web"
    if path.suffix not in _READERS and packed_run(path) is not None:
        return ".pyz"  # It runs under any name.
    return path.suffix


def _computing(
    file: Path, failures: tuple[type[Exception], ...], network: PixelNetwork
) -> PixelNetwork:
    """`network`, whose `failures` become the error that `file` cannot be computed."""

    def predict(pixels: Pixels) -> Floats:
        try:
            return network(pixels)
        except failures as error:
            raise unusable(file, f"cannot be computed: {first_line(error)}") from error

    return predict


def unusable(file: Path, problem: str) -> RunError:
    """The error that says so."""
    return RunError(f"{printable(file)} {problem}; {EXPORT_AGAIN}")


def require(package: str, extra: str, what: str) -> Any:
    """The module `package`.

    Raises:
        RecipeError: it is not installed; the message names `extra`, which has it, if it is
            in one.
    """
    try:
        with quiet():
            return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        source = f"'alexnet[{extra}]'" if extra else name.replace("_", "-")
        raise RecipeError(f"{what} needs {name}: pip install {source}") from error


def _packed_litert(file: Path, run: Run) -> PixelNetwork:
    try:
        content = packed_model(file, most_bytes(run))
    except UNREADABLE as error:
        raise unusable(file, f"is damaged: {first_line(error)}") from error
    return _litert(file, run, content)


def _litert(file: Path, run: Run, content: bytes | None = None) -> PixelNetwork:
    from .litert import LiteRTNetwork

    require("ai_edge_litert.interpreter", "", printable(file))
    size, classes = run.preprocess.stored_size, len(run.classes)
    return LiteRTNetwork(file, size, classes, BATCH, content=content, remedy=EXPORT_AGAIN)


def _web(folder: Path, run: Run) -> PixelNetwork:
    """The network inside a page, which takes one image as float32."""
    try:
        content = web_model(folder, most_bytes(run))
    except UNREADABLE as error:
        raise unusable(folder, f"is damaged: {first_line(error)}") from error
    network = _litert(folder, run, content)
    return lambda pixels: np.concatenate(
        [network(x[None].astype(np.float32)) for x in pixels]
        or [np.zeros((0, len(run.classes)), np.float32)]
    )


def _onnx(file: Path, run: Run) -> PixelNetwork:
    onnxruntime = require("onnxruntime", "onnx", printable(file))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 4
    failures = _onnx_failures(onnxruntime.capi.onnxruntime_pybind11_state)
    try:
        session = onnxruntime.InferenceSession(
            read_regular(file, most_bytes(run)),
            options,
            providers=["CPUExecutionProvider"],
        )
    except failures as error:
        raise unusable(file, f"is damaged: {first_line(error)}") from error
    try:
        [source], [target] = session.get_inputs(), session.get_outputs()
    except ValueError as error:
        raise unusable(file, f"is damaged: {first_line(error)}") from error
    _require_shapes(file, run, source.shape, target.shape)

    return _computing(
        file, failures, lambda pixels: session.run(None, {source.name: pixels})[0]
    )


def _require_shapes(
    file: Path, run: Run, given: Sequence[Any], found: Sequence[Any]
) -> None:
    """Check that a network takes the pixels of `run` and gives its classes.

    Raises:
        RunError: it is of another run.
    """
    size, classes = run.preprocess.stored_size, len(run.classes)
    if (list(given[1:]), list(found[1:])) != ([size, size, 3], [classes]):
        raise unusable(
            file,
            f"has inputs {list(given[1:])} and outputs {list(found[1:])}, the run has "
            f"{[size, size, 3]} and {[classes]}",
        )


def _onnx_failures(failure: Any) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for files that it cannot read."""
    names = (
        "Fail", "InvalidProtobuf", "InvalidGraph", "InvalidArgument", "NotImplemented",
        "RuntimeException", "ModelLoaded", "NoModel", "EPFail",
    )  # fmt: skip
    return (OSError, ValueError, *(getattr(failure, x) for x in names))


def _openvino(file: Path, run: Run) -> PixelNetwork:
    openvino = require("openvino", "openvino", printable(file))
    # Its own default on some processors is 16 bits.
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": usable_cores()}
    try:
        with utf8_path(file.parent) as folder:
            compiled = openvino.compile_model(str(folder / file.name), "CPU", config)
    except RuntimeError as error:
        whole = file.with_suffix(".bin").is_file()
        problem = "cannot be read by OpenVINO" if whole else "lacks its .bin file"
        raise unusable(file, problem) from error
    given, found = (
        [x.get_length() if x.is_static else -1 for x in port.partial_shape]
        for port in (compiled.input(0), compiled.output(0))
    )
    _require_shapes(file, run, given, found)
    return _computing(
        file, (RuntimeError,), lambda pixels: np.array(compiled(pixels)[0], np.float32)
    )


def _keras(file: Path, run: Run) -> PixelNetwork:
    from .keras_check import check_keras

    try:
        check_keras(file)
    except WeightsError as error:
        raise unusable(file, str(error)) from error
    start_tensorflow()
    import keras

    failures = _tensorflow_failures()
    try:
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except failures as error:
        raise unusable(file, f"is damaged: {first_line(error)}") from error
    _require_shapes(file, run, model.input_shape, model.output_shape)
    return _computing(file, failures, lambda x: np.asarray(model(x, training=False)))


def _saved_model(folder: Path, run: Run) -> PixelNetwork:
    start_tensorflow()
    import tensorflow as tf

    failures = _tensorflow_failures()
    try:
        with quiet(), utf8_path(folder) as path:
            loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["pixels"]
        given = signature.structured_input_signature[1]["pixels"].shape
        found = signature.structured_outputs["probabilities"].shape
    except failures as error:
        raise unusable(folder, f"is damaged: {first_line(error)}") from error
    _require_shapes(folder, run, given, found)

    def predict(pixels: Pixels) -> Floats:
        # `loaded` has the variables, and lives as long as this function.
        assert loaded is not None
        return np.asarray(signature(pixels=tf.constant(pixels))["probabilities"])

    return _computing(folder, failures, predict)


def _tensorflow_failures() -> tuple[type[Exception], ...]:
    """What TensorFlow and Keras raise for networks that they cannot compute."""
    import tensorflow as tf

    return (*UNREADABLE, TypeError, AttributeError, tf.errors.OpError)


_READERS: dict[str, Callable[[Path, Run], PixelNetwork]] = {
    ".tflite": _litert,
    ".onnx": _onnx,
    ".xml": _openvino,
    ".keras": _keras,
    ".pyz": _packed_litert,
    "saved_model": _saved_model,
    "web": _web,
}
