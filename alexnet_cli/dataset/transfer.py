"""A file over HTTP into a part, which the next try goes on with. No server is trusted.

Whatever one answers ends with the part as it may be, or with one DownloadError.
"""

import http.client
import re
import stat
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DownloadError, first_line
from .http import CHUNK, NotHttp, TooSlow, check_address, open_address


def fetch(url: str, part: Path, size: int, progress: Callable[[int, int], None]) -> None:
    """Complete the file `part`, which may have some of the `size` bytes at `url`.

    Raises:
        DownloadError: no connection, or the server does not send what it should.
        OSError: the part cannot be written.
    """
    have = _kept(part)
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _answer(url, have) as answer:
            have = _start(answer, url, have, size)
            chunks = _chunks(answer, url, have)
            with part.open("ab" if have else "wb") as out:
                for chunk in chunks:
                    have += len(chunk)
                    if have > size:
                        raise _Wrong(f"{url}: is larger than {size} bytes")
                    out.write(chunk)
                    progress(have, size)
            if have < size and answer.chunked:
                raise _Wrong(f"{url}: {have} bytes are all of it, not {size}")
    except _Wrong:
        # It would spoil the next try.
        part.unlink(missing_ok=True)
        raise
    if have < size:
        raise DownloadError(f"{url}: {have} of {size} bytes, was cut short; try again")


def _kept(part: Path) -> int:
    """How many bytes an earlier try has left in `part`; what is no file of ours is removed.

    A folder of somebody else may have a link there, which would lead elsewhere.
    """
    try:
        found = part.lstat()
    except FileNotFoundError:
        return 0
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return found.st_size
    part.unlink()
    return 0


class _Wrong(DownloadError):
    """The server has another file, or sends it from the wrong place."""


def _answer(url: str, have: int) -> http.client.HTTPResponse:
    """The server's answer to a request for the bytes from `have` on."""
    check_address(url)
    # Some servers resume only for clients that name themselves.
    headers = {"User-Agent": "alexnet"} | ({"Range": f"bytes={have}-"} if have else {})
    with _network(url, have):
        return open_address(url, headers)


def _start(answer: http.client.HTTPResponse, url: str, have: int, size: int) -> int:
    """The place in the file, 0 or `have`, at which the body of `answer` begins.

    Raises:
        DownloadError: it is not the file, or not from there.
    """
    headers = answer.headers
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise DownloadError(f"{url}: the server sends it as {encoding}, not as it is")
    lengths = {x.strip() for x in headers.get_all("Content-Length", [])}
    if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,18}", x) for x in lengths):
        said = ", ".join(sorted(lengths))
        raise DownloadError(
            f"{url}: the server says that it has {said[:100]} bytes, which is no length; "
            f"try another address with --mirror"
        )
    if answer.status == 206:
        said = headers.get("Content-Range", "")
        if not re.fullmatch(rf"bytes {have}-[0-9]+/({size}|\*)", said):
            raise _Wrong(f"{url}: the server does not resume at {have} but {said[:100]!r}")
        return have
    if answer.status != 200:
        raise DownloadError(f"{url}: the server responded {answer.status} {answer.reason}")
    length = int(*lengths) if lengths else None
    if length != size and headers.get_content_type() == "text/html":
        raise DownloadError(
            f"{url}: the server sent a web page; does this network ask for a login?"
        )
    if length not in (None, size):
        raise DownloadError(f"{url}: the server has {length} bytes, not {size}")
    return 0


def _chunks(answer: http.client.HTTPResponse, url: str, have: int) -> Iterator[bytes]:
    while True:
        with _network(url, have):
            chunk = answer.read1(CHUNK)
        if not chunk:
            return
        have += len(chunk)
        yield chunk


@contextmanager
def _network(url: str, have: int) -> Iterator[None]:
    """Raise a DownloadError for whatever the network and the server do to the block."""
    resume = f"after {have} bytes; try again to resume"
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(url, error, have) from error
    except NotHttp as error:
        raise DownloadError(
            f"{url}: what answers is no web server ({first_line(error)}); try another "
            f"address with --mirror"
        ) from error
    except http.client.InvalidURL as error:
        raise DownloadError(f"{url}: is no address ({first_line(error)})") from error
    except (TooSlow, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        how = "is too slow" if isinstance(error, TooSlow) else "broke"
        raise DownloadError(f"{url}: the connection {how} {resume}") from error
    except urllib.error.URLError as error:
        reason = error.reason
        said = first_line(reason) if isinstance(reason, Exception) else str(reason)[:200]
        raise DownloadError(
            f"{url}: no connection ({said}); try again when online"
        ) from error
    # Of names and proxies that the standard library does not check before it uses them.
    except (OSError, ValueError, OverflowError) as error:
        raise DownloadError(f"{url}: no connection ({first_line(error)})") from error


def _refused(url: str, error: urllib.error.HTTPError, have: int) -> DownloadError:
    if error.code == 416 and have:
        return _Wrong(f"{url}: the server has no more than was fetched; try again")
    said = f"{error.code} {error.reason}"[:200]
    if str(error.reason).startswith(urllib.request.HTTPRedirectHandler.inf_msg):
        said = f"{error.code} again and again, a redirection that does not end"
    return DownloadError(f"{url}: the server responded {said}")
