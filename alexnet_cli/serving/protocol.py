"""HTTP/1.1 on one connection, which is closed if its next request does not come in time."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

_HEAD_SECONDS = 10.0
"""In which the head of a request has to arrive, and an unwanted body has to end."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which alone would wait for a slow head without end."""

    head_seconds = _HEAD_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head, unless a request is being answered."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._between_requests():
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._expired)

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _expired(self) -> None:
        self._timer = None
        if self._between_requests():
            self.transport.close()
