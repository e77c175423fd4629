"""What is in a folder, and why some of it is left out. No pixels."""

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from ..errors import DatasetError, printable
from .file_names import EVENTS, JUNK_FILES, JUNK_FOLDERS, KNOWN_IMAGES, MODELS, NOT_IMAGES
from .part_names import ANNOTATIONS, IMAGES

_UNFINISHED = re.compile(
    r"\.(crdownload|part|partial|download|opdownload|aria2|filepart|tmp)$|^~\$|~$", re.I
)
_CLOUD = (
    ("iCloud", re.compile(r"^\..+\.icloud$", re.I)),
    ("Nextcloud or ownCloud", re.compile(r"\.(nextcloud|owncloud)$", re.I)),
    ("Synology or odrive", re.compile(r"\.cloudf?$", re.I)),
)
"""What stands for a file that is still in a cloud, by the cloud."""
_SNIFFED = 8
"""Files of unknown extensions that are opened, at most, to tell if there are images."""
_SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|RIFF....WEBP|II[*+]\x00|MM\x00[*+]|\x00\x00\x01\x00|icns|qoif"
    rb"|....ftyp|\x00\x00\x00\x0cjP|\xff\x4f\xff\x51|P[1-6Ff]\s|\n[\x00-\x05]\x01|\x01\xda"
    rb"|\x59\xa6\x6a\x95|DanM|Lin[S]|#define|.{128}DICM",
    re.S,
)
"""How files of images begin. Source: Pillow's plugins, and libmagic for those it lacks."""

Note = Callable[[str], object]
"""Called with what is left out and why, a line."""


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in `folder`, in the order of the names' bytes.

    Raises:
        DatasetError: it is not a folder or cannot be read.
    """
    try:
        return _sorted(folder)
    except FileNotFoundError as error:
        raise DatasetError(f"{printable(folder)} does not exist") from error
    except NotADirectoryError as error:
        raise DatasetError(
            f"{printable(folder)} is not a folder; give the folder of class folders"
        ) from error
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def entries_below(folder: Path, note: Note) -> list[os.DirEntry[str]]:
    """`entries` of a folder in a data set; nothing and a note if that is not permitted.

    Raises:
        DatasetError: it cannot be read for another reason.
    """
    try:
        return _sorted(folder)
    except PermissionError as error:
        note(f"{_last_two(folder)}/: cannot be read: {error.strerror}")
        return []
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def _sorted(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda x: os.fsencode(x.name))


def _last_two(path: Path) -> str:
    return printable(f"{path.parent.name}/{path.name}")


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a folder or a link to one, and not a link in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a link to nothing, to itself, or to what may not be looked at."""
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110


def is_junk(entry: os.DirEntry[str]) -> bool:
    """Whether a system or a program made `entry`, or it is hidden."""
    name = entry.name.lower()
    if name.startswith("."):
        return True
    return name in JUNK_FOLDERS if is_folder(entry) else name in JUNK_FILES


def is_candidate(entry: os.DirEntry[str]) -> bool:
    """Whether `entry`, neither junk nor a folder, could be an image by its name."""
    return not _unusable(entry)


def looks_like_image(entry: os.DirEntry[str]) -> bool:
    """Whether a candidate is an image by its extension."""
    return Path(entry.name).suffix.lower() in KNOWN_IMAGES


def has_images(candidates: list[os.DirEntry[str]]) -> bool:
    """Whether one of them is an image by its extension, or of the first few by content."""
    if any(looks_like_image(x) for x in candidates):
        return True
    return any(begins_as_image(x) for x in candidates[:_SNIFFED])


def begins_as_image(file: "os.PathLike[str]") -> bool:
    """Whether `file` is one, and has the first bytes of an image."""
    try:
        # Not a pipe in its place, which would be waited for.
        number = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    with os.fdopen(number, "rb", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return False
        return _SIGNATURES.match(opened.read(132) or b"") is not None


def usable(folder: Path, note: Note) -> list[os.DirEntry[str]]:
    """Folders and possible images in `folder`; what else is in it is noted.

    Raises:
        DatasetError: it cannot be read for another reason than permission.
    """
    found = entries_below(folder, note)
    kept: list[os.DirEntry[str]] = []
    hidden: list[str] = []
    for entry in found:
        name = printable(f"{folder.name}/{entry.name}")
        if not is_junk(entry):
            if reason := "" if is_folder(entry) else _unusable(entry):
                note(f"{name}: {reason}")
            else:
                kept.append(entry)
        elif is_folder(entry):
            note(f"{name}/: hidden or system folder")
        else:
            hidden.append(entry.name)
    for line in hidden_notes(hidden):
        note(f"{printable(folder.name)}/: {line}")
    drawn = set(annotations([x.name for x in kept if is_folder(x)]))
    for name in sorted(drawn):
        note(
            f"{printable(f'{folder.name}/{name}')}/: beside a folder of images, not of them"
        )
    return [x for x in kept if x.name not in drawn]


def annotations(names: list[str]) -> list[str]:
    """Those folders of `names` that hold masks or annotations of the images in another."""
    if not any(x.lower() in IMAGES for x in names):
        return []
    return [x for x in names if x.lower() in ANNOTATIONS]


def hidden_notes(names: list[str]) -> Iterator[str]:
    """Lines about the hidden and system files of one folder: how many, and of what kind."""
    rest = names
    for cloud, pattern in _CLOUD:
        if files := [x for x in rest if pattern.search(x)]:
            rest = [x for x in rest if x not in set(files)]
            yield (
                f"{len(files)} file(s) still in {cloud}, such as {printable(files[0])}; "
                f"download them"
            )
    if rest:
        more = ", ..." if len(rest) > 3 else ""
        few = ", ".join(printable(x) for x in rest[:3])
        yield f"{len(rest)} hidden or system file(s) ({few}{more})"


def _unusable(entry: os.DirEntry[str]) -> str:
    """Why `entry`, no folder, cannot be an image; empty if it can.

    A link that leads nowhere can: among images it is a bad one.
    """
    for cloud, pattern in _CLOUD:
        if pattern.search(entry.name):
            return f"still in {cloud}; download it"
    if _UNFINISHED.search(entry.name):
        return "an unfinished download or temporary file"
    if Path(entry.name).suffix.lower() in NOT_IMAGES:
        return "not an image by its extension"
    if entry.name.startswith(EVENTS):
        return "TensorBoard's log"
    if not _is_file(entry) and not leads_nowhere(entry):
        return "neither a file nor a folder"
    return ""


def still_in_cloud(name: str) -> bool:
    """Whether a file of this name only stands for one that is not downloaded yet."""
    return any(pattern.search(name) for _, pattern in _CLOUD)


def has_models(names: Collection[str]) -> bool:
    """Whether files of these names are models or logs of a training."""
    return any(
        Path(x).suffix.lower() in MODELS or x.startswith(EVENTS) or x == "args.yaml"
        for x in names
    )
