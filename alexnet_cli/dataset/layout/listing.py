"""What is in a folder, and why some of it is left out. No pixels."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from ...errors import DatasetError, printable
from .disk import Entry, Files
from .file_names import (
    ARCHIVES,
    EVENTS,
    JUNK_FILES,
    JUNK_FOLDERS,
    KNOWN_IMAGES,
    MODELS,
    NOT_IMAGES,
)
from .left_out import LeftOut, Note
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
_CLOUD_ENDS = ("cloud", "cloudf")
_SNIFFED = 8
"""Files of unknown extensions that are opened, at most, to tell if there are images."""
_JUNK = JUNK_FILES | JUNK_FOLDERS
HIDDEN_FILE = "hidden, or a file of the system; rename to use"
HIDDEN_FOLDER = "hidden, or a folder of the system; rename to use"
ARCHIVE = "archive within the data, not opened; unpack to use"
NO_IMAGE = "not an image by its extension; rename to use"
DRAWN = "beside a folder of images, not of them (masks, annotations); rename to use"


def entries(folder: Path, files: Files) -> list[Entry]:
    """What is in `folder`, in the order of the names' bytes.

    Raises:
        DatasetError: it is not a folder or cannot be read.
    """
    try:
        return files.entries(folder)
    except FileNotFoundError as error:
        raise DatasetError(f"{printable(folder)} does not exist") from error
    except NotADirectoryError as error:
        raise DatasetError(
            f"{printable(folder)} is not a folder; give the folder of class folders"
        ) from error
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def entries_below(folder: Path, files: Files) -> tuple[list[Entry], str]:
    """`entries` of a folder in a data set, or nothing and why that is not permitted.

    Raises:
        DatasetError: it cannot be read for another reason.
    """
    try:
        return files.entries(folder), ""
    except PermissionError as error:
        return [], f"cannot be read: {error.strerror}"
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def is_folder(entry: Entry) -> bool:
    """Whether `entry` is a folder or a link to one, and not a link in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: Entry) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def leads_nowhere(entry: Entry) -> bool:
    """Whether `entry` is a link to nothing, to itself, or to what may not be looked at."""
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110


def is_junk(entry: Entry) -> bool:
    """Whether a system or a program made `entry`, or it is hidden."""
    # Asked first, as nearly all are neither, and to ask what they are takes longer.
    return _is_junk(entry.name, _JUNK) and _is_junk(
        entry.name, JUNK_FOLDERS if is_folder(entry) else JUNK_FILES
    )


def _is_junk(name: str, known: Collection[str]) -> bool:
    return name.startswith(".") or name.lower() in known


def is_candidate(entry: Entry) -> bool:
    """Whether `entry`, neither junk nor a folder, could be an image by its name."""
    return not _unusable(entry)


def has_known_extension(name: str) -> bool:
    """Whether a file called `name` is an image by its extension."""
    return extension(name) in KNOWN_IMAGES


def has_images(candidates: list[Entry], files: Files) -> bool:
    """Whether one of them is an image by its extension, or of the first few by content."""
    if any(has_known_extension(x.name) for x in candidates):
        return True
    return any(files.begins_as_image(x.path) for x in candidates[:_SNIFFED])


def usable(folder: Path, files: Files, note: Note) -> list[Entry]:
    """Folders and possible images in `folder`; what else is in it is noted.

    Raises:
        DatasetError: it cannot be read for another reason than permission.
    """
    found, problem = entries_below(folder, files)
    if problem:
        note(LeftOut(folder, problem, is_folder=True))
    folders = {x.name for x in found if is_folder(x)}
    drawn = annotations([x.name for x in found if x.name in folders and not is_junk(x)])
    kept: list[Entry] = []
    for entry in found:
        folder_too = entry.name in folders
        if reason := DRAWN if entry.name in drawn and folder_too else why_unused(entry):
            note(LeftOut(Path(entry.path), reason, folder_too))
        else:
            kept.append(entry)
    return kept


def why_unused(entry: Entry) -> str:
    """Why `entry` is neither a folder of images nor perhaps an image; empty if it is."""
    if is_folder(entry):
        return HIDDEN_FOLDER if is_junk(entry) else ""
    return still_in_cloud(entry.name) or (
        HIDDEN_FILE if is_junk(entry) else _unusable(entry)
    )


def annotations(names: list[str]) -> list[str]:
    """Those folders of `names` that hold masks or annotations of the images in another."""
    if not any(x.lower() in IMAGES for x in names):
        return []
    return [x for x in names if x.lower() in ANNOTATIONS]


def _unusable(entry: Entry) -> str:
    """Why `entry`, neither junk nor a folder, cannot be an image; empty if it can.

    A link that leads nowhere can: among images it is a bad one.
    """
    if reason := _unusable_name(entry.name):
        return reason
    if not _is_file(entry) and not leads_nowhere(entry):
        return "neither a file nor a folder"
    return ""


def _unusable_name(name: str) -> str:
    if extension(name) in KNOWN_IMAGES and not name.startswith("~$"):
        return ""
    if reason := still_in_cloud(name):
        return reason
    if _UNFINISHED.search(name):
        return "unfinished download or temporary file; finish or rename to use"
    if extension(name) in ARCHIVES:
        return ARCHIVE
    if extension(name) in NOT_IMAGES:
        return NO_IMAGE
    return "a log of TensorBoard" if name.startswith(EVENTS) else ""


def extension(name: str) -> str:
    """That of a file's name or path, in lower case with its dot; empty if it has none."""
    # Not by pathlib, which takes most of the time that a large data set is listed in.
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


def unused_name(path: str) -> bool:
    """Whether a file with such a path, with forward slashes, is left out by its names."""
    *folders, file = path.split("/")
    return (
        any(_is_junk(x, JUNK_FOLDERS) for x in folders)
        or _is_junk(file, JUNK_FILES)
        or bool(_unusable_name(file))
    )


def still_in_cloud(name: str) -> str:
    """That a file of this name stands for one that is not downloaded yet; or empty."""
    if not name.lower().endswith(_CLOUD_ENDS):
        return ""
    clouds = (cloud for cloud, pattern in _CLOUD if pattern.search(name))
    return next((f"still in {x}; download to use" for x in clouds), "")


def has_models(names: Collection[str]) -> bool:
    """Whether files of these names are models or logs of a training."""
    return any(
        extension(x) in MODELS or x.startswith(EVENTS) or x == "args.yaml" for x in names
    )
