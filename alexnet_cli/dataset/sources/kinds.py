"""Kinds of data sets, told by what --data says. Imports nothing heavy."""

import os
import re
from pathlib import Path

TFDS = "tfds:"
SHARDS, UNFINISHED = "shards.json", ".unfinished-shards"
"""What is in a folder of shards: once it is complete, and before."""
TABS, OBJECTS, SPACED = (".tsv", ".tab"), (".jsonl", ".ndjson"), (".txt", ".lst")
TABLES = (".csv", *TABS, *OBJECTS, *SPACED)
"""Extensions of manifests, in lower case."""
TARS = (".tar", ".tgz", ".tar.gz", ".tbz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
ARCHIVES = (".zip", *TARS)
"""Extensions of archives that are read, in lower case."""
OTHER_ARCHIVES = (".tar.zst", ".tzst", ".7z", ".rar", ".tar.lz4", ".tar.lzma", ".tar.lz")
"""Those of archives that are not."""
OTHER_TABLES = (".xlsx", ".xls", ".ods", ".parquet", ".json", ".feather", ".arrow")
"""Those of tables that are not."""
_REMOTE = re.compile(r"(https?|s3|gs):/+", re.I)
READ = (
    "a folder of class folders, a manifest (.csv, .tsv, .jsonl), an archive (.zip, .tar, "
    ".tar.gz, .tar.xz), a folder of shards or its address, or tfds:NAME"
)


def is_archive(path: Path) -> bool:
    """Whether `path` is a file that by its extension is an archive which is read."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def is_shards(data: Path) -> bool:
    """Whether `data` is a folder that `alexnet prepare` writes, complete or not."""
    if is_remote(data):
        return True
    # Not Path.exists, which raises where that may not be looked at.
    return any(os.path.lexists(data / x) for x in (SHARDS, UNFINISHED))


def is_remote(data: Path) -> bool:
    """Whether `data` is an address of shards on a server."""
    return _REMOTE.match(str(data)) is not None


def remote_url(data: Path) -> str:
    """The address that `data` was, of which a path has made one slash of two."""
    return _REMOTE.sub(r"\1://", str(data))


def is_plain_folder(data: Path) -> bool:
    """Whether `data` is a folder of images, and not of shards."""
    return data.is_dir() and not is_shards(data)


def archive_of(data: Path) -> Path | None:
    """The archive that `data` is, or of which it names a folder, as photos.zip/train."""
    return next((x for x in (data, *data.parents) if is_archive(x)), None)


def is_tfds(data: Path) -> bool:
    """Whether `data` names a data set of TFDS."""
    return str(data).startswith(TFDS)


def exists(data: Path) -> bool:
    """Whether `data` may still be read: of TFDS and servers only they know."""
    if is_tfds(data) or is_remote(data):
        return True
    return data.exists() or archive_of(data) is not None


def recorded_name(data: Path) -> str:
    """What run.json calls `data`: its absolute path, an address, or tfds:NAME."""
    if is_remote(data):
        return remote_url(data)
    return str(data) if is_tfds(data) else str(data.resolve())
