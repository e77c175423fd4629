"""What training gives back. No TensorFlow."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..evaluation.scores import Scores
from ..run.run import Run


@dataclass(frozen=True)
class Trained:
    """A run that can be used."""

    run: Run
    scores: Scores | None
    """Of the validation images; None if a signal left no time, or it had ended before."""
    reason: str = ""
    """Why training ended before its last epoch; empty if it did not."""
    signal: int = 0
    """The number of the signal that ended it; 0 if none did."""
    chief: bool = True
    """Whether this process has written the run: alone, or as the chief of several."""

    def at(self, path: Path) -> "Trained":
        """The same, with the run where it is now."""
        return replace(self, run=replace(self.run, path=path))
