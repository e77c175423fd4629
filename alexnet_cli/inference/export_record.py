"""export.json: which models lie in a folder, how well they do, and what their bytes are."""

from pathlib import Path
from typing import Any

from ..backend.regular_file import read_regular
from ..errors import RunError, first_line, printable
from ..run.digests import sha256
from ..run.run_json import decode

RECORD = "export.json"
"""Lies beside exported files; run.json beside it says the rest."""
EXPORT_AGAIN = "export it again"
_MAX_BYTES = 16_000_000


def read_record(folder: Path) -> dict[str, Any]:
    """The content of export.json in `folder`.

    Raises:
        RunError: it cannot be read or is damaged.
    """
    file = folder / RECORD
    try:
        from .export_schema import check_record  # msgspec is not for --help.

        found = decode(read_regular(file, _MAX_BYTES))
        check_record(found)
    except (OSError, ValueError) as error:
        raise RunError(f"{printable(file)} is damaged: {first_line(error)}") from error
    return found


def require_as_recorded(model: Path) -> None:
    """Check that the files of an exported model are those that export.json beside it lists.

    Models elsewhere, and those of the first versions, have no digests.

    Raises:
        RunError: one is missing or is another, or export.json is damaged.
    """
    folder = model.parent
    if not (folder / RECORD).exists():
        return
    for row in read_record(folder)["exports"]:
        if row["file"] != model.name:
            continue
        for name, digest in row.get("digests", {}).items():
            file = folder / name
            # A link is fine: what it leads to has the digest, or is refused.
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise RunError(f"{printable(file)} is elsewhere; {EXPORT_AGAIN}")
            if not file.is_file():
                raise RunError(f"{printable(file)} does not exist; {EXPORT_AGAIN}")
            if sha256(file) != digest:
                raise RunError(f"{printable(file)} is not what was written; {EXPORT_AGAIN}")
