"""What happens to every request: it is counted, and its answer gets safe headers."""

import asyncio
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import printable
from .service import Service

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KNOWN = ("/", "/predict", "/healthz", "/metrics", "/app.js", "/app.css")
_TF_SERVING = "/v1/models/"


class Watched:
    """ASGI middleware: counts requests, adds headers, and writes the access log."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began, status = time.monotonic(), 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if self.service.draining:
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, receive, watching)
        except asyncio.CancelledError:
            self.service.unanswered += 1
            raise
        finally:
            self._saw(scope, status, time.monotonic() - began)

    def _saw(self, scope: Scope, status: int, seconds: float) -> None:
        self.service.answered += 1
        path = scope["path"]
        known = path if path in _KNOWN else "other"
        route = f"{_TF_SERVING}*" if path.startswith(_TF_SERVING) else known
        self.service.metrics.saw_request(route, status, seconds)
        if self.service.settings.access_log:
            client = scope["client"][0] if scope["client"] else "-"
            line = f"{client} {scope['method']} {printable(path)} {status}"
            self.service.log(f"{line} {seconds * 1000:.0f} ms")
