"""Memory for arrays that come and go all the time, such as batches."""

import math
import mmap
import weakref

import numpy as np

from ..arrays import Pixels


class ReusedMemory:
    """Gives arrays memory that earlier ones have had, once nothing refers to those.

    The system fills fresh memory with zeros, page by page, which takes longer than to
    copy images into it. TensorFlow takes an array over without a copy where it begins at
    a multiple of 64 bytes; these begin with a page.
    """

    def __init__(self, most: int = 8) -> None:
        """Keep up to `most` pieces of memory that are not in use."""
        self.most = most
        self._free: list[mmap.mmap] = []

    def empty(self, shape: tuple[int, ...]) -> Pixels:
        """uint8 of that shape, its values whatever was there. Called from any thread."""
        size = math.prod(shape)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = mmap.mmap(-1, size)
        if len(memory) < size:
            memory = mmap.mmap(-1, size)
        # Views of this array keep it alive, not only the memory: its base is no array.
        pixels = np.frombuffer(memory, np.uint8, size)
        weakref.finalize(pixels, self._release, memory).atexit = False
        return pixels.reshape(shape)

    def _release(self, memory: mmap.mmap) -> None:
        if len(self._free) < self.most:
            self._free.append(memory)
