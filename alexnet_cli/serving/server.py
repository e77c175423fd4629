"""The server: its socket, its start, and its end, at which every request is answered."""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn

from ..backend.signals import restore_handlers, set_handlers
from ..errors import Interrupted, first_line, printable
from .app import new_app
from .listener import bound, refuse_new, shown
from .protocol import PatientProtocol
from .served_model import Log, ServedModel
from .service import Service
from .settings import Settings

_GRACE = 0.5
"""Seconds for connections and requests that are on their way when draining begins."""
_MARGIN = 5
"""Seconds that draining may take beyond the timeout of a request."""
_BACKLOG = 2048
_LOGGERS = ("uvicorn.error", "asyncio", "python_multipart")


def serve(settings: Settings, log: Log) -> None:
    """Answer requests until a signal comes, then those that were accepted.

    Raises:
        AlexNetError: the port is taken, or there is no run.
        Interrupted: requests were not answered in time after the signal.
    """
    # Before the network is loaded, which takes longer; nobody can connect yet.
    with contextlib.closing(bound(settings.host, settings.port)) as listener:
        model = ServedModel(settings.model, log)
        service = Service(settings, model, log)
        server = _Server(service)
        model.start()
        try:
            with _drained_by_signals(server), _reported_errors(log):
                asyncio.run(server.serve(sockets=[listener]))
        finally:
            model.stop()
            service.batcher.close()
    if service.unanswered:
        raise Interrupted(
            f"stopped; {service.unanswered} request(s) were not answered in time",
            server.signal,
        )
    log(f"stopped; every request was answered ({service.answered})")


class _Server(uvicorn.Server):
    """uvicorn's server, which ends only when every request has its answer."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        protocol = type(
            "Protocol",
            (PatientProtocol,),
            {"head_seconds": min(PatientProtocol.head_seconds, settings.timeout)},
        )
        super().__init__(
            uvicorn.Config(
                new_app(service), http=protocol, ws="none", lifespan="off", log_config=None,
                access_log=False, proxy_headers=False, server_header=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=math.ceil(settings.timeout) + _MARGIN,
            )
        )  # fmt: skip
        self.service = service
        self.signal = int(signal.SIGTERM)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `_drained_by_signals`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        settings, run = self.service.settings, self.service.model.classifier.run
        port = (sockets or [])[0].getsockname()[1]
        self.service.log(
            f"serving {printable(settings.model)} ({len(run.classes)} classes) at "
            f"http://{shown(settings.host, port)}"
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, answer what was accepted, and end."""
        self.service.draining = True
        for listener in sockets or []:
            refuse_new(listener)
        await asyncio.sleep(_GRACE)
        await super().shutdown(sockets)


@contextlib.contextmanager
def _drained_by_signals(server: _Server) -> Iterator[None]:
    """In the block the first signal ends `server` in order, and the second at once."""

    def drain(number: int, frame: FrameType | None) -> None:
        if server.should_exit:
            os.write(2, b"alexnet: interrupted\n")
            # Requests, and threads that compute, would hold up any other way out.
            os._exit(128 + number)
        server.signal, server.should_exit = number, True

    before = set_handlers(drain)
    try:
        yield
    finally:
        restore_handlers(before)


@contextlib.contextmanager
def _reported_errors(log: Log) -> Iterator[None]:
    """In the block an error that a library logs is one line, and a warning is none."""
    handler, loggers = _OneLine(log), [logging.getLogger(x) for x in _LOGGERS]
    before = [(x.propagate, x.level) for x in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
        # What they warn of is what clients do.
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, (propagate, level) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
            logger.setLevel(level)


class _OneLine(logging.Handler):
    """Passes on each record as one line, with its error but without a traceback."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line."""
        error = record.exc_info[1] if record.exc_info else None
        why = f": {type(error).__name__}: {first_line(error)}" if error else ""
        self.log(f"{record.getMessage().strip()}{why}")
