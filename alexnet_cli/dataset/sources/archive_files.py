"""The folders and files of an archive, as of a disk, by paths below its own."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..layout.disk import DISK, Entry, Files
from .kinds import archive_of
from .members import Opened
from .tar_archive import open_tar
from .zip_archive import open_zip


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file or folder in an archive; there are no links."""

    name: str
    path: str
    folder: bool

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self.folder

    def is_file(self) -> bool:
        """Whether it is a file."""
        return not self.folder

    def is_symlink(self) -> bool:
        """Links are left out when the archive is opened."""
        return False


class ArchiveFiles:
    """What is in an archive, which is read without unpacking it to disk."""

    wrapped = True

    def __init__(self, data: Path) -> None:
        """Open the archive that `data` is, or is in. A compressed tar is read once.

        Raises:
            DatasetError: it is damaged, encrypted or a bomb.
        """
        self.archive = archive_of(data) or data
        opened = open_members(self.archive)
        self.members, self.left_out = opened.members, opened.left_out
        self.sequential = self.members.sequential
        self._places = {name: i for i, name in enumerate(self.members.names)}
        self._folders = _folders(self.archive, self.members.names)

    def entries(self, folder: Path) -> list[Entry]:
        """What is in `folder`, in the order of the names' bytes.

        Raises:
            OSError: there is no such folder.
        """
        name = self._name(folder)
        if name in self._folders:
            return [*self._folders[name]]
        if name in self._places:
            raise NotADirectoryError
        raise FileNotFoundError

    def real(self, path: Path | str) -> str:
        """`path`, as there are no links."""
        return str(path)

    def begins_as_image(self, path: Path | str) -> bool:
        """Whether the first bytes of a file are those of an image."""
        return self.members.begins_as_image(self._name(Path(path)))

    def read(self, path: Path) -> bytes:
        """The content of a file.

        Raises:
            ImageError: it cannot be read.
        """
        return self.members.read(self._name(path))

    def place(self, path: Path) -> int:
        """Where a file stands in the archive."""
        return self._places.get(self._name(path), len(self._places))

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.archive).as_posix()
        return "" if name == "." else name


def files_at(data: Path) -> Files:
    """Where the folder `data` is: on the disk, or in an archive, which is opened.

    Raises:
        DatasetError: the archive is damaged, encrypted or a bomb.
    """
    return ArchiveFiles(data) if archive_of(data) else DISK


def open_members(path: Path) -> Opened:
    """The archive at `path`.

    Raises:
        DatasetError: it is damaged, encrypted or a bomb.
    """
    return open_zip(path) if path.suffix.lower() == ".zip" else open_tar(path)


def _folders(archive: Path, names: tuple[str, ...]) -> dict[str, list[_Entry]]:
    """What is in each folder of an archive, by the folder's path in it."""
    found: dict[str, list[_Entry]] = {"": []}

    def add(name: str, *, folder: bool) -> None:
        above, _, last = name.rpartition("/")
        if above not in found:
            found[above] = []
            add(above, folder=True)
        found[above].append(_Entry(last, f"{archive}/{name}", folder))

    for name in names:
        add(name, folder=False)
    for entries in found.values():
        entries.sort(key=lambda x: os.fsencode(x.name))
    return found
