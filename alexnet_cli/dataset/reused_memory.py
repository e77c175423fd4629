"""Memory for arrays that come and go all the time, such as batches."""

import math
import weakref

import numpy as np

from ..arrays import Pixels

_ALIGNMENT = 64
"""Bytes. Source: TensorFlow's `Allocator::kAllocatorAlignment`."""


class ReusedMemory:
    """Gives arrays memory that earlier ones have had, once nothing refers to those.

    The system fills fresh memory with zeros, page by page, which takes longer than to
    copy images into it. All are aligned so that TensorFlow takes them over, uncopied.
    """

    def __init__(self, most: int = 8) -> None:
        """Keep up to `most` pieces of memory that are not in use."""
        self.most = most
        self._free: list[memoryview] = []

    def empty(self, shape: tuple[int, ...]) -> Pixels:
        """uint8 of that shape, its values whatever was there. Called from any thread."""
        size = math.prod(shape)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = _aligned(size)
        if len(memory) < size:
            memory = _aligned(size)
        # All views refer to this array, and not only to the memory: its base is no array.
        pixels = np.frombuffer(memory, np.uint8, size)
        weakref.finalize(pixels, self._release, memory).atexit = False
        return pixels.reshape(shape)

    def _release(self, memory: memoryview) -> None:
        if len(self._free) < self.most:
            self._free.append(memory)


def _aligned(size: int) -> memoryview:
    """New memory."""
    array = np.empty(size + _ALIGNMENT - 1, np.uint8)
    start = -array.ctypes.data % _ALIGNMENT
    return array.data[start : start + size]
