"""Workers of one process, for what needs their exchange and no collectives."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class ThreadWorker:
    """A worker as `backend.workers.Workers`, one of `count` threads."""

    def __init__(self, index, shared):
        self.index, self.shared = index, shared
        self.count = shared["barrier"].parties
        self.is_chief = index == 0

    def gather(self, data):
        self.shared["data"][self.index] = data
        self.shared["barrier"].wait(20)
        found = [self.shared["data"][i] for i in range(self.count)]
        self.shared["barrier"].wait(20)
        return found

    def from_chief(self, data):
        return self.gather(data)[0]

    def total(self, values):
        return np.sum([np.frombuffer(x) for x in self.gather(values.tobytes())], axis=0)


def by_workers(count, function):
    """What `function` gives for each of `count` workers at once."""
    shared = {"barrier": threading.Barrier(count), "data": {}}
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda i: function(ThreadWorker(i, shared)), range(count)))
