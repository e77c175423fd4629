"""Memory has one user at a time, and the next one when nothing refers to it any more."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from alexnet_cli.dataset.reused_memory import ReusedMemory


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_given_again_and_is_aligned():
    memory = ReusedMemory()
    places = {address(memory.empty((4, 5, 5, 3))) for _ in range(9)}
    assert len(places) == 1
    assert places.pop() % 64 == 0


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x,
        lambda x: x[1:],
        lambda x: x[2][::-1, :, 1],
        lambda x: x.reshape(-1).view(np.uint64)[:1],
        lambda x: memoryview(x),
        lambda x: iter(x),
    ],
)
def test_what_is_looked_at_is_not_given_to_another(part):
    memory = ReusedMemory()
    first = memory.empty((4, 4, 4, 2))
    place, kept = address(first), part(first)
    del first
    others = [memory.empty((4, 4, 4, 2)) for _ in range(3)]
    assert place not in {address(x) for x in others}
    del kept
    assert address(memory.empty((4, 4, 4, 2))) == place


def test_memory_that_is_too_small_is_not_used():
    memory = ReusedMemory()
    memory.empty((10,))
    large = memory.empty((100_000,))
    large[:] = 7
    assert large.shape == (100_000,) and large.sum() == 700_000
    del large
    small = memory.empty((3, 2))
    assert small.shape == (3, 2) and small.flags.writeable


def test_no_more_is_kept_than_asked_for():
    memory = ReusedMemory(most=2)
    arrays = [memory.empty((10,)) for _ in range(5)]
    places = {address(x) for x in arrays}
    assert len(places) == 5
    arrays.clear()
    assert len(memory._free) == 2


def test_threads_do_not_share_memory():
    memory = ReusedMemory()

    def write(number):
        for _ in range(200):
            mine = memory.empty((1000,))
            mine[:] = number
            assert (mine == number).all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(4)))
