"""Pillow without its own size limit and warnings, while our decoder runs and not longer."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image


class _Scope:
    """What the first thread in changes, the last one out restores."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.limit: int | None = None
        self.filters = warnings.catch_warnings()

    def enter(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
                self.filters = warnings.catch_warnings()
                self.filters.__enter__()
                warnings.filterwarnings("ignore", module="PIL")

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                Image.MAX_IMAGE_PIXELS = self.limit
                self.filters.__exit__(None, None, None)


_SCOPE = _Scope()


@contextmanager
def pillow_scope() -> Iterator[None]:
    """Let Pillow open images of any size, which our own limit is applied to first.

    What is odd about a file without harm to its pixels is not worth a warning.
    """
    _SCOPE.enter()
    try:
        yield
    finally:
        _SCOPE.leave()
