"""Downloads that can be trusted: resumed, checked by SHA-256, safely unpacked."""

import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import DownloadError, shown

CHUNK = 1 << 18
TIMEOUT = 30.0


@dataclass(frozen=True)
class Source:
    """A file on the web and what it must be."""

    url: str
    size: int
    sha256: str
    unpacks_to: str


FLOWERS = Source(
    url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    size=228_813_984,
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    unpacks_to="flower_photos",
)
"""3,670 photos in 5 classes, CC-BY. Source: TensorFlow Datasets' checksum list."""


def fetch(source: Source, to: Path, progress: Callable[[int, int], None]) -> Path:
    """The folder that `source` unpacks to, below `to`; nothing is fetched twice.

    A download that was cut short goes on where it stopped.

    Raises:
        DownloadError: no connection, the wrong file, or an archive that reaches outside.
    """
    target = to / source.unpacks_to
    if target.exists():
        return target
    archive = to / (source.url.rpartition("/")[2] + ".part")
    _download(source, archive, progress)
    if (found := _sha256(archive)) != source.sha256:
        archive.unlink()
        raise DownloadError(
            f"{source.url}: SHA-256 is {found}, not {source.sha256}; the file was removed"
        )
    _unpack(archive, target)
    archive.unlink()
    return target


def _download(source: Source, file: Path, progress: Callable[[int, int], None]) -> None:
    have = file.stat().st_size if file.exists() else 0
    if have > source.size:
        file.unlink()
        have = 0
    if have == source.size:
        return
    # Some servers go on at an offset only for clients that name themselves.
    headers = {"Range": f"bytes={have}-", "User-Agent": "alexnet"}
    request = urllib.request.Request(source.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumed = answer.status == 206
            have = have if resumed else 0
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab" if resumed else "wb") as out:
                while chunk := answer.read(CHUNK):
                    out.write(chunk)
                    have += len(chunk)
                    progress(have, source.size)
                    if have > source.size:
                        break
    except urllib.error.HTTPError as error:
        raise DownloadError(
            f"{source.url}: the server says {error.code} {error.reason}"
        ) from error
    except urllib.error.URLError as error:
        raise DownloadError(
            f"{source.url}: no connection ({error.reason}); try again when online"
        ) from error
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise DownloadError(
            f"{source.url}: the connection broke after {have} bytes; again goes on there"
        ) from error
    if have != source.size:
        what = "is larger than it should be" if have > source.size else "was cut short"
        raise DownloadError(
            f"{source.url}: {have} of {source.size} bytes, {what}; try again"
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as x:
        return hashlib.file_digest(x, "sha256").hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    """Unpack a tar so that `target` appears whole or not at all."""
    place = target.with_name(f".{target.name}.part")
    shutil.rmtree(place, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            # The "data" filter refuses absolute paths, "..", devices and links outside.
            tar.extractall(place, filter="data")
        if not (place / target.name).is_dir():
            raise DownloadError(f"{shown(archive)} holds no folder {target.name}")
        (place / target.name).rename(target)
    except tarfile.TarError as error:
        raise DownloadError(f"{shown(archive)} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
