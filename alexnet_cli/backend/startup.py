"""Starting TensorFlow without the lines that it prints."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import AlexNetError


def start_tensorflow() -> None:
    """Import TensorFlow without the lines that it prints.

    Raises:
        AlexNetError: it cannot be imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with quiet():
            import tensorflow as tf

            # The first look for devices prints messages about missing GPUs.
            tf.config.list_physical_devices()
            tf.get_logger().setLevel("ERROR")
    except ImportError as error:
        raise AlexNetError(f"TensorFlow cannot be imported: {error}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the block writes to standard error, and print it only if it raises.

    Native libraries bypass `sys.stderr`, so the file descriptor itself is redirected.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if failed:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
