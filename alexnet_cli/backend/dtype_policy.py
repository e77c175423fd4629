"""Keras' dtype policy for one block of code instead of the whole process."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Let layers that are made in the block compute in `name`, as "mixed_bfloat16"."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
