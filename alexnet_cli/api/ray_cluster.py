"""Ray: a connection to it, and a function of many items, computed by its machines."""

import logging
import os
import pickle
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ..errors import AlexNetError, ClusterError, first_line, printable

MISSING = "--cluster ray needs Ray; install it with: pip install 'alexnet[ray]'"
REACHED = 20
"""Seconds in which a cluster has to answer."""
_QUIET = {"RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DEDUP_LOGS_SKIP_REGEX": "will be retried"}
"""Of Ray's environment: what is no error, or is followed by one, is not printed."""
_RAISED = re.compile(r"^(?!ray\.)[\w.]+(?:Error|Exception)\b.*$", re.M)
T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def connected(
    workers: int | None = None, *, log_to_driver: bool = False
) -> Iterator["Machines"]:
    """The machines of the cluster that RAY_ADDRESS names, or this one.

    With `log_to_driver`, what workers print is printed here.

    Raises:
        ClusterError: Ray is not installed, cannot be reached, or fails in the block.
    """
    if not log_to_driver:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise ClusterError(MISSING) from error
    terminated = signal.getsignal(signal.SIGTERM)
    # What Ray itself has to say is no result.
    with nullcontext() if log_to_driver else redirect_stdout(sys.stderr):
        try:
            _begin(ray, log_to_driver)
            if threading.current_thread() is threading.main_thread():
                # Ray's handler would end the process before it is said how to go on.
                signal.signal(signal.SIGTERM, terminated)
            yield Machines(ray, workers)
        except RayError as error:
            # That of a task is many lines about tasks, and one with what was raised.
            raised = _RAISED.findall(str(error))
            said = printable(raised[-1]) if raised else first_line(error)
            raise ClusterError(f"--cluster ray: {said}") from error
        finally:
            ray.shutdown()


def _begin(ray: Any, log_to_driver: bool) -> None:
    """Connect to the cluster that RAY_ADDRESS names, or start one.

    Raises:
        ClusterError: it cannot be reached.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        # Ray itself tries for minutes.
        if found := re.fullmatch(r"(?:ray://)?([^/:]+):([0-9]{1,5})", address):
            socket.create_connection((found[1], int(found[2])), REACHED).close()
        ray.init(
            log_to_driver=log_to_driver, logging_level="error", ignore_reinit_error=True
        )
    except (OSError, RuntimeError, ValueError, OverflowError) as error:
        where = f"RAY_ADDRESS {printable(address)}" if address else "this machine"
        raise ClusterError(
            f"--cluster ray: Ray cannot be reached at {where}: {first_line(error)}"
        ) from error


@dataclass(frozen=True)
class Machines:
    """Those of Ray, with the `ray` that was imported."""

    ray: Any
    workers: int | None
    """How many processes are to work; by default one on each machine."""

    def map(self, make: Callable[[], Callable[[T], R]], items: Iterable[T]) -> Iterator[R]:
        """`make()(item)` of each item, in order, computed by Ray Data.

        Each worker calls `make` once, in the folder that this process is in. What is sent
        is pickled; `items` are kept by Ray, not by this process. When a worker
        ends, Ray starts it again, and says so.

        Raises:
            AlexNetError, OSError: `make`, or what it made, has raised that.
            ClusterError: more workers are to start than Ray has processors.
        """
        _quiet(self.ray)
        blocks = [self.ray.put(_table(x)) for x in items]
        if not blocks:
            return
        found = self.ray.data.from_arrow_refs(blocks).map_batches(
            _Worker,
            batch_size=1,
            batch_format="pyarrow",
            fn_constructor_args=(make, str(Path.cwd())),
            concurrency=min(self._count(), len(blocks)),
            num_cpus=1,
        )
        for row in found.iter_rows():
            result = pickle.loads(row["item"])
            if isinstance(result, AlexNetError | OSError):
                raise result
            yield result

    def _count(self) -> int:
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        count = self.workers or sum(x["Alive"] for x in self.ray.nodes())
        if count > cores:
            raise ClusterError(
                f"--workers {count} is more than the {cores} processors that Ray has"
            )
        return count


def _quiet(ray: Any) -> None:
    """Keep the order of items; print neither plans nor bars, which have ours beside."""
    import_module("ray.data")
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _table(item: object) -> Any:
    """`item` as a block of Ray Data that has one row."""
    import pyarrow

    return pyarrow.table({"item": pyarrow.array([pickle.dumps(item)], pyarrow.binary())})


class _Worker:
    """Does the work in a process of Ray's."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], folder: str) -> None:
        self.make, self.folder = make, folder
        self.work: Callable[[Any], Any] | None = None

    def __call__(self, block: Any) -> Any:
        """The block of the result, or of the error, for a block of one item."""
        return _table(self._tried(pickle.loads(block["item"][0].as_py())))

    def _tried(self, item: Any) -> Any:
        try:
            if self.work is None:
                self._enter()
                self.work = self.make()
            return self.work(item)
        # As Ray passes errors on, they are other ones, with tracebacks in their messages.
        except (AlexNetError, OSError) as error:
            return error

    def _enter(self) -> None:
        """Go to the folder of the command, which names are relative to."""
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise ClusterError(
                f"{printable(self.folder)}: {error.strerror} on a machine of Ray; start "
                f"the command in a folder that all of them share"
            ) from error
