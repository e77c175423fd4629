"""SHA256SUMS: what every file of a run directory has to be, as `sha256sum -c` reads it."""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..backend.regular_file import open_regular, read_regular
from ..backend.whole_file import sync
from ..errors import RunError, printable
from .files import replacing

SUMS = "SHA256SUMS"
LOCK = ".lock"
"""The lock's file, in the directory that it protects."""
RUN_JSON = "run.json"
EVALUATIONS = "evaluations.json"
TRAIN_LOG = "train.log"
_MAX_BYTES = 10_000_000
_PIECE = 2**22
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_OWN = re.compile(
    r"(run\.json|model\.weights\.h5|model\.tflite|mean_image\.npy|saved_model\.pb"
    r"|fingerprint\.pb|(history|split|bad_images|validation)\.csv|variables/variables\..+"
    r"|plots/(augmented|curves|confusion)\.png|README\.md)"
)
"""The files of a run directory that are listed in SHA256SUMS."""
_CHANGING = re.compile(
    rf"({SUMS}|{EVALUATIONS}|{TRAIN_LOG}|{re.escape(LOCK)}|(.+/)?\.part\..+|checkpoints/.+|logs/(.+/)?events\.out\.tfevents\..+)"
)
"""Those that change or may be deleted, and are not."""


def sha256(file: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with open_regular(file) as opened:
        found = hashlib.sha256()
        # Large pieces, during which other threads can do anything.
        piece = memoryview(bytearray(_PIECE))
        while count := opened.readinto(piece):
            found.update(piece[:count])
        return found.hexdigest()


def seal(folder: Path, run_json: str) -> None:
    """Write the digest of every file of a run, and have all of them written to disk.

    `run_json` is the content of run.json, which is to be written after this: a run that
    says it is finished thus has everything else.
    """
    names = [_name(x, folder) for x in _files(folder)]
    files = [folder / x for x in names if _OWN.fullmatch(x) and x != RUN_JSON]
    for path in (*files, *{x.parent for x in files}):
        sync(path)
    sums = {_name(x, folder): sha256(x) for x in files}
    sums[RUN_JSON] = hashlib.sha256(run_json.encode()).hexdigest()
    with replacing(folder / SUMS) as part:
        part.write_text("".join(f"{v}  {k}\n" for k, v in sorted(sums.items())))


def verify(folder: Path) -> None:
    """Compare every listed file with its digest.

    Raises:
        RunError: one of them is missing or is not what was written.
    """
    recorded = _recorded(folder)
    if not recorded:
        raise RunError(f"{printable(folder / SUMS)} lists no files; is the disk sound?")
    for name, digest in recorded.items():
        file = folder / name
        if not file.is_file() or sha256(file) != digest:
            raise RunError(f"{printable(file)} is not what was written; is the disk sound?")


def recorded_digest(file: Path) -> str:
    """The digest of `file` of a run directory that is recorded; "" if none is."""
    try:
        return _recorded(file.parent).get(file.name, "")
    except RunError:
        return ""


def is_as_written(folder: Path, name: str) -> bool:
    """Whether the file `name` of a run is what was written, or does not exist."""
    if not (folder / name).exists():
        return True
    return sha256(folder / name) == _recorded(folder).get(name)


@dataclass(frozen=True)
class Hashing:
    """A file whose SHA-256 a thread computes."""

    file: Path
    stamp: tuple[int, ...]
    """Tells the file from another one in its place."""
    digest: "Future[str]"


def begin(file: Path) -> Hashing | None:
    """Begin to compute the SHA-256 of `file` in a thread; None if none is recorded."""
    if not (file.is_file() and (file.parent / SUMS).is_file()):
        return None
    # At the end of the program it is waited for.
    pool = ThreadPoolExecutor(1)
    return Hashing(file, _stamp(file), pool.submit(sha256, file))


def require_as_written(file: Path, remedy: str, begun: Hashing | None = None) -> None:
    """Check that a file in a run directory has the digest that is recorded, if one is.

    Runs of the first versions have no digests. `begun` is perhaps of the same file.

    Raises:
        RunError: it has another one; `remedy` says what to do.
    """
    recorded = _recorded(file.parent).get(file.name)
    if recorded is None:
        return
    try:
        same = begun and (begun.file, begun.stamp) == (file, _stamp(file))
        if (begun.digest.result() if begun and same else sha256(file)) == recorded:
            return
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    raise RunError(f"{printable(file)} is not what was written; {remedy}")


def notes(folder: Path) -> list[Path]:
    """The files in a run directory that no training has written, sorted."""
    names = [(x, _name(x, folder)) for x in _files(folder)]
    return [x for x, n in names if not is_own(n)]


def is_own(name: str) -> bool:
    """Whether the file called `name` in a run directory is one that training writes."""
    return bool(_OWN.fullmatch(name) or _CHANGING.fullmatch(name))


def _stamp(file: Path) -> tuple[int, ...]:
    found = file.stat()
    times = found.st_mtime_ns, found.st_ctime_ns
    return found.st_dev, found.st_ino, found.st_size, *times


def _recorded(folder: Path) -> dict[str, str]:
    """The digest of each file that SHA256SUMS lists; none where there is no such file.

    Raises:
        RunError: it cannot be read, or a line is none of a digest.
    """
    file = folder / SUMS
    try:
        text = read_regular(file, _MAX_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    found = {}
    for i, line in enumerate(text.splitlines(), 1):
        if not (parts := _LINE.fullmatch(line)):
            raise RunError(f"{printable(file)} is damaged: line {i} is no digest")
        found[parts[2]] = parts[1]
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Everything but folders; links are not followed."""
    yield from sorted(x for x in folder.rglob("*") if x.is_symlink() or not x.is_dir())


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
