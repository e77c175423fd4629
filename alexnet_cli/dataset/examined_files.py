"""Every file of a data set looked at once: what `alexnet doctor` judges it by."""

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Fingerprints
from ..errors import ImageError
from .decoding import Counting, DecodedImage
from .known_images import examined
from .near_duplicates.fingerprint import PRINT
from .near_duplicates.print_table import PrintTable
from .shards.decoding import fingerprints
from .shards.source import ShardSource
from .sources.source import Source


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """One file: its path below the root, its class, its part, and what is in it."""

    name: str
    label: str
    part: str
    error: str = ""
    digest: str = ""
    format: str = ""
    size: tuple[int, int] = (0, 0)
    gray: bool = False
    turned: bool = False
    dim: int = 0


@dataclass(frozen=True)
class ExaminedFolder:
    """Every file of a data set, and fingerprints [N, 2, 32, 32], black for bad files."""

    source: Source
    files: tuple[ExaminedFile, ...]
    prints: Fingerprints
    not_read: int = 0
    """Files whose size and time are those of an earlier look, which is taken for theirs."""


def read_folder(
    source: Source, counting: Counting, max_pixels: int, *, prints: bool = True
) -> ExaminedFolder:
    """Every file of every part of `source`, decoded once; of shards as it was then.

    Without `prints`, which take 2 KB for each, they cannot be searched.
    """
    if isinstance(source, ShardSource):
        return _read_shards(source, counting, prints=prints)
    samples = source.samples
    files = [ExaminedFile(x.name, source.classes[x.label], x.part) for x in samples]
    table, black = PrintTable(len(files) if prints else 0), np.zeros(PRINT, np.uint8)
    not_read: list[int] = []
    look = examined(source, samples, max_pixels=max_pixels, not_read=not_read.append)
    with counting("examining") as progress:
        for i, decoded in enumerate(look):
            files[i] = _examined(files[i], decoded)
            if prints:
                table.add(
                    decoded.fingerprint if isinstance(decoded, DecodedImage) else black
                )
            progress(i + 1, len(files))
    return ExaminedFolder(source, tuple(files), table.all(), sum(not_read))


def _read_shards(
    source: ShardSource, counting: Counting, *, prints: bool
) -> ExaminedFolder:
    """What the table of shards says of every file, once all shards are as written."""
    with counting("checking shards") as progress:
        source.verify(progress)
    files = []
    for x in source.samples:
        width, height, gray, turned, dim = source.table.facts(x.row)
        file = ExaminedFile(x.name, source.classes[x.label], x.part)
        if error := source.table.reasons.get(x.row):
            files.append(replace(file, error=error))
            continue
        known = replace(file, digest=source.digest(x), format=source.table.formats[x.row])
        size, gray, turned = (width, height), bool(gray), bool(turned)
        files.append(replace(known, size=size, gray=gray, turned=turned, dim=dim))
    table = fingerprints(source)[[x.row for x in source.samples if prints]]
    return ExaminedFolder(source, tuple(files), table)


def _examined(file: ExaminedFile, decoded: DecodedImage | ImageError) -> ExaminedFile:
    if isinstance(decoded, ImageError):
        return replace(file, error=str(decoded))
    # Not by `replace`, which takes longer than all else here.
    return ExaminedFile(
        file.name,
        file.label,
        file.part,
        digest=decoded.digest,
        format=decoded.format,
        size=decoded.size,
        gray=decoded.gray,
        turned=decoded.turned,
        dim=decoded.dim,
    )
