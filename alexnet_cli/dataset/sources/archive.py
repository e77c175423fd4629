"""The images in an archive, to be predicted: whatever is in it, in its order."""

from collections.abc import Iterator
from pathlib import Path

from ...errors import DatasetError, ImageError, printable
from ..layout.listing import unused_name
from .archive_files import open_members
from .kinds import archive_of
from .members import Members


def archive_images(path: Path) -> Iterator[tuple[Path, bytes | ImageError]]:
    """The images in an archive, in its order: a path below its own, and the content.

    `path` is that of the archive, or of a folder or an image in it, as photos.zip/cats.
    What cannot be read is an error in the place of its content, also the archive itself.
    One at a time is in memory.
    """
    try:
        archive = archive_of(path) or path
        members = open_members(archive).members
    except DatasetError as error:
        yield path, ImageError(str(error).removeprefix(f"{printable(archive)} "))
        return
    below = path.relative_to(archive).parts
    names = [x for x in members.names if tuple(x.split("/"))[: len(below)] == below]
    images = [x for x in names if not unused_name(x)]
    if not images:
        what = "has no images" if names else "does not exist"
        yield path, ImageError(what if below else "is an archive without images")
    for name in images:
        yield archive / name, _content(members, name)


def _content(members: Members, name: str) -> bytes | ImageError:
    try:
        return members.read(name)
    except ImageError as error:
        return error
