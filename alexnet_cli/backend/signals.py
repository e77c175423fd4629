"""Signals that end the work: Ctrl-C, SIGTERM and, where there is one, SIGHUP."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..errors import Signaled

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
Handler = Callable[[int, FrameType | None], Any] | int | None


def set_handlers(handler: Handler) -> Mapping[int, Handler]:
    """Set the handler of all of them, and return those before.

    A signal that the parent process has set to ignored (as nohup does) stays ignored.
    Outside the main thread, which alone receives signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = [getattr(signal, x) for x in NAMES if hasattr(signal, x)]
    handlers = {x: signal.getsignal(x) for x in numbers}
    # One that was not set from Python is None, and could not be set again.
    before = {k: v for k, v in handlers.items() if v not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handler)
    return before


def restore_handlers(before: Mapping[int, Handler]) -> None:
    """Set the handlers that `set_handlers` has returned."""
    for number, handler in before.items():
        signal.signal(number, handler)


@contextmanager
def raising_signals() -> Iterator[None]:
    """In the block a signal raises `Signaled` at once, also as process 1.

    Process 1 of a container ignores signals that it has no handler for.
    """
    before, hook = set_handlers(raise_signaled), sys.unraisablehook

    def again(lost: Any) -> None:
        """Deliver a signal once more that came where Python drops exceptions."""
        if isinstance(lost.exc_value, Signaled):
            signaled = signal.Signals(lost.exc_value.number)
            threading.Timer(0.02, os.kill, (os.getpid(), signaled)).start()
        else:
            hook(lost)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        restore_handlers(before)


def raise_signaled(number: int, frame: FrameType | None) -> None:
    """Handle a signal by raising `Signaled`."""
    raise Signaled(number)
