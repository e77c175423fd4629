"""Files to predict, among which archives stand for the images in them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ..dataset.sources.kinds import archive_of
from ..errors import ImageError
from .prediction import StoredImage, Unread


class ArchiveImages:
    """Images for `Classifier.predict`: `files`, and of archives among them each member.

    A member is named by the path of its archive and its own: photos.zip/cats/1.jpg. So may
    a folder in an archive be among the files.
    """

    def __init__(self, files: Iterable[Path | StoredImage], *, keep: bool = False) -> None:
        """With `keep`, members stay in memory until `encoded` asks for them."""
        self.files, self.keep = files, keep
        self.kept: dict[Path, bytes] = {}

    def __iter__(self) -> Iterator[Path | StoredImage | Unread]:
        """Each image in order; members are read as they are asked for, one at a time."""
        for file in self.files:
            if not isinstance(file, Path) or not archive_of(file):
                yield file
                continue
            # Not at the top: predicting files needs no archives.
            from ..dataset.sources.archive import archive_images

            for name, content in archive_images(file):
                if self.keep and isinstance(content, bytes):
                    self.kept[name] = content
                yield Unread(name, _reading(content))

    def encoded(self, file: Path) -> bytes | Path:
        """The content of a member that was kept, once; or the file itself."""
        return self.kept.pop(file, file)


def _reading(content: bytes | ImageError) -> Callable[[], bytes]:
    def read() -> bytes:
        if isinstance(content, ImageError):
            raise content
        return content

    return read
