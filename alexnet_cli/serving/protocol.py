"""HTTP/1.1 on one connection, which is closed if its next request does not come in time."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .refusals import Refused, error_response
from .watched import HEADERS

_HEAD_SECONDS = 10.0
"""In which the head of a request has to arrive, and an unwanted body has to end."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which alone would wait for a slow head without end."""

    head_seconds = _HEAD_SECONDS
    _timer: asyncio.TimerHandle | None = None
    _ended = False
    """The client sends no more; it may still wait for answers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head, unless a request is being answered."""
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: a whole request is not answered yet.

        A client that ends only its half of the connection, as `nc -N`, looks like one that
        is gone until it is written to.
        """
        self._ended = True
        return not self._is_idle_or_cut_off()

    def on_response_complete(self) -> None:
        """Go on with the next request; after the last one of a client close."""
        super().on_response_complete()
        if self._ended and self._is_idle_or_cut_off():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing."""
        self._forget()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, unless an answer has begun, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            closing = {**HEADERS, "Connection": "close"}
            refused = Refused(400, "the request is not valid HTTP/1.1", closing)
            answer = error_response(refused)
            for event in (
                h11.Response(
                    status_code=400, headers=answer.raw_headers, reason=b"Bad Request"
                ),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        if not self._between_requests():
            # The application is not to answer once more.
            self.cycle.disconnected = True
        self.transport.close()

    def _watch(self) -> None:
        if not self._between_requests():
            self._forget()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._expired)

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _is_idle_or_cut_off(self) -> bool:
        return self._between_requests() or self.cycle.more_body

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _expired(self) -> None:
        self._timer = None
        if self._between_requests():
            self.transport.close()
