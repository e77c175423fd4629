"""Kinds of data sets, told by what --data says. Imports nothing heavy."""

from pathlib import Path

TFDS = "tfds:"
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
READ = (
    "a folder of class folders, a manifest (.csv, .tsv, .jsonl), an archive (.zip, .tar, "
    ".tar.gz, .tar.xz) or tfds:NAME"
)


def is_archive(path: Path) -> bool:
    """Whether `path` is a file that by its extension is an archive which is read."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def archive_of(data: Path) -> Path | None:
    """The archive that `data` is, or of which it names a folder, as photos.zip/train."""
    return next((x for x in (data, *data.parents) if is_archive(x)), None)


def is_tfds(data: Path) -> bool:
    """Whether `data` names a data set of TFDS."""
    return str(data).startswith(TFDS)


def exists(data: Path) -> bool:
    """Whether `data` may still be read: of a data set of TFDS only TFDS knows."""
    return is_tfds(data) or data.exists() or archive_of(data) is not None


def recorded_name(data: Path) -> str:
    """What run.json calls `data`: its absolute path, or tfds:NAME."""
    return str(data) if is_tfds(data) else str(data.resolve())
