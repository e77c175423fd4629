"""Answers over HTTP and HTTPS alone, from servers that must not be slow for ever."""

import http.client
import io
import math
import re
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import IO, Any

from ..errors import DownloadError

CHUNK = 1 << 18
"""Bytes read at once."""

TIMEOUT = 30.0
"""Seconds without a byte after which a connection is given up."""

WINDOW = 60.0
"""Seconds of waiting for the server in which at least SLOWEST bytes have to come."""

SLOWEST = 60_000

MAX_HEAD = 2**20
"""Bytes before a body: of all answers that only announce another one, and their headers."""


class TooSlow(Exception):
    """The server keeps the connection and sends next to nothing."""


def check_address(url: str, since: str = "") -> None:
    """Check an address, to which the one of `since` may lead.

    Raises:
        DownloadError: it is none, or less protected than `since`.
    """
    where = f"{since}: leads to {url}, which" if since else f"{url}:"
    try:
        parts = urllib.parse.urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
        usable = parts.port != 0 and parts.username is None
    except ValueError as error:
        raise DownloadError(f"{where} is no address ({error})") from error
    if scheme not in ("http", "https"):
        raise DownloadError(f"{where} is neither http nor https")
    if not host or not usable or not re.fullmatch("[!-~]+", url):
        raise DownloadError(
            f"{where} is no address; write https://HOST/PATH in ASCII, a space as %20"
        )
    if since.lower().startswith("https:") and scheme == "http":
        raise DownloadError(f"{where} is not encrypted")


def open_address(url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """The answer to a request with `headers`, once it begins.

    Raises:
        OSError: there is no connection, it breaks, or the server refuses.
        HTTPException: it breaks.
        NotHttp: what comes is not HTTP.
        TooSlow: next to nothing came.
        ValueError: a name or a proxy is not one.
    """
    request = urllib.request.Request(url, headers=dict(headers))
    answer: http.client.HTTPResponse = _opener().open(request, timeout=TIMEOUT)
    return answer


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https; the standard one also opens files, FTP and data."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Http(),
        _Https(),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to addresses that `check_address` allows."""

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> Any:
        """The answer that `fp`, which is closed, leads to."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except BaseException:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_302
    http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, *args: Any) -> urllib.request.Request | None:
        """The request to the address that is the last of `args`."""
        check_address(args[-1], since=req.full_url)
        return super().redirect_request(req, *args)


class NotHttp(Exception):
    """What comes is not an answer over HTTP."""


class _Watched(io.RawIOBase):
    """The bytes of `raw`, while at least SLOWEST of them come in every WINDOW.

    Before the body begins, they are at most MAX_HEAD.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw, self._seconds, self._bytes = raw, 0.0, 0
        self.head_left: float = MAX_HEAD

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """The number of bytes put into `buffer`."""
        started = time.monotonic()
        count = self._raw.readinto(buffer)
        # Not the time that it takes to write them.
        self._seconds += time.monotonic() - started
        self._bytes += count or 0
        self.head_left -= count or 0
        if self.head_left < 0:
            raise NotHttp("its headers do not end")
        if self._seconds >= WINDOW:
            if self._bytes < SLOWEST:
                raise TooSlow
            self._seconds, self._bytes = 0.0, 0
        return count

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose headers and body have to come at a speed."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._watched = _Watched(self.fp.detach())
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        """Read the headers."""
        try:
            super().begin()
        except (http.client.RemoteDisconnected, http.client.IncompleteRead):
            raise
        except http.client.HTTPException as error:
            raise NotHttp(str(error) or type(error).__name__) from error
        self._watched.head_left = math.inf

    def read(self, amt: int | None = None) -> bytes:
        """At most CHUNK bytes: urllib reads all of an answer that leads elsewhere."""
        return super().read(CHUNK if amt is None else amt)


class _Connection(http.client.HTTPConnection):
    response_class = _Response


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _Response


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """The answer to `req`."""
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """The answer to `req`, from a server whose certificate is valid."""
        context = ssl.create_default_context()
        return self.do_open(_SecureConnection, req, context=context)
