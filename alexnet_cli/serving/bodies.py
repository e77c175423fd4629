"""Bodies of requests, read within limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from ..errors import printable
from .refusals import Refused

_AT_ONCE = 32
"""Bodies of the largest size that may be held at the same time."""
MULTIPART = "multipart/form-data"
# What `curl --data-binary` sends by itself is the third.
_RAW = ("", "application/octet-stream", "application/x-www-form-urlencoded")


class Bodies:
    """Reads bodies of at most `max_bytes`, and only so many at once as memory is for."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held = 0

    @asynccontextmanager
    async def read(self, request: Request, deadline: float) -> AsyncIterator[bytes]:
        """The body, counted as held until the block ends. `deadline` is the loop's time.

        Raises:
            Refused: 413 too large, 408 too slow, 429 too many at once.
            ClientDisconnect: it was cut off.
        """
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise Refused(415, f"Content-Encoding {printable(encoding)} is not supported")
        declared = request.headers.get("content-length", "0")
        if int(declared) > self.max_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        try:
            await self._receive(request, deadline, chunks)
            yield b"".join(chunks)
        finally:
            self.held -= sum(map(len, chunks))

    async def _receive(
        self, request: Request, deadline: float, chunks: list[bytes]
    ) -> None:
        """Fill `chunks` with the body."""
        size = 0
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in request.stream():
                    chunks.append(chunk)
                    size += len(chunk)
                    self.held += len(chunk)
                    if size > self.max_bytes:
                        raise self._too_large()
                    self._require_memory()
        except TimeoutError as error:
            raise Refused(
                408, "the body did not arrive in time", {"Connection": "close"}
            ) from error

    def _too_large(self) -> Refused:
        return Refused(413, f"the body is larger than {self.max_bytes} bytes")

    def _require_memory(self) -> None:
        if self.held > _AT_ONCE * self.max_bytes:
            raise Refused(429, "too many large requests at once", {"Retry-After": "1"})


def media_type(request: Request) -> str:
    """The type of the body, without parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_image_type(request: Request) -> None:
    """Check that the body says it is an image, or does not say what it is.

    Raises:
        Refused: 415.
    """
    found = media_type(request)
    if found != MULTIPART and found not in _RAW and not found.startswith("image/"):
        raise Refused(
            415,
            f"Content-Type {printable(found)} is not supported; send the image itself as "
            f"image/* or application/octet-stream, or files as {MULTIPART}",
        )
