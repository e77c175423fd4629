"""What a listener of a training hears, also written to train.log."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import first_line
from ..run.train_log import TrainLog
from .lines import LineListener, noted, result_line
from .listener import Counter, Listener

if TYPE_CHECKING:
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.progress import Progress
    from ..trainer.result import Trained

SLOW = 5
"""Seconds after which work that was counted is worth a line."""


class _LogLines(LineListener):
    """Writes lines to a log."""

    def __init__(self, written: TrainLog) -> None:
        self.written = written

    def log(self, text: str) -> None:
        self.written.write(text)

    def notes(self, lines: Sequence[str]) -> None:
        for line in noted(lines):
            self.written.write(line)


class Recorder(Listener):
    """Passes on what it hears to another listener, and to train.log as lines."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.written = TrainLog(listener.log)
        self.lines = _LogLines(self.written)

    @classmethod
    def of(cls, listener: Listener) -> "Recorder":
        """The recorder of `listener`: itself, if it is one."""
        return listener if isinstance(listener, cls) else cls(listener)

    @contextmanager
    def writing(self, folder: Path, command: str) -> Iterator[None]:
        """Write train.log in `folder` during the block, and with which error it ends."""
        self.written.open(folder, command or "from Python")
        try:
            with self._warnings():
                yield
        except BaseException as error:
            said = first_line(error) or type(error).__name__
            if isinstance(error, OSError) and error.filename:
                said = f"{error.filename}: {said}"
            if isinstance(error, KeyboardInterrupt):
                said = "interrupted"
            notes = getattr(error, "__notes__", ())
            self.written.write("; ".join((f"ended: {said}", *notes)))
            raise
        finally:
            self.written.close()

    @contextmanager
    def _warnings(self) -> Iterator[None]:
        """Write what libraries warn of in the block, which is shown as well."""
        shown = warnings.showwarning

        def show(message: Warning | str, *where: Any, **more: Any) -> None:
            self.written.write(f"warning: {message}")
            shown(message, *where, **more)

        warnings.showwarning = show
        try:
            yield
        finally:
            warnings.showwarning = shown

    def ended(self, trained: "Trained") -> "Trained":
        """Write why training has ended, and how good its network is; the same again."""
        if trained.reason:
            self.written.write(f"stopped: {trained.reason}")
        self.written.write(result_line(trained))
        return trained

    def log(self, text: str) -> None:
        """Pass on a line about the work."""
        self.listener.log(text)
        self.lines.log(text)

    def notes(self, lines: Sequence[str]) -> None:
        """Pass on details of the line before."""
        self.listener.notes(lines)
        self.lines.notes(lines)

    @contextmanager
    def counting(self, what: str) -> Iterator[Counter]:
        """Pass on how far `what` is; how long it has taken is written."""
        started = time.monotonic()
        with self.listener.counting(what) as counter:
            yield counter
        seconds = time.monotonic() - started
        if seconds > SLOW:
            self.written.write(f"{what}: {seconds:.0f} s")

    def images_found(self, source: "Source") -> None:
        """Pass on the images of a data set."""
        self.listener.images_found(source)
        self.lines.images_found(source)

    def images_prepared(self, data: "PreparedData") -> None:
        """Pass on the decoded and split images."""
        self.listener.images_prepared(data)
        self.lines.images_prepared(data)

    def weights_matched(
        self, weights: "PretrainedWeights", matches: "Sequence[LayerMatch]"
    ) -> None:
        """Pass on pretrained weights and the layers that they fill."""
        self.listener.weights_matched(weights, matches)
        self.lines.weights_matched(weights, matches)

    def progress(self, now: "Progress") -> None:
        """Pass on the state of training; epochs are written."""
        self.listener.progress(now)
        self.lines.progress(now)
