"""Keras' dtype policy for one block of code instead of the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager

from .startup import standard_keras


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Give layers that are created in the block the dtype policy `name`."""
    import keras

    before = keras.config.dtype_policy()
    with standard_keras():
        keras.config.set_dtype_policy(name)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)
