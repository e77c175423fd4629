"""A function of many items, computed by all cores."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from ..backend.devices import usable_cores

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(
    function: Callable[[T], R],
    items: Iterable[T],
    workers: int | None = None,
    ahead: int = 8,
) -> Generator[R, None, None]:
    """`function` of each item, in order, computed by all cores or that many `workers`.

    Each is at most `ahead` items ahead of the caller, so that memory does not grow with
    `items`.
    Threads are enough: Pillow releases the interpreter while it decodes and resizes.
    """
    workers = workers or usable_cores()
    rest = iter(items)
    pool = ThreadPoolExecutor(workers)
    try:
        jobs = deque(pool.submit(function, x) for x in islice(rest, ahead * workers))
        while jobs:
            yield jobs.popleft().result()
            jobs += [pool.submit(function, x) for x in islice(rest, 1)]
    finally:
        # Nobody waits for what runs after an error or a signal. The garbage collector may
        # be what ends this, under any lock, also one that the threads need to end.
        pool.shutdown(wait=False, cancel_futures=True)
