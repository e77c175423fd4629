"""Class folders -> Dataset: which files are images of what. No pixels, no TensorFlow."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import DatasetError, printable

PARTS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
"""Names of folders that are parts of a data set, not classes."""

NOT_PICTURES = frozenset({
    ".txt", ".json", ".csv", ".tsv", ".html", ".htm", ".xml", ".md", ".db", ".ini", ".part",
    ".crdownload", ".tmp", ".log", ".py", ".ipynb", ".yaml", ".yml", ".toml", ".npy",
    ".npz", ".h5", ".zip", ".tar", ".gz", ".tgz", ".pdf", ".doc", ".docx", ".mp4", ".mov",
    ".avi", ".mat", ".pkl", ".url", ".lnk",
})  # fmt: skip

JUNK_FOLDERS = frozenset({"__macosx", "__pycache__", "$recycle.bin", "@eadir"})


@dataclass(frozen=True)
class Dataset:
    """Image files below `root` and, for each, the index of its class in `classes`."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[Path, ...]
    labels: tuple[int, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, a line each."""

    def __len__(self) -> int:
        return len(self.files)

    def counts(self) -> dict[str, int]:
        """Images of each class, in class order."""
        found = Counter(self.labels)
        return {name: found[i] for i, name in enumerate(self.classes)}

    def subset(self, indices: Iterable[int]) -> "Dataset":
        """The images at `indices`, with the same classes."""
        chosen = list(indices)
        return Dataset(
            self.root,
            self.classes,
            tuple(self.files[i] for i in chosen),
            tuple(self.labels[i] for i in chosen),
        )

    def relative(self) -> tuple[str, ...]:
        """Paths of the files below `root`, with forward slashes."""
        return tuple(x.relative_to(self.root).as_posix() for x in self.files)


def find_parts(data: Path) -> dict[str, Path]:
    """`data` as {"train": ..., "val": ..., "test": ...} if it is laid out so, else {}.

    Only where every folder in it has such a name, for a class may be called "train".

    Raises:
        DatasetError: `data` is no folder, or cannot be read.
    """
    folders = [x for x in _entries(data) if x.is_dir() and not _junk(x.name)]
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
        x.is_dir() and not _junk(x.name) for x in _entries(parts["train"])
    )
    return parts if nested and len(parts) > 1 else {}


def scan(folder: Path, classes: Sequence[str] = ()) -> Dataset:
    """The images in the class folders of `folder`; classes in order of their names.

    With `classes`, only those folders, in that order. Files are candidates until they
    are decoded. Links to the same file count once.

    Raises:
        DatasetError: no folder, no class folders, one named in `classes` missing, or
            a class without a file that could be an image.
    """
    notes: list[str] = []
    folders = dict(_class_folders(folder, notes))
    for name in classes:
        if name not in folders:
            close = get_close_matches(name, folders, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise DatasetError(f"{printable(folder)} has no class folder {name!r}{hint}")
    names = tuple(classes) or tuple(folders)
    seen: dict[str, Path] = {}
    files: list[Path] = []
    labels: list[int] = []
    kept: list[str] = []
    for name in names:
        found = list(_images(folders[name], seen, notes))
        if found or classes:
            files += found
            labels += [len(kept)] * len(found)
            kept.append(name)
        else:
            notes.append(f"{printable(name)}/: no images in it, not a class")
    empty = [x for i, x in enumerate(kept) if i not in set(labels)]
    if empty:
        raise DatasetError(f"{printable(folder)}: class {empty[0]!r} has no images")
    if not files:
        raise DatasetError(_nothing_found(folder))
    return Dataset(folder, tuple(kept), tuple(files), tuple(labels), tuple(notes))


def images_below(folder: Path) -> Iterator[Path]:
    """Files of `folder` and its folders that could be images, each once, by name."""
    return _images(folder, {}, [])


def read_classes(text: str) -> tuple[str, ...]:
    """Class names from "a,b,c", or from the lines of FILE in "@FILE".

    Raises:
        DatasetError: the file cannot be read, or a name stands twice.
    """
    if text.startswith("@"):
        try:
            lines = Path(text[1:]).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DatasetError(f"--classes: {printable(text[1:])}: {error}") from error
        names = [x.strip() for x in lines if x.strip()]
    else:
        names = [x.strip() for x in next(csv.reader([text]), []) if x.strip()]
    if not names:
        raise DatasetError("--classes: no name in it")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"--classes: {name!r} stands there {times} times")
    return tuple(names)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.exists():
        raise DatasetError(f"{printable(folder)} is not there")
    if not folder.is_dir():
        raise DatasetError(
            f"{printable(folder)} is a file; give the folder of class folders"
        )
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda x: os.fsencode(x.name))
    except OSError as error:
        raise DatasetError(f"{printable(folder)}: {error.strerror}") from error


def _junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in JUNK_FOLDERS


def _class_folders(folder: Path, notes: list[str]) -> Iterator[tuple[str, Path]]:
    real: dict[str, str] = {}
    loose = 0
    for entry in _entries(folder):
        if not entry.is_dir():
            loose += not _junk(entry.name)
        elif _junk(entry.name):
            notes.append(f"{printable(entry.name)}/: hidden or system folder")
        elif (target := os.path.realpath(entry.path)) in real:
            notes.append(f"{printable(entry.name)}/: same folder as {real[target]}/")
        else:
            real[target] = printable(entry.name)
            yield entry.name, Path(entry.path)
    if loose:
        notes.append(f"{loose} loose file(s) beside the class folders")


def _images(folder: Path, seen: dict[str, Path], notes: list[str]) -> Iterator[Path]:
    """Files below `folder`, each once; `seen` holds real paths of files and folders."""
    for entry in _entries(folder):
        name = printable(f"{folder.name}/{entry.name}")
        if _junk(entry.name) or entry.name.lower() == "thumbs.db":
            if entry.is_dir():
                notes.append(f"{name}/: hidden or system folder")
            continue
        if entry.is_symlink() and not Path(entry.path).exists():
            notes.append(f"{name}: link to nothing")
            continue
        if not (entry.is_dir() or entry.is_file()):
            notes.append(f"{name}: neither file nor folder")
            continue
        if entry.is_file() and Path(entry.name).suffix.lower() in NOT_PICTURES:
            notes.append(f"{name}: not an image by its name")
            continue
        real = os.path.realpath(entry.path)
        if real in seen:
            notes.append(f"{name}: the same file as {printable(seen[real])}")
            continue
        seen[real] = Path(folder.name, entry.name)
        if entry.is_dir():
            yield from _images(Path(entry.path), seen, notes)
        else:
            yield Path(entry.path)


def _nothing_found(folder: Path) -> str:
    if any(x.is_file() and not _junk(x.name) for x in _entries(folder)):
        return (
            f"{printable(folder)} holds files but no class folders; "
            f"put the images of each class into a folder of its own"
        )
    return f"{printable(folder)} holds no class folders with images"
