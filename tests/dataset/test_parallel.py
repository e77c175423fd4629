"""Work of several threads ends when its caller does, and holds nobody up."""

import threading
import time

import pytest

from alexnet_cli.dataset import parallel
from alexnet_cli.dataset.parallel import parallel_map


def test_a_map_runs_in_threads_and_keeps_its_order():
    names = set()

    def slow(x):
        names.add(threading.current_thread().name)
        time.sleep(0.01 if x % 3 else 0.03)
        return -x

    assert list(parallel_map(slow, range(30))) == [-x for x in range(30)]
    assert threading.current_thread().name not in names


def test_a_map_reads_only_a_few_items_ahead(monkeypatch):
    monkeypatch.setattr(parallel, "usable_cores", lambda: 2)
    started = []

    def function(x):
        started.append(x)
        return x

    found = parallel_map(function, range(1000))
    assert next(found) == 0
    time.sleep(0.05)
    assert len(started) <= 17
    assert next(found) == 1
    found.close()
    assert len(started) <= 18


def test_a_map_that_is_closed_starts_nothing_more():
    started = []

    def slow(x):
        started.append(x)
        time.sleep(0.02)

    found = parallel_map(slow, range(100), workers=1, ahead=50)
    next(found)
    found.close()
    assert len(started) <= 10


def test_a_map_raises_what_its_function_raises():
    def function(x):
        return 1 // (2 - x)

    found = parallel_map(function, range(5))
    assert next(found) == 0 and next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_a_work_that_is_cut_off_waits_for_no_thread():
    """As when it is collected as garbage by a thread that holds what the others need."""
    lock, begun = threading.Lock(), threading.Event()

    def work(number):
        if number:
            begun.set()
            with lock:
                pass
        return number

    with lock:
        found = parallel_map(work, range(9), 2)
        assert next(found) == 0 and begun.wait(10)
        closing = threading.Thread(target=found.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
