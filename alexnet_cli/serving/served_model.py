"""The network that answers now, and the newer run that takes its place without a pause."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import AlexNetError, RunReplaced, first_line, printable
from ..inference.classifier import Classifier
from ..inference.network import BATCH

Log = Callable[[str], None]
"""Prints a line about the work."""
_EVERY = 1.0
"""Seconds between two looks at the run directory."""
_LONGEST = 5.0
"""The same, while what is in it cannot be read."""
_ATTEMPTS = 5
# What a half-written or damaged run can cause beside errors of ours.
_UNREADABLE = (AlexNetError, OSError, MemoryError, ValueError, RuntimeError)


class ServedModel:
    """The run at `path`; `classifier` is that of a newer one once there is one."""

    def __init__(self, path: Path, log: Log) -> None:
        """Load the run at `path`.

        Raises:
            AlexNetError: there is none, or it is damaged.
        """
        self.path, self.log = path, log
        self.classifier = ready_classifier(path)
        self._said = ""
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Look for a newer run from now on."""
        self._watcher.start()

    def stop(self) -> None:
        """No longer look for one."""
        self._stopped.set()

    def refresh(self) -> bool:
        """Whether the newest run answers; while that is unreadable, the one before does."""
        if self.classifier.run.is_unchanged():
            return True
        try:
            self.classifier = ready_classifier(self.path)
        except _UNREADABLE as error:
            # Its last part says how to make a run, which is not for who reads a log.
            reason = first_line(error).rsplit("; ", 1)[0] or type(error).__name__
            if reason != self._said:
                self.log(f"the run that was loaded before goes on: {reason}")
            self._said = reason
            return False
        self._said = ""
        self.log(f"{printable(self.path)} was replaced; the new run answers from now on")
        return True

    def _watch(self) -> None:
        wait = _EVERY
        while not self._stopped.wait(wait):
            wait = _EVERY if self.refresh() else min(2 * wait, _LONGEST)


def ready_classifier(path: Path) -> Classifier:
    """The classifier of the run at `path`, which needs nothing more of its directory.

    Raises:
        AlexNetError: there is no such run, or it is damaged.
    """
    for _ in range(_ATTEMPTS):
        classifier = Classifier(path)
        side = classifier.run.preprocess.stored_size
        # A network may read its file once more for the first batch of another size.
        for count in (1, BATCH):
            classifier.probabilities(np.zeros((count, side, side, 3), np.uint8))
        if classifier.run.is_unchanged():
            return classifier
    raise RunReplaced(f"{printable(path)} is replaced again and again; try later")
