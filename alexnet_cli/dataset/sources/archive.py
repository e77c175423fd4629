"""The images in an archive, to be predicted: whatever is in it, in its order."""

from collections.abc import Iterator
from pathlib import Path

from ...errors import DatasetError, ImageError, printable
from ..listing import unused_name
from .archive_files import open_members
from .members import Members


def archive_images(path: Path) -> Iterator[tuple[Path, bytes | ImageError]]:
    """The images in an archive, in its order: a path below its own, and the content.

    What cannot be read is an error in the place of its content, also the archive itself.
    One at a time is in memory.
    """
    try:
        members = open_members(path).members
    except DatasetError as error:
        yield path, ImageError(str(error).removeprefix(f"{printable(path)} "))
        return
    images = [x for x in members.names if not unused_name(x)]
    if not images:
        yield path, ImageError("is an archive without images")
    for name in images:
        yield path / name, _content(members, name)


def _content(members: Members, name: str) -> bytes | ImageError:
    try:
        return members.read(name)
    except ImageError as error:
        return error
