"""How much memory is free: what the system has, within the limits of a container."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PROC = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _Files:
    """What a kind of control group calls its limit, its use, and page cache of no use."""

    limit: str
    used: str
    cached: str


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Files("memory.max", "memory.current", "inactive_file")


def free_memory(proc: Path = PROC, mount: Path = MOUNT) -> int:
    """Bytes that this process could take without swapping; 0 if nobody knows.

    The limit of every control group counts that the process is in: `proc` is the kernel's
    list of them, and `mount` is where they are.
    """
    try:
        free = int(psutil.virtual_memory().available)
    except OSError:
        # psutil has to read /proc on Linux.
        return 0
    return max(0, min([free, *_left_in_groups(proc, mount)]))


def peak_memory() -> int:
    """Bytes of memory that this process has used at its peak so far."""
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):
        return int(info.peak_wset)  # Windows
    import resource  # Not there.

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _left_in_groups(proc: Path, mount: Path) -> Iterator[int]:
    """Bytes left below the limit of each control group that has one; may be negative."""
    try:
        lines = proc.read_text().splitlines()
    except (OSError, ValueError):
        lines = ["0::/"]
    for line in lines:
        number, controllers, path = ([*line.split(":", 2), "", ""])[:3]
        if "memory" in controllers.split(","):
            yield from _left(mount / "memory", path, _V1)
        elif (number, controllers) == ("0", ""):
            yield from _left(mount, path, _V2)


def _left(root: Path, path: str, files: _Files) -> Iterator[int]:
    """Bytes left in the group `path` below `root` and in each group around it."""
    names = [x for x in path.split("/") if x]
    # A container may see the path that the host has; its own group is then the root.
    inside = ".." not in names and root.joinpath(*names).is_dir()
    for depth in range(len(names) + 1 if inside else 1):
        left = _left_in(root.joinpath(*names[:depth]), files)
        if left is not None:
            yield left


def _left_in(group: Path, files: _Files) -> int | None:
    """Bytes left in one group; None if it has no limit that can be read.

    Without a limit the first kind has a huge number, the second the word "max".
    """
    try:
        limit = int((group / files.limit).read_text())
        used = int((group / files.used).read_text())
    except (OSError, ValueError):
        return None
    return limit - used + min(used, _statistics(group).get(files.cached, 0))


def _statistics(group: Path) -> Mapping[str, int]:
    """The numbers of memory.stat; none if it cannot be read."""
    try:
        rows = [x.split() for x in (group / "memory.stat").read_text().splitlines()]
        return {x[0]: int(x[1]) for x in rows if len(x) == 2}
    except (OSError, ValueError):
        return {}
