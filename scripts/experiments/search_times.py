"""How long the near-duplicate search takes, on drawn images; see `near_duplicates.py`."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from drawn_images import frames, photos

from alexnet_cli.dataset.near_duplicates.closeups import ImageSet, reopened
from alexnet_cli.dataset.near_duplicates.fingerprint import Table, candidates
from alexnet_cli.dataset.near_duplicates.groups import connected
from alexnet_cli.dataset.near_duplicates.search import find_copies, near_pairs

T = TypeVar("T")


def measure_frames(files: list[Path], count: int, clips: int) -> None:
    """Print how long it takes on frames of clips."""
    measure(*frames(files, count, clips))


def measure_photos(files: list[Path], count: int) -> None:
    """Print how long it takes on different photos."""
    measure(*photos(files, count))


def measure(prints: np.ndarray, encoded: list[bytes]) -> None:
    """Print how long the search takes within a set and across its halves."""
    opened = [0]
    images = image_set(prints, encoded, opened)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak until now
    before = memory("VmRSS")
    found, took = timed(lambda: near_pairs(images, lambda done, count: None))
    more = memory("VmHWM") - before
    groups = len(set(connected(len(prints), found.pairs)))
    print(
        f"{len(prints)} images, {groups} groups: {took}, {opened[0]} read again, "
        f"{more:.0f} MiB more than before",
        flush=True,
    )
    opened[0] = 0
    one, two = (image_set(prints[i::2], encoded[i::2], opened) for i in (0, 1))
    copies, took = timed(lambda: find_copies(one, two, lambda done, count: None))
    halves = f"{len(two.prints)} images in {len(one.prints)}"
    print(f"{halves}: {len(copies)} copies: {took}, {opened[0]} read again", flush=True)
    some = Table.of(prints[:: max(1, len(prints) // 4000)])
    share = np.triu(candidates(some, some), 1).sum() / math.comb(len(some.prints), 2)
    print(f"{1e6 * share:.0f} of a million pairs look alike at first")


def image_set(prints: np.ndarray, encoded: list[bytes], opened: list[int]) -> ImageSet:
    """All of other content; `opened` counts how often one is read again."""

    def read(index: int) -> bytes:
        opened[0] += 1
        return encoded[index]

    names = [f"{id(encoded)} {i}" for i in range(len(prints))]
    return ImageSet(prints, reopened(read), names)


def memory(field: str) -> float:
    """MiB of this process, as Linux calls it: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def timed(function: Callable[[], T]) -> tuple[T, str]:
    """What `function` returns, and the seconds it took, on the clock and of all cores."""
    started, worked = time.perf_counter(), time.process_time()
    found = function()
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    return found, f"{seconds:.1f} s ({work:.1f} s of CPU)"
