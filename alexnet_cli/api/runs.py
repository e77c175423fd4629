"""runs(): a summary of every run directory below a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import RecipeError, RunError, printable
from ..run.inventory import find_runs
from ..run.summary import RunSummary, summary
from .listener import Listener

_TEXTS: dict[str, Callable[[RunSummary], str]] = {
    "run": lambda x: str(x.path),
    "network": lambda x: x.network,
    "recipe": lambda x: x.recipe,
    "data": lambda x: x.data_digest,
}
_NUMBERS: dict[str, Callable[[RunSummary], Any]] = {
    "epochs": lambda x: x.epochs,
    "minutes": lambda x: x.seconds,
    "val": lambda x: x.validation,
    "test": lambda x: x.test and x.test.top1,
    "size": lambda x: x.size,
    "date": lambda x: x.created,
}
SORT_KEYS = (*_TEXTS, *_NUMBERS)
"""Columns by which runs are sorted: texts from A to Z, the others from the highest."""


def runs(
    folder: Path | str = ".", *, sort: str = "val", listener: Listener | None = None
) -> list[RunSummary]:
    """Every run directory below `folder`, or itself, sorted by the column `sort`.

    Those that cannot be read have an `error` and come last.

    Raises:
        RunError: `folder` cannot be read.
        RecipeError: there is no such column.
    """
    if sort not in SORT_KEYS:
        raise RecipeError(f"--sort: {sort!r} is not one of {', '.join(SORT_KEYS)}")
    listener = listener or Listener()
    try:
        found = find_runs(Path(folder))
    except OSError as error:
        raise RunError(f"{printable(folder)}: {error.strerror}") from error
    summaries = []
    with listener.counting("reading runs") as counter:
        for number, path in enumerate(found.runs, 1):
            summaries.append(summary(path))
            counter(number, len(found.runs))
    for line in found.notes:
        listener.log(f"warning: {line}")
    return _sorted(summaries, sort)


def _sorted(found: list[RunSummary], sort: str) -> list[RunSummary]:
    """Equal ones stay in the order of their paths, and those without a value come last."""
    value = {**_TEXTS, **_NUMBERS}[sort]
    known = [x for x in found if not x.error and value(x) not in (None, "")]
    unknown = [x for x in found if not x.error and value(x) in (None, "")]
    known.sort(key=value, reverse=sort in _NUMBERS)
    return [*known, *unknown, *(x for x in found if x.error)]
