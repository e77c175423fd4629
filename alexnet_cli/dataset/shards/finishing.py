"""The last steps of a folder of shards: groups of images, the table, and the index."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import convert

from ...arrays import Fingerprints
from ...backend.whole_file import written_whole
from ...errors import DatasetError, printable
from ..decoding import Counting
from ..near_duplicates.closeups import image_set
from ..near_duplicates.fingerprint import PRINT
from ..near_duplicates.groups import content_groups
from ..near_duplicates.pairs import NearPairs, not_compared
from ..near_duplicates.search import MOST_SEARCHED, group_near
from ..sources.class_folders import ImageFolder
from .encoding import RAW
from .index import (
    INDEX,
    PRINTS,
    TABLE,
    Index,
    Kept,
    Near,
    Parts,
    SampleTable,
    Shard,
    read_index,
    to_json,
)
from .plan import Plan, hashed, put
from .store import LocalStore, file_digest
from .table import Row, read_table, write_table


@dataclass(frozen=True)
class Written:
    """A folder of shards that is complete."""

    images: int
    bad: tuple[tuple[str, str], ...]
    """(file, reason)."""
    shards: int
    new: int
    """Of the shards, those that were not there before."""
    bytes: int
    """Of all shards."""
    near: Near


@dataclass
class _Collected:
    """What the records of all shards say together."""

    shards: list[Shard]
    stamps: list[str]
    digests: list[str]
    """Of the images that can be used."""
    good: list[int]
    """Their numbers among all."""
    bad: list[tuple[str, str]]


def finish(plan: Plan, new: int, counting: Counting) -> Written:
    """Write the table and, last, the index of shards that are all written.

    Raises:
        DatasetError: no image can be used.
        OSError: the disk is full.
    """
    found = _collected(plan)
    if not found.good:
        name, reason = found.bad[0]
        raise DatasetError(
            f"{plan.source.location}: no image can be used; {printable(name)} {reason}"
        )
    with written_whole(plan.out / PRINTS) as part:
        near = _near(plan, found, _joined_prints(plan, part), counting)
    table = _table(plan, content_groups(found.digests, near.pairs))
    put(plan.out / INDEX, to_json(_index(plan, found, table, near)).encode())
    return written(plan.out, new)


def _index(plan: Plan, found: _Collected, table: SampleTable, near: NearPairs) -> Index:
    options, source = plan.options, plan.source
    is_raw = options.encoding == RAW
    return Index(
        format=1,
        encoding="raw" if is_raw else "jpeg",
        quality=None if is_raw else options.quality,
        kept=Kept.of(options.preprocess),
        classes=source.classes,
        parts=convert(source.parts, Parts),
        samples=table,
        shards=tuple(found.shards),
        near=Near(near.compared, near.count),
        plan=plan.digest,
        by_class=isinstance(source, ImageFolder),
        data=source.location,
        notes=source.notes,
        stamp=hashed(found.stamps),
    )


def written(out: Path, new: int = 0) -> Written:
    """What is in a folder of shards that is complete, of which `new` are new.

    Raises:
        DatasetError: it is damaged.
    """
    store = LocalStore(out)
    index = read_index(store)
    table = read_table(store, index)
    return Written(
        images=index.images,
        bad=tuple((table.files[i], x) for i, x in table.reasons.items()),
        shards=len(index.shards),
        new=new,
        bytes=sum(x.bytes for x in index.shards),
        near=index.near,
    )


def _collected(plan: Plan) -> _Collected:
    found = _Collected([], [], [], [], [])
    for shard in range(len(plan.chunks)):
        record = plan.finished(shard)
        images, start = 0, shard * plan.options.images_per_shard
        for number, row in enumerate(record.rows, start):
            if row.reason:
                found.bad.append((row.file, row.reason))
            else:
                images += 1
                found.good.append(number)
                found.digests.append(row.sha256)
        file = plan.tar(shard).name
        found.stamps.append(record.stamp)
        found.shards.append(Shard(file, record.bytes, record.sha256, images))
    return found


def _joined_prints(plan: Plan, file: Path) -> Fingerprints:
    """The fingerprints of all images, written to `file`; not in memory."""
    shape = (len(plan.source.samples), *PRINT)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    # Not through a mapped file, whose pages count as the process's memory.
    with file.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for shard in range(len(plan.chunks)):
            out.write(plan.read_prints(shard).tobytes())
    prints: Fingerprints = np.load(file, mmap_mode="r")
    return prints


def _near(
    plan: Plan, found: _Collected, prints: Fingerprints, counting: Counting
) -> NearPairs:
    if plan.options.group_near and len(found.good) > MOST_SEARCHED:
        return not_compared(len(found.good))
    samples = [plan.source.samples[i] for i in found.good]
    limit = plan.options.preprocess.max_pixels
    kept = prints if len(samples) == len(prints) else prints[found.good]
    images = image_set(plan.source, samples, kept, found.digests, limit)
    return group_near(images, counting, plan.options.group_near)


def _table(plan: Plan, groups: list[str]) -> SampleTable:
    """Write samples.csv; `groups` are of the images that can be used."""
    file = plan.out / TABLE
    with (
        written_whole(file) as part,
        part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        write_table(out, _rows(plan, iter(groups)))
    rows = len(plan.source.samples)
    return SampleTable(file.stat().st_size, file_digest(file), rows)


def _rows(plan: Plan, groups: Iterator[str]) -> Iterator[Row]:
    for shard in range(len(plan.chunks)):
        for row in plan.finished(shard).rows:
            yield row if row.reason else row._replace(group=next(groups))
