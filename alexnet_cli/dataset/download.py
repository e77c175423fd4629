"""Downloads that can be trusted: resumed, checked by SHA-256, safely unpacked."""

import contextlib
import gzip
import hashlib
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from ..backend.file_lock import AlreadyLocked, release, try_lock
from ..errors import DownloadError, first_line
from .transfer import fetch

PATIENCE = 0.2
"""Seconds between two looks at what another process is fetching."""


@dataclass(frozen=True)
class Download:
    """A file on the web, and how to check it."""

    name: str
    url: str
    sha256: str
    """All 64 digits: 8 of them can be forged in minutes."""
    size: int
    """Bytes."""
    unpacks_to: str = ""
    """Name of the folder in it, if it is an archive."""


FLOWERS = Download(
    name="flower_photos.tgz",
    url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    size=228_813_984,
    unpacks_to="flower_photos",
)
"""3,670 photographs in 5 classes, CC-BY. Source: TensorFlow Datasets' checksum list."""

IMAGENET = Download(
    name="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
)
"""torchvision's AlexNet, 56.5 % top-1 on ImageNet, BSD.

Source: `torchvision.models.AlexNet_Weights`, whose file names end in the first 8 digits of
their SHA-256. PyTorch publishes no more; all 64 digits and the size are what public
repositories that check their copy of the file record, ten of ten the same.
"""


def cache_folder() -> Path:
    """Where downloaded weights are kept; on Linux XDG_CACHE_HOME moves it."""
    return platformdirs.user_cache_path("alexnet")


def download(source: Download, to: Path, progress: Callable[[int, int], None]) -> Path:
    """The file `source`, or the folder it unpacks to, below `to`; fetched only once.

    A file that is there is checked again. A download that was cut short is resumed, and
    one of another process waited for. `progress` gets bytes so far and in all.

    Raises:
        DownloadError: no connection, the wrong file, an unsafe archive, or no place for it.
    """
    target = to / (source.unpacks_to or source.name)
    try:
        if not target.exists() and _fetched(source, to, target, progress):
            return target
        if not source.unpacks_to and (problem := _difference(target, source)):
            raise DownloadError(f"{target}: {problem}; delete it to fetch it again")
    except OSError as error:
        raise DownloadError(f"{error.filename or to}: {first_line(error)}") from error
    return target


def _fetched(
    source: Download, to: Path, target: Path, progress: Callable[[int, int], None]
) -> bool:
    """Make `target` in the folder `to`; False if another process has done so meanwhile."""
    part = to / f"{source.name}.part"

    def waiting() -> None:
        # Gone if the other process has just finished.
        with contextlib.suppress(OSError):
            if have := part.stat().st_size:
                progress(min(have, source.size), source.size)

    with _folder(to), _locked(to / f".{source.name}.lock", waiting) as is_locked:
        if target.exists():
            return False
        if is_locked:
            _complete(source, part, target, progress)
            return True
        # Other processes may be fetching it too: each has its own part.
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to, prefix=f".{source.name}.") as own:
            _complete(source, Path(own) / part.name, target, progress)
    return True


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
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold the lock on the file `path`; call `waiting` while another process has it.

    Where there are no locks, or nothing can be written, it is False, and none is held.
    """
    file = _acquire(path, waiting)
    try:
        yield file is not None
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
) -> None:
    """Make `target` from what is fetched into `part`."""
    resumed = part.exists()
    fetch(source.url, part, source.size, progress)
    while problem := _difference(part, source):
        part.unlink()
        if not resumed:
            raise DownloadError(f"{source.url}: {problem}; the file was removed")
        # What it went on with may have been wrong.
        resumed = False
        fetch(source.url, part, source.size, progress)
    if source.unpacks_to:
        unpack(part, target)
        part.unlink()
    else:
        part.replace(target)


def _difference(file: Path, source: Download) -> str:
    """What of `file` is not as `source` says; empty if nothing."""
    if (size := file.stat().st_size) != source.size:
        return f"has {size} bytes, not {source.size}"
    with file.open("rb") as x:
        digest = hashlib.file_digest(x, "sha256").hexdigest()
    return "" if digest == source.sha256 else f"SHA-256 is {digest}, not {source.sha256}"


def unpack(archive: Path, target: Path) -> None:
    """Unpack a tar so that `target` appears whole or not at all.

    Raises:
        DownloadError: it is damaged, unsafe, or has no folder of that name.
    """
    partial = archive.with_name(f".{target.name}.part")
    if partial.is_symlink():
        partial.unlink()  # It would lead elsewhere.
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            # The "data" filter refuses absolute paths, "..", devices and links outside.
            tar.extractall(partial, filter="data")
        if not (partial / target.name).is_dir():
            raise DownloadError(f"{archive} has no folder {target.name}")
        try:
            (partial / target.name).rename(target)
        except OSError:
            # Where there are no locks, another process may have been first.
            if not target.is_dir():
                raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DownloadError(f"{archive} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
