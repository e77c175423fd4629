"""Downloads that can be trusted: resumed, checked by SHA-256, safely unpacked."""

import contextlib
import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import platformdirs

from ..backend.file_lock import AlreadyLocked, release, try_lock
from ..errors import DownloadError, printable

CHUNK = 1 << 18
"""Bytes read at once."""

TIMEOUT = 30.0
"""Seconds without a byte after which a connection is given up."""

PATIENCE = 0.2
"""Seconds between two looks at what another process is fetching."""


@dataclass(frozen=True)
class Download:
    """A file on the web, and how to check it."""

    name: str
    url: str
    sha256: str
    """All of it, or its first digits where no more is published."""
    unpacks_to: str = ""
    """Name of the folder in it, if it is an archive."""
    size: int | None = None
    """Bytes, if that is published."""


FLOWERS = Download(
    name="flower_photos.tgz",
    url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    unpacks_to="flower_photos",
    size=228_813_984,
)
"""3,670 photographs in 5 classes, CC-BY. Source: TensorFlow Datasets' checksum list."""

IMAGENET = Download(
    name="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be79",
)
"""torchvision's AlexNet, 56.5 % top-1 on ImageNet, about 233 MB, BSD.

Source: `torchvision.models.AlexNet_Weights`, whose file names end in the first digits of
their SHA-256.
"""


def cache_folder() -> Path:
    """Where downloaded weights are kept; on Linux XDG_CACHE_HOME moves it."""
    return platformdirs.user_cache_path("alexnet")


def download(source: Download, to: Path, progress: Callable[[int, int], None]) -> Path:
    """The file `source`, or the folder it unpacks to, below `to`; fetched only once.

    A download that was cut short is resumed, and one of another process waited for.
    `progress` gets bytes so far and in all.

    Raises:
        DownloadError: no connection, the wrong file, or an unsafe archive.
    """
    target = to / (source.unpacks_to or source.name)
    if target.exists():
        return target
    part = to / (source.name + ".part")

    def waiting() -> None:
        # Gone if the other process has just finished.
        with contextlib.suppress(OSError):
            if source.size and (have := part.stat().st_size):
                progress(min(have, source.size), source.size)

    with _folder(to), _locked(to / f".{source.name}.lock", waiting):
        # Another process may have fetched it meanwhile.
        return target if target.exists() else _complete(source, part, target, progress)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make `folder` where that is allowed; where nothing comes into it, it goes again."""
    new = [x for x in (folder, *folder.parents) if not x.exists()]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for x in new:
                x.rmdir()


@contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on the file `path`; call `waiting` while another process has it.

    Where there are no locks, or nothing can be written, go on without one.
    """
    file = _acquire(path, waiting)
    try:
        yield
    finally:
        release(file, path)


def _acquire(path: Path, waiting: Callable[[], None]) -> IO[str] | None:
    while True:
        try:
            return try_lock(path)
        except AlreadyLocked:
            waiting()
            time.sleep(PATIENCE)
        except OSError:
            return None


def _complete(
    source: Download, part: Path, target: Path, progress: Callable[[int, int], None]
) -> Path:
    """`target`, from what is fetched into `part`."""
    _fetch(source, part, progress)
    if not (digest := _sha256(part)).startswith(source.sha256):
        part.unlink()
        raise DownloadError(
            f"{source.url}: SHA-256 is {digest}, not {source.sha256}; the file was removed"
        )
    if not source.unpacks_to:
        part.rename(target)
        return target
    _unpack(part, target)
    part.unlink()
    return target


def _fetch(source: Download, file: Path, progress: Callable[[int, int], None]) -> None:
    """Complete `file`, of which a part may exist."""
    have = file.stat().st_size if file.exists() else 0
    if source.size is not None and have > source.size:
        file.unlink()
        have = 0
    if have == source.size:
        return
    # Some servers resume only for clients that name themselves.
    headers = {"Range": f"bytes={have}-", "User-Agent": "alexnet"}
    request = urllib.request.Request(source.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            have, size = _append(response, source, file, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416 and source.size is None:
            # There is nothing after the part we have; the checksum decides.
            return
        raise DownloadError(
            f"{source.url}: the server responded {error.code} {error.reason}"
        ) from error
    except urllib.error.URLError as error:
        raise DownloadError(
            f"{source.url}: no connection ({error.reason}); try again when online"
        ) from error
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        have = file.stat().st_size if file.exists() else 0
        raise DownloadError(
            f"{source.url}: the connection broke after {have} bytes; try again to resume"
        ) from error
    if have != size:
        problem = "is larger than it should be" if have > size else "was cut short"
        raise DownloadError(f"{source.url}: {have} of {size} bytes, {problem}; try again")


def _append(
    response: Any, source: Download, file: Path, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    """Append `response` to `file`; bytes it has then, and bytes it should have.

    Where neither `source` nor the server gives its size, what came is taken for all.
    """
    resumed = response.status == 206
    have = file.stat().st_size if resumed and file.exists() else 0
    length = response.headers.get("Content-Length")
    size = source.size or (have + int(length) if length else None)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab" if resumed else "wb") as out:
        while chunk := response.read(CHUNK):
            out.write(chunk)
            have += len(chunk)
            progress(have, size or have)
            if size is not None and have > size:
                break
    return have, have if size is None else size


def _sha256(file: Path) -> str:
    with file.open("rb") as x:
        return hashlib.file_digest(x, "sha256").hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    """Unpack a tar so that `target` appears whole or not at all."""
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            # The "data" filter refuses absolute paths, "..", devices and links outside.
            tar.extractall(partial, filter="data")
        if not (partial / target.name).is_dir():
            raise DownloadError(f"{printable(archive)} has no folder {target.name}")
        (partial / target.name).rename(target)
    except tarfile.TarError as error:
        raise DownloadError(f"{printable(archive)} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
