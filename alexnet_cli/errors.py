"""Everything that can go wrong for a reason a user can mend.

    AlexNetError         3  the work could not be done
    ├── RecipeError      2  an option or a configuration file asks for the impossible
    ├── DatasetError     3  a folder of images
    ├── ImageError       3  one image; caught per file, never lets a folder fail
    ├── RunError         3  a Run directory
    ├── DeviceError      3  a processor that is not there
    ├── DownloadError    3  a file that could not be fetched
    ├── WeightsError     3  somebody else's weights
    ├── AnswerIsNo       1  the work was done and the answer is no
    └── Interrupted    130  Ctrl-C

The number is the exit code of the command. Messages are one line: the file or
option, what was found, what to do. `cli.py` prints them, nothing else does.
"""

import os
from pathlib import Path


class AlexNetError(Exception):
    """Base of all errors that end a command with one line and `exit_code`."""

    exit_code = 3


class RecipeError(AlexNetError):
    """An option or a configuration key cannot be used as given."""

    exit_code = 2


class DatasetError(AlexNetError):
    """A folder does not hold the images it should."""


class ImageError(AlexNetError):
    """A file is not an image that can be trusted."""


class RunError(AlexNetError):
    """A Run directory is missing, damaged, or not to be overwritten."""


class DeviceError(AlexNetError):
    """The machine lacks the processor asked for."""


class DownloadError(AlexNetError):
    """A file could not be fetched, or is not the file it should be."""


class WeightsError(AlexNetError):
    """A file of weights is damaged, unsafe, or of an unknown layout."""


class CheckFailed(AlexNetError):
    """The command did its work; what it was asked to confirm is not so."""

    exit_code = 1


class Interrupted(AlexNetError):
    """The user pressed Ctrl-C."""

    exit_code = 130


def printable(path: str | Path) -> str:
    r"""`path` as one printable line; bytes that are no UTF-8 appear as `\xNN`."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
