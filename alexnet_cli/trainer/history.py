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
    """The row of the epoch that has just ended; None if its loss is NaN or infinite."""
    reason: str = ""
    """Why training ended before its last epoch."""
    interrupted: bool = False

    def state(self) -> dict[str, Any]:
        """Everything but `latest`, with the best row as the number of its epoch."""
        return {
            "rows": [dict(x) for x in self.rows],
            "best": self.best.get("epoch"),
            "reason": self.reason,
            "interrupted": self.interrupted,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.rows = [dict(x) for x in state["rows"]]
        self.best = next((x for x in self.rows if x["epoch"] == state["best"]), {})
        self.reason, self.interrupted = state["reason"], state["interrupted"]
