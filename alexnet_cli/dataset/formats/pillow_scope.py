"""Pillow with our limit and without its messages, only while an image is being decoded."""

import ctypes
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from PIL import Image, TiffImagePlugin

from ...errors import OversizedImage
from . import tiff

MAX_SIDE = 1_000_000
"""Pixels. Each row costs memory and time of its own, whatever its length."""

OPTION = "--max-megapixels"
"""What sets the limit."""

_IGNORE_PILLOW = ("ignore", None, Warning, re.compile("PIL"), 0)
"""An entry of `warnings.filters`."""

_LOGGER = logging.getLogger("PIL.TiffImagePlugin")
"""The only one in Pillow that logs errors."""

_pillow_check = Image._decompression_bomb_check
"""Called by Pillow before it decodes, also with the size of an image within an image."""


class _Limit(threading.local):
    pixels: int | None = None
    """None outside of all scopes, where Pillow's own limit holds."""
    option: str = OPTION


_LIMIT = _Limit()


def _check(size: tuple[int, int], *, error_only: bool = False) -> None:
    if _LIMIT.pixels is None:
        _pillow_check(size, error_only=error_only)
    else:
        require_pixels(size, _LIMIT.pixels, option=_LIMIT.option)


def require_pixels(
    size: tuple[int, int],
    max_pixels: int,
    counted: int | None = None,
    option: str = OPTION,
) -> None:
    """Raise OversizedImage if `size`, width and height, is more than `max_pixels`.

    Or if it counts as `counted` pixels and that is more; or, unless there is no limit, if
    a side is longer than MAX_SIDE. `option` is what sets the limit, if anything does.
    """
    width, height = size
    if max(size) > MAX_SIDE and max_pixels < sys.maxsize:
        raise OversizedImage(f"has {width} x {height} pixels, more than {MAX_SIDE} a side")
    pixels = width * height
    number = pixels if counted is None else counted
    if number > max_pixels:
        as_many = f" that count as {number / 1e6:.3g} million" if number != pixels else ""
        named = f" ({option})" if option else ""
        raise OversizedImage(
            f"has {width} x {height} pixels{as_many}, more than {max_pixels / 1e6:g} "
            f"million{named}"
        )


def _libtiff_setter() -> Any:
    """TIFFSetErrorHandler of the libtiff in Pillow; None if there is none to be found.

    libtiff prints errors, which Pillow raises too, to standard error.
    """
    try:
        setter = ctypes.CDLL(cast(Any, Image).core.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError, TypeError):
        return None
    setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
    return setter


_SET_LIBTIFF_HANDLER = _libtiff_setter()


class _Scope:
    """What the first thread that enters changes, and the last one that leaves restores."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.logger_disabled = False
        self.libtiff_handler: int | None = None
        self.filters: list[Any] = []

    def enter(self) -> None:
        with self.lock:
            self.users += 1
            if self.users > 1:
                return
            cast(Any, Image)._decompression_bomb_check = _check
            TiffImagePlugin.OPEN_INFO.update(tiff.ADDED)
            # Not its level, as setting that goes through all loggers of the process.
            self.logger_disabled, _LOGGER.disabled = _LOGGER.disabled, True
            if _SET_LIBTIFF_HANDLER:
                self.libtiff_handler = _SET_LIBTIFF_HANDLER(None)
            # In place and not by `catch_warnings`, which undoes what other threads do
            # to the filters and lets Python repeat every warning that it shows once.
            self.filters = cast(list[Any], warnings.filters)
            self.filters.insert(0, _IGNORE_PILLOW)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users:
                return
            cast(Any, Image)._decompression_bomb_check = _pillow_check
            for kind in tiff.ADDED:
                TiffImagePlugin.OPEN_INFO.pop(kind, None)
            _LOGGER.disabled = self.logger_disabled
            if _SET_LIBTIFF_HANDLER:
                _SET_LIBTIFF_HANDLER(self.libtiff_handler)
            # Another thread may have put a copy in its place, or be about to put the
            # original back.
            for filters in (self.filters, cast(list[Any], warnings.filters)):
                filters[:] = [x for x in filters if x is not _IGNORE_PILLOW]


_SCOPE = _Scope()


@contextmanager
def pillow_scope(max_pixels: int = sys.maxsize, option: str = OPTION) -> Iterator[None]:
    """In this thread, let Pillow open images of up to `max_pixels`, whatever its own limit.

    Meanwhile it decodes a few more kinds of TIFF, and its warnings and log, and libtiff's
    messages, are dropped: they are about oddities that do not harm the pixels, or are
    raised as errors too.

    Raises:
        OversizedImage: in the block, where an image, or one within it, has more.
    """
    before = _LIMIT.pixels, _LIMIT.option
    _SCOPE.enter()
    _LIMIT.pixels, _LIMIT.option = max_pixels, option
    try:
        yield
    finally:
        _LIMIT.pixels, _LIMIT.option = before
        _SCOPE.leave()
