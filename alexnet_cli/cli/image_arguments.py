"""The IMAGE arguments of `alexnet predict`: files, folders, globs, or a list on stdin."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from ..errors import DatasetError


def image_files(sources: Sequence[str], stdin: IO[bytes]) -> Iterator[Path]:
    """The files that `sources` name, in order; of folders only files that may be images.

    Raises:
        DatasetError: a folder has no such file, or a glob matches no file.
    """
    from ..dataset.folders import images_below

    for source in sources:
        path = Path(source)
        if source == "-":
            names = stdin.read().split(b"\n")
            yield from (Path(os.fsdecode(x)) for x in names if x.strip())
        elif path.is_dir():
            below = list(images_below(path))
            if not below:
                raise DatasetError(f"{path} has no images")
            yield from below
        elif not path.exists() and glob.has_magic(source):
            # Path.glob takes no absolute pattern.
            matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207
            if not matches:
                raise DatasetError(f"{source} matches no file")
            yield from (Path(x) for x in matches if not Path(x).is_dir())
        else:
            yield path
