"""The drawings of `predict --draw`: they replace nothing that it did not write itself."""

import io
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ImageError, first_line, printable
from .drawing_folder import DrawingFolder, drawing, marked

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..inference.prediction import Prediction
    from ..preprocess import Preprocess

_MAX_TRIES = 1000
"""Names that are tried for one drawing."""


class Drawings:
    """Writes images into a folder with their classes on them, each under its own name."""

    def __init__(self, folder: DrawingFolder, files: Iterable[Path]) -> None:
        """Make the folder; `files` are those that will be drawn, in order.

        Raises:
            DatasetError: the folder cannot be made.
        """
        self._folder = folder
        self._same_names = Counter(_key(_name(x)) for x in files)
        self._written: set[str] = set()
        self._number = -1
        folder.make()

    def draw(
        self, prediction: "Prediction", image: bytes | Path, preprocess: "Preprocess"
    ) -> str:
        """Write the next `image` with its class on it; why it could not be, or nothing.

        One that cannot be read is not drawn, and that is no second error.
        """
        from ..dataset.images import view
        from ..reports.sheets import labeled

        self._number += 1
        if prediction.error:
            return ""
        best, confidence = prediction.top(1)[0]
        text = f"{printable(best)} {confidence:.1%}"
        text = prediction.label if prediction.rejected else text
        name = self._named(prediction.file)
        try:
            drawn = labeled(view(image, preprocess), text)
            self._write(name, _encoded(drawn, Path(name).suffix))
        except ImageError as error:
            return f"not drawn: {error}"
        except MemoryError:
            return "not drawn: there is not enough memory"
        except OSError as error:
            return f"not drawn: {first_line(error)}"
        return ""

    def _named(self, file: Path) -> str:
        """The name of the next drawing, unless that is taken."""
        name = _name(file)
        if self._same_names[_key(name)] > 1:
            return f"{self._number:05}-{name}"
        return name

    def _write(self, name: str, data: bytes) -> None:
        """Write a drawing under `name`, or a name near it that nothing else has.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        stem, suffix = os.path.splitext(name)  # noqa: PTH122
        names = (f"{stem}-{i}{suffix}" for i in range(2, _MAX_TRIES))
        for free in chain([name], names):
            if _key(free) in self._written:
                continue
            file, whole = self._folder.folder / free, marked(data, free)
            before = drawing(file)
            if before != whole:
                if before:
                    file.unlink()
                try:
                    _write_new(file, whole)
                except FileExistsError:
                    continue
            self._written.add(_key(free))
            return
        raise FileExistsError(f"{name} and {_MAX_TRIES - 2} names like it exist already")


def _name(file: Path) -> str:
    """The name of the drawing of `file`: a JPEG, or a PNG if it is called so."""
    if file.suffix.lower() in (".jpg", ".jpeg", ".png"):
        return file.name
    return f"{file.name}.jpg"


def _key(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _encoded(image: "Image", suffix: str) -> bytes:
    """The bytes of the image as the format of `suffix`.

    Raises:
        ImageError: a JPEG cannot be that large.
    """
    from ..reports.sheets import MAX_SIDE

    form = "PNG" if suffix.lower() == ".png" else "JPEG"
    if form == "JPEG" and max(image.size) > MAX_SIDE:
        width, height = image.size
        raise ImageError(f"{width} x {height} pixels are more than a JPEG may have")
    out = io.BytesIO()
    image.save(out, form, quality=90)
    return out.getvalue()


def _write_new(file: Path, data: bytes) -> None:
    """Write a file that did not exist; links are not followed.

    Raises:
        FileExistsError: it does.
        OSError: it cannot be written; nothing is left of it.
    """
    with file.open("xb") as new_file:
        try:
            new_file.write(data)
            new_file.flush()
        except BaseException:
            file.unlink(missing_ok=True)
            raise
