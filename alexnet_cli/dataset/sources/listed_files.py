"""Files that a list names: found below its folder, under the names that people write."""

import os
import re
import unicodedata
from collections import defaultdict
from pathlib import Path, PurePosixPath

from ...errors import DatasetError, ImageError
from .. import images
from .layout import reason_to_leave_out
from .source import Sample

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class ListedFiles:
    """The files below the folder of a list; each folder is looked into once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: dict[str, set[str]] = {}
        self.plain: dict[str, dict[str, list[str]]] = {}
        self.problems: dict[str, str] = {}
        """Why there is no one file for a name that was looked for."""
        self.elsewhere: dict[str, int] = {}
        """How many files were found in each folder beside the list, not named by it."""

    def find(self, text: str) -> str:
        """The path of a file, below the root or absolute, with forward slashes.

        Of a name without a folder, or without its extension, that of the one image that
        has it, beside the list or in a folder there. What is not found keeps its name,
        and is a problem.

        Raises:
            DatasetError: `text` is no path of a file.
        """
        if _URL.match(text):
            raise DatasetError(f"{text!r} is a URL, and only files are read; download it")
        if "\0" in text:
            raise DatasetError(f"{text!r} has a zero byte, as no path has")
        name = str(PurePosixPath(text))
        if self._exists(name):
            return name
        if "\\" in text:
            name = str(PurePosixPath(text.replace("\\", "/")))
            if self._exists(name):
                return name
        return self._similar(name)

    def read(self, sample: Sample) -> bytes:
        """The bytes of a file that was found, or that an earlier list named.

        Raises:
            ImageError: it cannot be read.
        """
        if reason := self.problems.get(sample.name):
            raise ImageError(reason)
        return images.read(self.root / sample.name)

    def _exists(self, name: str) -> bool:
        folder, _, file = name.rpartition("/")
        return file in self._files(folder if folder or name[:1] != "/" else "/")

    def _files(self, folder: str) -> set[str]:
        """Names of what is in a folder, which is below the root or absolute."""
        if folder not in self.names:
            try:
                self.names[folder] = set(os.listdir(self.root / folder))  # noqa: PTH208
            except (OSError, ValueError):
                self.names[folder] = set()
        return self.names[folder]

    def _similar(self, name: str) -> str:
        """The one image that `name` can mean."""
        folder, _, file = name.rpartition("/")
        found = self._matching(folder, file)
        if not found and not folder:
            found = [x for beside in self._beside() for x in self._matching(beside, file)]
        if len(found) == 1:
            if not folder and "/" in found[0]:
                beside = found[0].partition("/")[0]
                self.elsewhere[beside] = self.elsewhere.get(beside, 0) + 1
            return found[0]
        if found:
            self.problems[name] = f"could be {found[0]} or {found[1]}"
        elif _DRIVE.match(name):
            self.problems[name] = "does not exist: it is a path of another machine"
        else:
            self.problems[name] = "does not exist"
        return name

    def _beside(self) -> list[str]:
        return sorted(
            x
            for x in self._files("")
            if not reason_to_leave_out(f"{x}/x") and (self.root / x).is_dir()
        )

    def _matching(self, folder: str, file: str) -> list[str]:
        """Paths of the images in `folder` that are called `file`, or that and an extension.

        Names are compared in normal form C: macOS writes another than Linux.
        """
        if folder not in self.plain:
            by_name: defaultdict[str, list[str]] = defaultdict(list)
            for name in self._files(folder):
                plain = unicodedata.normalize("NFC", name)
                by_name[plain].append(name)
                stem, dot, _ = plain.rpartition(".")
                if dot and stem and not reason_to_leave_out(name):
                    by_name[stem].append(name)
            self.plain[folder] = by_name
        wanted = unicodedata.normalize("NFC", file)
        found = sorted(self.plain[folder].get(wanted, ()))
        return [f"{folder}/{x}" if folder else x for x in found]
