"""Pillow without its own size limit and warnings, only while an image is being decoded."""

import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from PIL import Image

_IGNORE_PILLOW = ("ignore", None, Warning, re.compile("PIL"), 0)
"""An entry of `warnings.filters`."""


class _Scope:
    """What the first thread that enters changes, and the last one that leaves restores."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.limit: int | None = None
        self.filters: list[Any] = []

    def enter(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.limit = Image.MAX_IMAGE_PIXELS
                if self.limit is not None:
                    # Not None, on which Pillow fails if it changes during its check, in
                    # another thread.
                    Image.MAX_IMAGE_PIXELS = sys.maxsize
                # In place and not by `catch_warnings`, which undoes what other threads do
                # to the filters and lets Python repeat every warning that it shows once.
                self.filters = cast(list[Any], warnings.filters)
                self.filters.insert(0, _IGNORE_PILLOW)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                Image.MAX_IMAGE_PIXELS = self.limit
                # Another thread may have put a copy in its place, or be about to put the
                # original back.
                for filters in (self.filters, cast(list[Any], warnings.filters)):
                    filters[:] = [x for x in filters if x is not _IGNORE_PILLOW]


_SCOPE = _Scope()


@contextmanager
def pillow_scope() -> Iterator[None]:
    """Let Pillow open images of any size; `images` applies its own limit before decoding.

    Pillow's warnings are about oddities of a file that do not harm its pixels.
    """
    _SCOPE.enter()
    try:
        yield
    finally:
        _SCOPE.leave()
