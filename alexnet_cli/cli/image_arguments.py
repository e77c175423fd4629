"""The IMAGE arguments of `alexnet predict`: files, folders, globs, or a list on stdin."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from ..dataset.prediction_files import FolderWalk, Input, broken_link
from ..errors import DatasetError, printable
from .file_list import URL_ERROR, is_url, listed, without_url
from .glob_pattern import matching

if TYPE_CHECKING:
    from ..inference.prediction import StoredImage


class Reserved(Protocol):
    """A folder that is never read: where `--draw` writes."""

    folder: Path

    def holds(self, real: str) -> bool:
        """Whether a path without links is that folder or below it."""

    def has_file(self, file: Path) -> bool:
        """Whether `file`, or what it links to, is in it."""

    def has_drawn(self, file: Path) -> bool:
        """Whether `file` is a drawing there, as it was written."""


@dataclass(frozen=True)
class ImageArguments:
    """What the arguments of `alexnet predict` are read from and with."""

    sources: Sequence[str]
    stdin: IO[bytes]
    note: Callable[[str], None]
    """Prints a line about what was left out."""
    reserved: Reserved | None = None

    def inputs(self) -> Iterator[Input]:
        """What `sources` name, in order and as often as they name it.

        What cannot be read is an input with an error, and so is a source that names
        nothing, if it is one of several.

        Raises:
            DatasetError: the only source names nothing, or all of it is drawings.
        """
        count = drawings = 0
        for source in self.sources:
            for item in self._or_error(source):
                if item.error or not self._is_reserved(item.file):
                    yield _checked(item)
                elif self.reserved and self.reserved.has_drawn(item.file):
                    drawings += 1
                    continue
                else:
                    yield self._refused(item.file)
                count += 1
        if self.reserved and drawings:
            name = printable(self.reserved.folder)
            if not count:
                raise DatasetError(f"--draw {name}: all images to predict are its drawings")
            self.note(f"{name}: left out {drawings} of its drawing(s)")

    def _refused(self, file: Path) -> Input:
        """The error of a `file` of the user's in the reserved folder.

        Raises:
            DatasetError: it is the only source.
        """
        if self.reserved and [Path(x) for x in self.sources] == [file]:
            folder = printable(self.reserved.folder)
            raise DatasetError(
                f"--draw {folder} would overwrite {printable(file)}, or add to its folder; "
                f"choose another"
            )
        return Input(file, "is in the folder of --draw, which is not read")

    def _or_error(self, source: str) -> Iterator[Input]:
        """What `source` names; an input with an error if that is nothing."""
        try:
            yield from self._of(source)
        except _NoInputs as error:
            if len(self.sources) == 1:
                raise DatasetError(f"{printable(source)} {error}") from error
            yield Input(Path(source), str(error), source)
        except DatasetError as error:
            # Of standard input, which several sources may be.
            if len(self.sources) == 1:
                raise
            yield Input(Path(source), str(error), source)

    def _of(self, source: str) -> Iterator[Input]:
        """What one `source` names: the one place where a kind of source is recognized.

        Raises:
            _NoInputs: that is nothing.
            DatasetError: standard input is no list of files.
        """
        path = Path(source)
        if source == "-":
            yield from self._listed()
        elif os.path.isdir(source):  # noqa: PTH112, as Path raises for long names.
            yield from self._below(path)
        elif os.path.lexists(source):
            yield Input(path)
        elif (local := without_url(source)) != source:
            yield from self._of(local)
        elif is_url(source):
            yield Input(path, URL_ERROR, source)
        elif glob.has_magic(source):
            found = matching(source)
            if not found:
                raise _NoInputs("matches no file")
            yield from found
        else:
            yield Input(path)

    def _listed(self) -> Iterator[Input]:
        if self.stdin.isatty():
            self.note("reading names of files from the terminal, one per line, to Ctrl-D")
        found = False
        for item in listed(self.stdin):
            found = True
            yield item
        if not found:
            raise DatasetError("standard input lists no files")

    def _below(self, folder: Path) -> Iterator[Input]:
        reserved = self.reserved
        if reserved and reserved.holds(os.path.realpath(folder)):
            raise _NoInputs("is the folder of --draw or below it, which is not read")
        walk = FolderWalk(folder, reserved.holds if reserved else lambda _: False)
        found = False
        for item in walk:
            found = True
            if item.error and item.file == folder:
                raise _NoInputs(item.error)
            yield item
        if note := walk.note():
            self.note(note)
        if not found:
            raise _NoInputs("has no images")

    def _is_reserved(self, file: Path) -> bool:
        return self.reserved is not None and self.reserved.has_file(file)


def as_images(inputs: Iterator[Input]) -> "Iterator[Path | StoredImage]":
    """`inputs` as a Classifier takes them; the first one is read at once.

    So an only source that names nothing is an error before anything is printed.
    """
    from ..inference.prediction import StoredImage

    first = list(islice(inputs, 1))
    return (
        StoredImage(x.file, error=x.error, name=x.name) if x.error else x.file
        for x in chain(first, inputs)
    )


class _NoInputs(DatasetError):
    """A source names nothing to predict; the message follows its name."""


def _checked(item: Input) -> Input:
    """`item`, with the error of a link that leads nowhere."""
    error = item.error or broken_link(item.file)
    return Input(item.file, error, item.name)
