"""What of a data set is left out and why, and the lines that say so."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import listed
from ..class_names import quoted

MOST_NAMES = 3
"""Names in a line; the others are counted."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is not used."""

    path: Path
    reason: str
    """Why, and how it is used after all; the same words for one and for many."""
    is_folder: bool = False


Note = Callable[[LeftOut], object]
"""Called with what is left out."""


def left_out_notes(root: Path, found: Iterable[LeftOut]) -> tuple[str, ...]:
    """A line for each reason: the first names, below `root`, and how many more."""
    names: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for x in found:
        few = names.setdefault(x.reason, [])
        counts[x.reason] = counts.get(x.reason, 0) + 1
        if len(few) < MOST_NAMES:
            few.append(_name(root, x))
    return tuple(
        left_out_line(few, counts[reason], reason) for reason, few in names.items()
    )


def left_out_line(names: Iterable[str], count: int, reason: str) -> str:
    """The line that `count` things, of which `names` are the first, are left out."""
    few = [quoted(x) for x in names][:MOST_NAMES]
    more = f" and {count - len(few)} more" if count > len(few) else ""
    return f"left out: {listed(few)}{more}: {reason}"


def _name(root: Path, x: LeftOut) -> str:
    path = x.path.relative_to(root) if x.path.is_relative_to(root) else x.path
    return f"{path.as_posix()}/" if x.is_folder else path.as_posix()
