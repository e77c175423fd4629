"""Shards on a server: parts of files are fetched, and the latest kept on this machine."""

import hashlib
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from ...backend.whole_file import written_whole
from ...errors import DatasetError, first_line, printable
from ..download import cache_folder
from ..sources.kinds import remote_url
from .block_cache import BlockCache

BLOCK = 2**18
"""Bytes that are fetched at once: several JPEGs of a shard, or one raw image."""
MOST_KEPT, SPARE = 20 * 2**30, 2**30
"""The most bytes that are kept on this machine, and those of its disk that stay free."""
TIMEOUT, RETRIED = 60, 15
"""Seconds without a byte after which a connection is given up, for good or to try again."""
_RAISED = {
    "http": ("aiohttp.ClientError",),
    "https": ("aiohttp.ClientError",),
    "s3": ("botocore.exceptions.BotoCoreError", "botocore.exceptions.ClientError"),
    "gs": ("gcsfs.retry.HttpError", "google.auth.exceptions.GoogleAuthError"),
}
"""What the libraries of a scheme raise besides OSError and ValueError."""
_QUERY = re.compile(r"\?[^\s)'\"]*")
_ADVICE = {
    "Unable to locate credentials": "; FSSPEC_S3_ANON=true reads public buckets without",
    "Forbidden": "; the credentials that were found may not read it",
}
"""What to do, by what the libraries say."""
T = TypeVar("T")


class RemoteStore:
    """A folder at an address of http, https, s3 or gs."""

    def __init__(self, data: Path, cache: BlockCache | None = None) -> None:
        """Find what reads the address; nothing is read yet.

        Raises:
            DatasetError: a package that it needs is not installed, or it is no address.
        """
        self.url = remote_url(data).rstrip("/")
        scheme = _scheme(self.url)
        self._web = scheme in ("http", "https")
        try:
            self._raised: tuple[type[Exception], ...] = (OSError, ValueError)
            self._raised += tuple(_named(x) for x in _RAISED[scheme])
            self._files, self._root = _file_system(self.url, scheme)
        except ImportError as error:
            raise DatasetError(
                f"{self.location} needs packages that are not installed "
                f"({first_line(error)}); pip install 'alexnet[remote]'"
            ) from error
        except self._raised as error:
            raise DatasetError(f"{self.location}: {_said(error)}") from error
        self._cache = cache or BlockCache(*_place())
        self._version, self._sizes = "", dict[str, int]()

    @property
    def location(self) -> str:
        """The address."""
        return printable(self.url)

    def pin(self, version: str, sizes: Mapping[str, int]) -> None:
        """Keep parts of files from now on: those of `version`, whose `sizes` are known."""
        self._version, self._sizes = version, dict(sizes)

    def size(self, file: str) -> int:
        """The bytes of `file`.

        Raises:
            DatasetError: it is not there, or its server does not say.
        """
        if file not in self._sizes:
            found = self._tried(file, lambda: self._files.info(f"{self._root}/{file}"))
            size = found.get("size")
            if not isinstance(size, int):
                raise self._error(file, "the server does not say how large it is")
            self._sizes[file] = size
        return self._sizes[file]

    def read(self, file: str, offset: int, size: int) -> bytes:
        """`size` bytes of `file` from `offset`, or those that there are.

        Raises:
            DatasetError: they cannot be fetched.
        """
        if not self._version:
            return self._fetch(file, offset, offset + size)
        first, end = offset // BLOCK, min(offset + size, self.size(file))
        data = b"".join(self._block(file, i) for i in range(first, -(-end // BLOCK)))
        return data[offset - first * BLOCK : end - first * BLOCK]

    def local(self, file: str, size: int) -> Path:
        """A copy of `file`, of `size` bytes, on this machine.

        Raises:
            DatasetError: it cannot be fetched.
            OSError: it cannot be written.
        """
        copy = self._cache.folder / f"{self._key(file)}-whole" / file
        if copy.is_file() and copy.stat().st_size == size:
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(copy) as part, part.open("wb") as out:
            for offset in range(0, size, 16 * BLOCK):
                end = min(size, offset + 16 * BLOCK)
                out.write(self._fetch(file, offset, end))
        return copy

    def _block(self, file: str, number: int) -> bytes:
        start = number * BLOCK
        end = min(start + BLOCK, self.size(file))
        key = f"{self._key(file)}/{number}"
        return self._cache.get(key, end - start, lambda: self._fetch(file, start, end))

    def _key(self, file: str) -> str:
        """A name in the cache that no other file has, nor the same of another version."""
        name = f"{self._version} {self.url}/{file}"
        return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()

    def _fetch(self, file: str, start: int, end: int) -> bytes:
        path = f"{self._root}/{file}"
        data: bytes = self._tried(
            file, lambda: self._files.cat_file(path, start=start, end=end)
        )
        if len(data) > end - start:
            raise self._error(
                file,
                "the server sends all of it where a part is asked for; copy the shards to "
                "this machine, or to a server that answers ranges",
            )
        return data

    def _tried(self, file: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except FileNotFoundError as error:
            # Over HTTP, fsspec says so of whatever happens to its first request.
            cause = error.__cause__ if self._web else None
            if cause is None or getattr(cause, "status", 0) == 404:
                raise self._error(file, "is not there") from error
            raise self._error(file, f"cannot be fetched: {_said(cause)}") from error
        except self._raised as error:
            raise self._error(file, f"cannot be fetched: {_said(error)}") from error

    def _error(self, file: str, reason: str) -> DatasetError:
        return DatasetError(f"{self.location}/{file}: {reason}")


def _scheme(url: str) -> str:
    """The scheme of an address, in lower case.

    Raises:
        DatasetError: a password or a signature is in it, which would be recorded.
    """
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    web = scheme.lower() in ("http", "https")
    if "@" in host or (web and "?" in rest):
        shown = printable(host.rpartition("@")[2].partition("?")[0])
        raise DatasetError(
            f"{scheme}://{shown}: an address of shards has neither a password nor a query "
            f"in it, which would be recorded with the run; docs/shards.md says how to give "
            f"credentials"
        )
    return scheme.lower()


def _said(error: BaseException) -> str:
    """What a library says, without the queries of addresses, which may hold a token."""
    said = _QUERY.sub("?...", first_line(error)) or type(error).__name__
    advice = next((v for k, v in _ADVICE.items() if k in said), "")
    return f"{said}{advice}"


def _named(name: str) -> type[Exception]:
    """The class of errors of a dotted `name`.

    Raises:
        ImportError: its package is not installed.
    """
    module, _, kind = name.rpartition(".")
    found: type[Exception] = getattr(import_module(module), kind)
    return found


def _file_system(url: str, scheme: str) -> tuple[Any, str]:
    """fsspec's file system of an address, and the path of the address there."""
    if scheme == "s3":
        from s3fs import S3FileSystem

        files = S3FileSystem()
        # Each of them is one of botocore's, which are five.
        files.retries = 2
        return files, files._strip_protocol(url)
    from aiohttp import ClientTimeout

    if scheme == "gs":
        # That of fsspec's registry first asks over gRPC what kind of bucket it is, and for
        # a minute where only HTTP is spoken.
        from gcsfs.core import GCSFileSystem

        # It logs errors, with their tracebacks, that it raises as well.
        logging.getLogger("gcsfs").addHandler(logging.NullHandler())
        timeout = ClientTimeout(total=None, sock_connect=RETRIED, sock_read=RETRIED)
        files = GCSFileSystem(requests_timeout=timeout)
        return files, files._strip_protocol(url)
    from fsspec.config import apply_config
    from fsspec.implementations.http import HTTPFileSystem

    timeout = ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT)
    configured = apply_config(HTTPFileSystem, {}).get("client_kwargs", {})
    files = HTTPFileSystem(client_kwargs={"timeout": timeout, **configured})
    return files, files._strip_protocol(url)


def _place() -> tuple[Path, int]:
    """Where parts are kept, and how many bytes of them."""
    folder = cache_folder() / "shards"
    existing = next(x for x in (folder, *folder.parents) if x.exists())
    free = shutil.disk_usage(existing).free
    return folder, max(0, min(MOST_KEPT, free - SPARE))
