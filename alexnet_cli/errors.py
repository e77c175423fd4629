"""The errors that a user can cause, and the exit codes of the commands they end.

    AlexNetError         3  the work could not be done
    ├── RecipeError      2  an option or a configuration file asks for the impossible
    ├── DatasetError     3  a folder of images
    ├── ImageError       3  one image; caught per file, never ends the work on a folder
    │   └── OversizedImage  3  more pixels than are read
    ├── RunError         3  a run directory
    │   └── RunReplaced  3  another run has taken its place while it was being read
    ├── DeviceError      3  a processor that the machine does not have
    ├── ClusterError     3  the workers that train together: not found, or one has ended
    ├── DownloadError    3  a file that could not be fetched
    ├── WeightsError     3  a file of pretrained weights
    ├── ExportError      3  a format that cannot hold the network, or could not be written
    ├── CheckFailed      1  the work was done, and a check of its result failed
    └── Interrupted    130  Ctrl-C; 143 SIGTERM, 129 SIGHUP

Messages are one line: the file or option, what was found, what to do. Only `cli/console.py`
prints them.
"""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

MAX_MESSAGE = 2000
"""Characters of a message; what strangers' files can make longer is cut."""
_UNDECODED = re.compile("[\udc80-\udcff]+")
"""Bytes that Python could not decode, as it keeps them in names of files."""
_ADDRESS = re.compile(r"^(https?|s3|gs):/(?!/)", re.I)


class AlexNetError(Exception):
    """Base of all errors that end a command with one line and `exit_code`."""

    exit_code = 3

    def __str__(self) -> str:
        """The message as `one_line`, whatever was put into it."""
        return one_line(super().__str__())


class RecipeError(AlexNetError):
    """An option or a configuration key cannot be used as given."""

    exit_code = 2


class DatasetError(AlexNetError):
    """A folder does not hold the images it should."""


class ImageError(AlexNetError):
    """A file is not an image, or its pixels cannot all be read."""


class OversizedImage(ImageError):
    """An image has more pixels than are read."""


class RunError(AlexNetError):
    """A run directory is missing, damaged, or must not be overwritten."""


class RunReplaced(RunError):
    """A run directory is another one than when reading it began; to be read again."""


class DeviceError(AlexNetError):
    """The machine does not have the requested processor."""


class ClusterError(AlexNetError):
    """The workers that train together were not found, or one of them has ended."""


class DownloadError(AlexNetError):
    """A file could not be fetched, or is not the file it should be."""


class WeightsError(AlexNetError):
    """A file of weights is damaged, unsafe, or of an unknown layout."""


class ExportError(AlexNetError):
    """A run's network cannot be written in a format."""


class CheckFailed(AlexNetError):
    """The command did its work, but the result fails a check that was requested."""

    exit_code = 1


class Interrupted(AlexNetError):
    """A signal ended the work: Ctrl-C, SIGTERM or SIGHUP."""

    exit_code = 130

    def __init__(self, message: str, number: int = 2) -> None:
        """`number` is the signal's; the exit code is that of a process it ends."""
        super().__init__(message)
        self.number = number
        self.exit_code = 128 + number


class Signaled(KeyboardInterrupt):
    """A signal ends the work at once, as Ctrl-C does; raised by its handler."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def first_line(error: BaseException) -> str:
    """The first line of what an error says that is not empty, at most 200 characters.

    TensorFlow's messages hold tracebacks of hundreds of lines, and HDF5's have lines too.
    """
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = said.strip().splitlines()
    return printable(lines[0])[:200] if lines else ""


def one_line(text: str) -> str:
    """`text` as one printable line of at most MAX_MESSAGE characters.

    What is too long loses its middle: the file is named first, what to do comes last.
    """
    half = MAX_MESSAGE // 2
    if len(text) > MAX_MESSAGE:
        text = text[:MAX_MESSAGE] + text[-MAX_MESSAGE:]
    line = printable(text)
    return line if len(line) <= MAX_MESSAGE else f"{line[: half - 3]}...{line[-half:]}"


def printable(path: str | Path) -> str:
    r"""`path` as one printable line; bytes that are not UTF-8 appear as `\xNN`."""
    text = _UNDECODED.sub(_decoded, str(path))
    if isinstance(path, Path):
        # A path has made one of the two slashes of an address.
        text = _ADDRESS.sub(r"\1://", text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def for_shell(path: str | Path) -> str:
    r"""`path` as a shell takes it for one word: plain, '...', or $'...' with escapes."""
    text = str(path)
    if printable(text) == text:
        return shlex.quote(text)
    escaped = printable(text.replace("\\", "\\\\")).replace("'", "\\'")
    return f"$'{escaped}'"


def listed(names: Iterable[object], most: int = 10) -> str:
    """`names` as printable text, a comma between them: the first `most`, and a count."""
    found = [printable(str(x)) for x in names]
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return f"{', '.join(found[:most])}{rest}"


def _decoded(match: re.Match[str]) -> str:
    """They may be UTF-8 still, where the system's encoding is another."""
    return match[0].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
