"""The results of every finished epoch. No TensorFlow."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """One row of results per epoch, the best of them, and why training ended."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    """The row of the epoch whose weights are kept; empty before the first."""
    latest: dict[str, float] | None = None
    """The row of the epoch that has just ended."""
    reason: str = ""
    """Why training ended before its last epoch."""
    signal: int = 0
    """The number of the signal that ended training; 0 if none did."""
    failed: bool = False
    """Whether the loss became NaN or infinite."""

    def state(self) -> dict[str, Any]:
        """The rows, the best one as the number of its epoch, and why training ended."""
        return {
            "rows": [dict(x) for x in self.rows],
            "best": self.best.get("epoch"),
            "reason": self.reason,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.rows = [dict(x) for x in state["rows"]]
        self.best = next((x for x in self.rows if x["epoch"] == state["best"]), {})
        self.reason, self.signal, self.failed = state["reason"], 0, False
