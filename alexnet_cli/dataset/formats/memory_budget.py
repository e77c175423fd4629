"""How much memory all threads together may use for the images that they decode."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """Bytes that threads reserve while they need them; who asks first is served first."""

    def __init__(self, total: int) -> None:
        """`total` bytes; one thread that needs more is served while it is the only one."""
        self.total, self.used = total, 0
        self._freed = threading.Condition()
        # Held while waiting, so that small images do not overtake a large one for ever.
        self._turn = threading.Lock()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are left, which are taken for the block."""
        taken = 0  # A signal may come at any line.
        try:
            with self._turn, self._freed:
                self._freed.wait_for(
                    lambda: not self.used or self.used + size <= self.total
                )
                self.used += size
                taken = size
            yield
        finally:
            with self._freed:
                self.used -= taken
                self._freed.notify()
