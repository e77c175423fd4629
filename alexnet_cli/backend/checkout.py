"""The Git commit of a checkout, with git or without."""

import os
import re
import subprocess
from pathlib import Path

_SHORT = 12
_COMMIT = re.compile("[0-9a-f]{40,64}")


def commit_of(root: Path) -> str:
    """The commit of the checkout `root`; "" if it is none, or has no commit.

    With + if files have changed since, and with ? if git is not there to tell.
    """
    if not (root / ".git").exists():
        return ""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        found = _head(root)
        return f"{found[:_SHORT]}?" if found else ""
    if not commit:
        return ""
    changed = _git(root, "status", "--porcelain", "-uno")
    mark = "?" if changed is None else "+" if changed else ""
    return f"{commit[:_SHORT]}{mark}"


def _git(root: Path, *words: str) -> str | None:
    """What git answers about `root`, "" if that is an error; None if it cannot be asked."""
    # Also if it is another user's, whose code is running already; nothing is written.
    options = ("--no-optional-locks", "-c", f"safe.directory={root}")
    # A hook of another repository has variables that lead there.
    own = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *options, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
            env=own,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else ""


def _head(root: Path) -> str:
    """The commit that is checked out, by the files of Git; "" if they do not tell."""
    try:
        folder = root / ".git"
        if folder.is_file():  # of a worktree or a submodule
            folder = root / folder.read_text().removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text().strip()
        if head.startswith("ref:"):
            head = _reference(folder, head.removeprefix("ref:").strip())
    except (OSError, ValueError):
        return ""
    return head if _COMMIT.fullmatch(head) else ""


def _reference(folder: Path, name: str) -> str:
    """The commit that the branch `name` is at; "" if it has none."""
    common = folder / "commondir"
    shared = folder / common.read_text().strip() if common.is_file() else folder
    for file in (folder / name, shared / name):
        if file.is_file():
            return file.read_text().strip()
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((x.split()[0] for x in lines if x.endswith(f" {name}")), "")
