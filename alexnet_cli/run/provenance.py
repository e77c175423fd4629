"""Where a run comes from: the command, the machine and the data that made it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Provenance:
    """What a number of a run can be traced to. Runs of the first versions have none."""

    command: str = ""
    """The command line; empty if it was trained from Python."""
    config: str = ""
    """The recipe that it started from: a name, a file or a run; empty if none was named."""
    hardware: Mapping[str, str] = field(default_factory=dict)
    """As `backend.environment.hardware` has it, of the machine where it began."""
    seconds: float = 0.0
    """How long training took, over all its sittings, with what comes before and after."""
    data_digest: str = ""
    """As `data_digest` has it, of split.csv."""
    images: Mapping[str, int] = field(default_factory=dict)
    """How many are in each part, and how many could not be used (bad)."""

    def without_names(self) -> "Provenance":
        """The same without names of this machine's folders."""
        config = Path(self.config).name
        return Provenance(
            "", config, self.hardware, self.seconds, self.data_digest, self.images
        )


def data_digest(rows: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of a set of images, hexadecimal: of their content and classes alone.

    `rows` are the SHA-256 and the class of each. Names of files and their order do not
    matter; `LC_ALL=C sort | sha256sum` of lines "SHA256 CLASS" gives the same.
    """
    texts = (f"{digest} {label}\n" for digest, label in rows)
    lines = sorted(x.encode("utf-8", "surrogateescape") for x in texts)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def counts(parts: Iterable[str], bad: int) -> dict[str, int]:
    """`Provenance.images`, from the part of each image and the number of bad ones."""
    return {**Counter(parts), **({"bad": bad} if bad else {})}
