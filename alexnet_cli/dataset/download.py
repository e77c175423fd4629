"""Downloads that can be trusted: resumed, checked by SHA-256, safely unpacked."""

import hashlib
import http.client
import shutil
import tarfile
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DownloadError, printable

CHUNK = 1 << 18

TIMEOUT = 30.0


@dataclass(frozen=True)
class Download:
    """A file on the web and what it must be."""

    name: str
    url: str
    sha256: str
    """All of it, or its first digits where no more is published."""
    unpacks_to: str = ""
    """Name of the folder in it, if it is an archive."""
    size: int | None = None
    """Pixels, if that is published."""


FLOWERS = Download(
    name="flower_photos.tgz",
    url="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    unpacks_to="flower_photos",
    size=228_813_984,
)
"""3,670 photos in 5 classes, CC-BY. Source: TensorFlow Datasets' checksum list."""

IMAGENET = Download(
    name="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be79",
)
"""torchvision's AlexNet, 56.5 % top-1 on ImageNet, about 233 MB, BSD.

Source: `torchvision.models.AlexNet_Weights`; its names end in the digits that their
SHA-256 begins with.
"""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where downloaded weights are kept. Source: XDG Base Directory Specification."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "alexnet"


def download(source: Download, to: Path, progress: Callable[[int, int], None]) -> Path:
    """The file `source`, or the folder it unpacks to, below `to`; nothing is fetched twice.

    A download that was cut short goes on where it stopped.

    Raises:
        DownloadError: no connection, the wrong file, or an archive that reaches outside.
    """
    target = to / (source.unpacks_to or source.name)
    if target.exists():
        return target
    part = to / (source.name + ".part")
    _download(source, part, progress)
    if not (found := _sha256(part)).startswith(source.sha256):
        part.unlink()
        raise DownloadError(
            f"{source.url}: SHA-256 is {found}, not {source.sha256}; the file was removed"
        )
    if not source.unpacks_to:
        part.rename(target)
        return target
    _unpack(part, target)
    part.unlink()
    return target


def _download(source: Download, file: Path, progress: Callable[[int, int], None]) -> None:
    have = file.stat().st_size if file.exists() else 0
    if source.size is not None and have > source.size:
        file.unlink()
        have = 0
    if have == source.size:
        return
    # Some servers go on at an offset only for clients that name themselves.
    headers = {"Range": f"bytes={have}-", "User-Agent": "alexnet"}
    request = urllib.request.Request(source.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            have, size = _read(answer, source, file, progress)
    except urllib.error.HTTPError as error:
        if error.code == 416 and source.size is None:
            # There is nothing behind what we have: the checksum will tell.
            return
        raise DownloadError(
            f"{source.url}: the server says {error.code} {error.reason}"
        ) from error
    except urllib.error.URLError as error:
        raise DownloadError(
            f"{source.url}: no connection ({error.reason}); try again when online"
        ) from error
    except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
        have = file.stat().st_size if file.exists() else 0
        raise DownloadError(
            f"{source.url}: the connection broke after {have} bytes; again goes on there"
        ) from error
    if have != size:
        what = "is larger than it should be" if have > size else "was cut short"
        raise DownloadError(f"{source.url}: {have} of {size} bytes, {what}; try again")


def _read(
    answer: Any, source: Download, file: Path, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    """Add `answer` to `file`; how many bytes there are then, and how many there should be.

    A server that does not say how many there should be is believed to have sent all.
    """
    resumed = answer.status == 206
    have = file.stat().st_size if resumed and file.exists() else 0
    length = answer.headers.get("Content-Length")
    size = source.size or (have + int(length) if length else None)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab" if resumed else "wb") as out:
        while chunk := answer.read(CHUNK):
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
    place = target.with_name(f".{target.name}.part")
    shutil.rmtree(place, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            # The "data" filter refuses absolute paths, "..", devices and links outside.
            tar.extractall(place, filter="data")
        if not (place / target.name).is_dir():
            raise DownloadError(f"{printable(archive)} holds no folder {target.name}")
        (place / target.name).rename(target)
    except tarfile.TarError as error:
        raise DownloadError(f"{printable(archive)} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
