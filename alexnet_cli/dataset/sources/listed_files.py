"""Files that a list names: found below its folder, under the names that people write."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

from ...errors import DatasetError, ImageError
from .. import images
from ..layout.listing import unused_name
from .source import Sample

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PLAIN = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
"""A path that is written in the only way that it can be."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class ListedFiles:
    """The files below the folder of a list; each folder is looked into once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: dict[str, set[str]] = {}
        self.plain: dict[str, Mapping[str, list[str]]] = {}
        self.folded: dict[str, Mapping[str, str]] = {}
        self.problems: dict[str, str] = {}
        """Why there is no one file for a name that was looked for."""
        self.elsewhere: dict[str, int] = {}
        """How many files were found in each folder beside the list, not named by it."""

    def find(self, text: str, line: int) -> str:
        """The path of a file, below the root or absolute, with forward slashes.

        Of a name without a folder, or without its extension, that of the one image that
        has it, beside the list or in a folder there. What is not found keeps its name,
        and is a problem of the `line`.

        Raises:
            DatasetError: `text` is no path of a file.
        """
        if _URL.match(text):
            raise DatasetError(f"{text!r} is a URL, and only files are read; download it")
        if "\0" in text:
            raise DatasetError(f"{text!r} has a zero byte, as no path has")
        # Most names need no more than this, and a list has millions.
        name = text if _PLAIN.fullmatch(text) else str(PurePosixPath(text))
        if self._exists(name):
            return name
        if "\\" in text:
            name = str(PurePosixPath(text.replace("\\", "/")))
            if self._exists(name):
                return name
        return self._similar(name, line)

    def inside(self, name: str) -> str:
        """The last folders and the name of what is below the root, if `name` ends so."""
        words = name.split("/")
        ends = ("/".join(words[i:]) for i in range(1, len(words)))
        return next((x for x in ends if self._exists(x)), "")

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

    def _similar(self, name: str, line: int) -> str:
        """The one image that `name` can mean."""
        folder, _, file = name.rpartition("/")
        found = self._matching(folder, file)
        if len(found) == 1:
            if not folder and "/" in found[0]:
                beside = found[0].partition("/")[0]
                self.elsewhere[beside] = self.elsewhere.get(beside, 0) + 1
            return found[0]
        problem = "does not exist"
        if found:
            problem = f"could be {found[0]} or {found[1]}"
        elif _DRIVE.match(name):
            problem = "does not exist: it is a path of another machine"
        elif other := self._in_other_letters(folder).get(file.casefold()):
            problem = f"does not exist: only {other!r} does, in other letters"
        self.problems.setdefault(name, f"{problem} (line {line})")
        return name

    def _in_other_letters(self, folder: str) -> Mapping[str, str]:
        """Names of what is in a folder, by these without case."""
        if folder not in self.folded:
            self.folded[folder] = {x.casefold(): x for x in self._files(folder)}
        return self.folded[folder]

    @cached_property
    def _beside(self) -> Mapping[str, list[str]]:
        """Paths of the images in the folders beside the list, by plain name."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for folder in sorted(self._files("")):
            if not unused_name(f"{folder}/x") and (self.root / folder).is_dir():
                for plain, paths in self._by_name(folder).items():
                    found[plain] += paths
        return found

    def _matching(self, folder: str, file: str) -> list[str]:
        """Paths of the images in `folder` that are called `file`, or that and an extension.

        Without a folder, if there is none beside the list, of those in folders there.
        Names are compared in normal form C: macOS writes another than Linux.
        """
        if folder not in self.plain:
            self.plain[folder] = self._by_name(folder)
        wanted = unicodedata.normalize("NFC", file)
        found = self.plain[folder].get(wanted, [])
        return sorted(found if found or folder else self._beside.get(wanted, []))

    def _by_name(self, folder: str) -> Mapping[str, list[str]]:
        """Paths of what is in `folder`, by name, and of images also without extension."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._files(folder):
            path = f"{folder}/{name}" if folder else name
            plain = unicodedata.normalize("NFC", name)
            found[plain].append(path)
            stem, dot, _ = plain.rpartition(".")
            if dot and stem and not unused_name(name):
                found[stem].append(path)
        return found
