"""Class folders -> Dataset: which files are images of which class. No pixels."""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import DatasetError, printable

PARTS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
"""Names of folders that are parts of a data set, not classes; in lower case."""

NOT_IMAGES = frozenset({
    ".txt", ".json", ".csv", ".tsv", ".html", ".htm", ".xml", ".md", ".db", ".ini", ".part",
    ".crdownload", ".tmp", ".log", ".py", ".ipynb", ".yaml", ".yml", ".toml", ".npy",
    ".npz", ".h5", ".zip", ".tar", ".gz", ".tgz", ".pdf", ".doc", ".docx", ".mp4", ".mov",
    ".avi", ".mat", ".pkl", ".url", ".lnk",
})  # fmt: skip
"""Extensions, in lower case, of files that are left out without being opened."""

JUNK_FOLDERS = frozenset({"__macosx", "__pycache__", "$recycle.bin", "@eadir"})
"""Folders that systems and programs create, in lower case; hidden ones are left out too."""


@dataclass(frozen=True)
class Dataset:
    """Image files below `root` and, for each, the index of its class in `classes`."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, a line each."""

    def relative(self) -> tuple[str, ...]:
        """Paths of the files below `root`, with forward slashes."""
        return tuple(x.relative_to(self.root).as_posix() for x in self.files)


def find_parts(data: Path) -> dict[str, Path]:
    """{"train": folder, "val": folder, "test": folder} if `data` has such parts, else {}.

    It has if all its folders are named so, for a class may be called "train" too. One of
    "val" and "test" may be missing.

    Raises:
        DatasetError: `data` is not a folder or cannot be read, or two of its folders
            could be the same part.
    """
    folders = [x for x in _entries(data) if _is_folder(x) and not _junk(x.name)]
    parts: dict[str, Path] = {}
    for folder in folders:
        names = [p for p, known in PARTS.items() if folder.name.lower() in known]
        if not names:
            return {}
        if names[0] in parts:
            raise DatasetError(
                f"{printable(data)}: both {parts[names[0]].name!r} and {folder.name!r} "
                f"could be the {names[0]} part; rename one"
            )
        parts[names[0]] = Path(folder.path)
    nested = "train" in parts and any(
        _is_folder(x) and not _junk(x.name) for x in _entries(parts["train"])
    )
    return parts if nested and len(parts) > 1 else {}


def scan(folder: Path, classes: Sequence[str] = ()) -> Dataset:
    """The images in the class folders of `folder`; classes in order of their names.

    With `classes`, only those folders, in that order. Files are candidates until they
    are decoded. Links to the same file count once.

    Raises:
        DatasetError: `folder` does not exist or has no class folders, or one of `classes`
            is missing or has no file that could be an image.
    """
    notes: list[str] = []
    folders = dict(_class_folders(folder, notes))
    for name in classes:
        if name not in folders:
            close = get_close_matches(name, folders, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise DatasetError(f"{printable(folder)} has no class folder {name!r}{hint}")
    first_names: dict[str, Path] = {}
    files: list[Path] = []
    labels: list[int] = []
    kept: list[str] = []
    for name in classes or folders:
        found = list(_images(folders[name], first_names, notes))
        if found:
            files += found
            labels += [len(kept)] * len(found)
            kept.append(name)
        elif classes:
            raise DatasetError(
                f"{printable(folder)}: class {name!r} has no images; "
                f"leave it out of --classes"
            )
        else:
            notes.append(f"{printable(name)}/: no images in it, not a class")
    if not files:
        raise DatasetError(_no_classes(folder))
    return Dataset(folder, tuple(kept), tuple(files), tuple(labels), tuple(notes))


def images_below(folder: Path) -> Iterator[Path]:
    """Files of `folder` and its subfolders that could be images, each once, by name."""
    return _images(folder, {}, [])


def read_classes(text: str) -> tuple[str, ...]:
    """Class names from "a,b,c", or from the lines of FILE in "@FILE".

    Raises:
        DatasetError: the file cannot be read, or a name is listed twice.
    """
    file = Path(text[1:]) if text.startswith("@") else None
    found = _lines(file) if file else next(csv.reader([text]), [])
    names = [x.strip() for x in found if x.strip()]
    if not names:
        raise DatasetError(f"--classes {text!r} lists no class names")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"--classes: {name!r} is listed twice")
    return tuple(names)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"--classes: {printable(file)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"--classes: {printable(file)} is not UTF-8 text") from error


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in `folder`, in the order of the names' bytes."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda x: os.fsencode(x.name))
    except FileNotFoundError as error:
        raise DatasetError(f"{printable(folder)} does not exist") from error
    except NotADirectoryError as error:
        raise DatasetError(
            f"{printable(folder)} is not a folder; give the folder of class folders"
        ) from error
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def _junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in JUNK_FOLDERS


def _class_folders(folder: Path, notes: list[str]) -> Iterator[tuple[str, Path]]:
    """Names and paths of the folders in `folder`, each once; others go to `notes`."""
    names: dict[str, str] = {}
    loose = 0
    for entry in _entries(folder):
        if not _is_folder(entry):
            loose += not _junk(entry.name)
        elif _junk(entry.name):
            notes.append(f"{printable(entry.name)}/: hidden or system folder")
        elif (target := os.path.realpath(entry.path)) in names:
            notes.append(f"{printable(entry.name)}/: same folder as {names[target]}/")
        else:
            names[target] = printable(entry.name)
            yield entry.name, Path(entry.path)
    if loose:
        notes.append(f"{loose} loose file(s) beside the class folders")


def _images(folder: Path, first_names: dict[str, Path], notes: list[str]) -> Iterator[Path]:
    """Files below `folder` that could be images, each once; others go to `notes`.

    `first_names` holds, for the real path of every file and folder so far, the name under
    which it was first met, so that links do not count twice or lead in circles.
    """
    # Not recursive: folders may be nested deeper than Python calls functions. Each entry
    # with the real path of its folder, as finding that takes time in deep ones.
    rest = [(x, os.path.realpath(folder)) for x in _entries(folder)[::-1]]
    while rest:
        entry, real_folder = rest.pop()
        parent = Path(entry.path).parent.name
        name = printable(f"{parent}/{entry.name}")
        if _junk(entry.name) or entry.name.lower() == "thumbs.db":
            if _is_folder(entry):
                notes.append(f"{name}/: hidden or system folder")
            continue
        if reason := _unusable(entry):
            notes.append(f"{name}: {reason}")
            continue
        real = f"{real_folder}{os.sep}{entry.name}"
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
        if real in first_names:
            notes.append(f"{name}: the same file as {printable(first_names[real])}")
            continue
        first_names[real] = Path(parent, entry.name)
        if _is_folder(entry):
            rest += [(x, real) for x in _entries(Path(entry.path))[::-1]]
        else:
            yield Path(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
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


def _unusable(entry: os.DirEntry[str]) -> str:
    """Why `entry` is neither a folder nor possibly an image; empty if it is."""
    if _is_folder(entry):
        return ""
    if not _is_file(entry):
        # Of a link that leads nowhere or in a circle nothing else can be told.
        broken = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
        return "broken link" if broken else "neither a file nor a folder"
    if Path(entry.name).suffix.lower() in NOT_IMAGES:
        return "not an image by its extension"
    return ""


def _no_classes(folder: Path) -> str:
    if any(_is_file(x) and not _junk(x.name) for x in _entries(folder)):
        return (
            f"{printable(folder)} has files but no class folders; "
            f"put the images of each class into a folder of its own"
        )
    return f"{printable(folder)} has no class folders with images"
