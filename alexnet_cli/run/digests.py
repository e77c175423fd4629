"""SHA256SUMS: what every file of a run directory has to be, as `sha256sum -c` reads it."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from ..backend.regular_file import open_regular, read_regular
from ..errors import RunError, printable
from .files import replacing, sync
from .lock import LOCK

SUMS = "SHA256SUMS"
RUN_JSON = "run.json"
_MAX_BYTES = 10_000_000
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_OWN = re.compile(
    r"(run\.json|model\.weights\.h5|model\.tflite|mean_image\.npy|saved_model\.pb"
    r"|fingerprint\.pb|(history|split|bad_images|validation)\.csv|variables/variables\..+"
    r"|plots/(augmented|curves|confusion)\.png|README\.md)"
)
"""The files of a run directory that are listed in SHA256SUMS."""
_CHANGING = re.compile(
    rf"({SUMS}|{re.escape(LOCK)}|(.+/)?\.part\..+|checkpoints/.+|logs/(.+/)?events\.out\.tfevents\..+)"
)
"""Those that change or may be deleted, and are not."""


def sha256(file: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with open_regular(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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


def is_as_written(folder: Path, name: str) -> bool:
    """Whether the file `name` of a run is what was written, or does not exist."""
    if not (folder / name).exists():
        return True
    return sha256(folder / name) == _recorded(folder).get(name)


def require_as_written(file: Path, remedy: str) -> None:
    """Check that a file in a run directory has the digest that is recorded, if one is.

    Runs of the first versions have no digests.

    Raises:
        RunError: it has another one; `remedy` says what to do.
    """
    recorded = _recorded(file.parent).get(file.name)
    try:
        if recorded is None or sha256(file) == recorded:
            return
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    raise RunError(f"{printable(file)} is not what was written; {remedy}")


def notes(folder: Path) -> list[Path]:
    """The files in a run directory that no training has written, sorted."""
    names = [(x, _name(x, folder)) for x in _files(folder)]
    return [x for x, n in names if not (_OWN.fullmatch(n) or _CHANGING.fullmatch(n))]


def _recorded(folder: Path) -> dict[str, str]:
    """The digest of each file that SHA256SUMS lists; none where there is no such file.

    Raises:
        RunError: it cannot be read.
    """
    file = folder / SUMS
    try:
        text = read_regular(file, _MAX_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror}") from error
    found = (_LINE.fullmatch(x) for x in text.splitlines())
    return {x[2]: x[1] for x in found if x}


def _files(folder: Path) -> Iterator[Path]:
    """Everything but folders; links are not followed."""
    yield from sorted(x for x in folder.rglob("*") if x.is_symlink() or not x.is_dir())


def _name(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()
