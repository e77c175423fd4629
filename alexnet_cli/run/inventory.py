"""All run directories below a folder, found by the entries of folders alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .destination import STAGED
from .digests import RUN_JSON

MOST_FOLDERS = 20_000
"""That are looked into; more are taken for something else than runs."""
MOST_LEVELS = 8
EXPORTED = "export.json"
"""In a folder of exported models, which has a run.json and is no run."""
_VENV = "pyvenv.cfg"
"""In a virtual environment, which is often made where the runs are."""


@dataclass
class Found:
    """The run directories, and a line for each folder that was not looked into."""

    runs: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_runs(folder: Path) -> Found:
    """The run directories below `folder`, or itself, sorted by their paths.

    What is inside of them is not looked at (but for `folder`), nor virtual environments and
    hidden folders, except runs that are to replace another one. A link to a run counts if
    the run itself is not found; links to other folders are not followed.

    Raises:
        OSError: `folder` cannot be read.
    """
    found, links, left = Found(), list[Path](), MOST_FOLDERS
    level = [folder]
    for _ in range(MOST_LEVELS + 1):
        below: list[Path] = []
        for path in level[:left]:
            names, folders, linked = _entries(path, found, required=path is folder)
            if _VENV in names and path is not folder:
                continue
            if RUN_JSON in names:
                if EXPORTED not in names:
                    found.runs.append(path)
                if path is not folder:
                    continue
            below += folders
            links += linked
        left -= len(level)
        if left < 0:
            found.notes.append(f"more than {MOST_FOLDERS:,} folders: not all looked into")
            break
        level = below
    else:
        if level:
            found.notes.append(f"folders more than {MOST_LEVELS} deep: not looked into")
    found.runs = sorted(_with_linked(found.runs, links))
    return found


def _entries(
    path: Path, found: Found, *, required: bool
) -> tuple[set[str], list[Path], list[Path]]:
    """Which of the files that matter `path` has, its folders, and its links."""
    names, folders, links = set(), [], []
    try:
        with os.scandir(path) as entries:
            for x in entries:
                if x.name in (RUN_JSON, EXPORTED, _VENV):
                    names.add(x.name)
                elif x.name.startswith(".") and not STAGED.fullmatch(x.name):
                    continue
                elif x.is_symlink():
                    links.append(path / x.name)
                elif x.is_dir():
                    folders.append(path / x.name)
    except OSError as error:
        if required:
            raise
        found.notes.append(f"{path}: {error.strerror}")
    return names, folders, links


def _with_linked(runs: list[Path], links: list[Path]) -> Iterator[Path]:
    """`runs`, and links to others."""
    known = set()
    for path in (*runs, *links):
        # A link may lead in a circle, or to what cannot be read; of some, as of another
        # user's process, it cannot even be read where they lead.
        try:
            real = os.path.realpath(path)
        except OSError:
            continue
        is_run = os.path.lexists(os.path.join(real, RUN_JSON))  # noqa: PTH118
        exported = os.path.lexists(os.path.join(real, EXPORTED))  # noqa: PTH118
        if real not in known and is_run and not exported:
            known.add(real)
            yield path
