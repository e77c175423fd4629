"""What is known of every finished epoch. No TensorFlow."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """Every epoch's row, the best one, and why training ended."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)
    latest: dict[str, float] | None = None
    """The row of the epoch that has just ended; None if it diverged."""
    reason: str = ""
    """Why training ended before its last epoch."""
    interrupted: bool = False

    def state(self) -> dict[str, Any]:
        """The rows and the number of the best epoch."""
        return {"rows": self.rows, "best": self.best.get("epoch")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.rows = [dict(x) for x in state["rows"]]
        self.best = next((x for x in self.rows if x["epoch"] == state["best"]), {})
