"""Starting TensorFlow, and Keras on it, without the lines that they print."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ..errors import AlexNetError


def start_tensorflow() -> None:
    """Import TensorFlow, and Keras on it, without the lines that they print.

    Keras runs on TensorFlow whatever KERAS_BACKEND and keras.json say. Unless TensorFlow
    was imported before, all GPUs are hidden from it until `devices.use_gpus` names some.

    Raises:
        AlexNetError: they cannot be imported, or Keras already runs on something else.
    """
    _refuse_other_backends()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    first = "tensorflow" not in sys.modules
    if first:
        # They have XLA compile what was not asked for; XLA_FLAGS is read with --xla alone.
        os.environ.pop("TF_XLA_FLAGS", None)
        _use_onednn()
    try:
        # TensorFlow's import looks for Keras, and so imports it.
        with quiet(), _environment({"KERAS_BACKEND": "tensorflow", **_without_folder()}):
            import tensorflow as tf

            # The first look for devices prints messages about missing GPUs.
            tf.config.list_physical_devices()
            if first:
                # Each process that sees a GPU takes some of its memory.
                tf.config.set_visible_devices([], "GPU")
            tf.get_logger().setLevel("ERROR")
            import keras  # noqa: F401
    except (ImportError, ValueError, AssertionError) as error:
        # An assertion without a message: keras.json has a value that Keras does not know.
        reason = next(iter(str(error).splitlines()), "a value in keras.json is not allowed")
        raise AlexNetError(f"TensorFlow cannot be imported: {reason}") from error


def _use_onednn() -> None:
    """Have oneDNN compute convolutions, unless the user has said whether it may.

    On x86 TensorFlow does so by itself only where there is AVX-512 VNNI or AVX-VNNI, but
    oneDNN is faster with AVX2 too. Source: TensorFlow, `IsMKLEnabled` in util/util.cc.
    """
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _refuse_other_backends() -> None:
    """Raise an error if Keras was imported before and does not run on TensorFlow."""
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() != "tensorflow":
        raise AlexNetError(
            f"Keras runs on {keras.backend.backend()} in this process; set "
            f"KERAS_BACKEND=tensorflow before keras is imported"
        )


def _without_folder() -> dict[str, str]:
    """What lets TensorFlow start where no temporary folder can be written to."""
    try:
        tempfile.gettempdir()
    except OSError:
        # It imports tools for tests, which ask for a folder, and never uses them.
        return {"TEST_TMPDIR": os.devnull}
    return {}


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def standard_keras() -> Iterator[None]:
    """Keras' own defaults for the block: float32, channels last, epsilon 1e-7.

    keras.json or the user of the Python functions may have set others.
    """
    import keras

    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format()
    _configure("float32", 1e-7, "channels_last")
    try:
        yield
    finally:
        _configure(*before)


def _configure(floatx: str, epsilon: float, image_data_format: str) -> None:
    import keras

    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the block writes to standard error, and print it only if it raises.

    Native libraries bypass `sys.stderr`, so the file descriptor itself is redirected. If
    standard error is closed, or there is no place to hold anything, nothing is held back.
    """
    _write_error("")
    terminal = _copy_of_stderr()
    if terminal is None:
        yield
        return
    held = _new_file()
    if held is None:
        os.close(terminal)
        yield
        return
    failed = True
    with held:
        os.dup2(held.fileno(), 2)
        try:
            yield
            failed = False
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                held.seek(0)
                _write_error(held.read().decode(errors="replace"))


def _new_file() -> IO[bytes] | None:
    """An empty file without a name: in memory, else on disk, else None."""
    with suppress(OSError):
        if hasattr(os, "memfd_create"):
            return os.fdopen(os.memfd_create("stderr"), "w+b")
    with suppress(OSError):
        return tempfile.TemporaryFile()
    return None


def _copy_of_stderr() -> int | None:
    """A new descriptor of standard error; None if that is closed."""
    with suppress(OSError):
        return os.dup(2)
    return None


def _write_error(text: str) -> None:
    """Write `text` and what was written before to standard error, if that is possible."""
    # None without a console; ValueError if it was closed.
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
