"""A data set -> a folder of shards; a killed work goes on, and what is there is whole."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...backend.file_lock import AlreadyLocked, release, try_lock
from ...backend.whole_file import written_whole
from ...errors import DatasetError, printable
from ..decoding import Counting, uncounted
from ..near_duplicates.fingerprint import PRINT
from ..parallel import parallel_map
from ..sources.source import Sample, readers
from .encoding import Encoded, Unusable, encoder, members
from .finishing import Written, finish, written
from .plan import Finished, Plan
from .table import Row
from .tar_writer import TarWriter

T = TypeVar("T")
Write = Callable[[Plan, list[int], Counting], None]
"""Writes the shards of those numbers, and their records."""


def write_chosen(plan: Plan, shards: list[int], counting: Counting = uncounted) -> None:
    """Write the `shards` of those numbers and their records, one after the other.

    Raises:
        DatasetError: the images cannot be read at all.
        OSError: the disk is full.
    """
    source, options = plan.source, plan.options
    samples = [x for i in shards for x in plan.chunks[i]]
    work = encoder(options.preprocess, options.encoding, options.quality)
    encoded = parallel_map(
        work, readers(samples, source.read, sequential=source.sequential)
    )
    with counting("writing shards") as progress, closing(encoded):
        images = _counted(encoded, lambda done: progress(done, len(samples)))
        for shard in shards:
            _write_shard(plan, shard, images)


def write_shards(
    plan: Plan, counting: Counting = uncounted, write: Write = write_chosen
) -> Written:
    """Write the shards of a plan by `write`, but for those that are there and whole.

    Raises:
        DatasetError: no image can be used, another process is writing there, or the folder
            is another one's or cannot be written.
    """
    if plan.is_complete():
        # What was killed after its last step has left them.
        shutil.rmtree(plan.work, ignore_errors=True)
        return written(plan.out)
    with _writing(plan.out):
        plan.begin()
        with _locked(plan.work / "lock", plan.out):
            pending = _pending(plan, counting)
            write(plan, pending, counting)
            found = finish(plan, len(pending), counting)
        shutil.rmtree(plan.work)
    return found


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say what to do after whatever ends the work before it is done.

    Raises:
        DatasetError: the system refused to write.
    """
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"--out {printable(out)}: {error.strerror or error}; the same command goes on "
            f"with the shards that are finished"
        ) from error
    except KeyboardInterrupt as error:
        error.add_note("the same command goes on with the shards that are finished")
        raise


@contextmanager
def _locked(file: Path, out: Path) -> Iterator[None]:
    """Keep other processes from writing there.

    Raises:
        DatasetError: one does already.
    """
    try:
        lock = try_lock(file)
    except AlreadyLocked as error:
        raise DatasetError(
            f"--out {printable(out)}: another process is writing shards there"
        ) from error
    try:
        yield
    finally:
        release(lock, file)


def _pending(plan: Plan, counting: Counting) -> list[int]:
    """The numbers of the shards that are not there, or not as they were written."""
    count = len(plan.chunks)
    there = [i for i in range(count) if plan.record(i).exists()]
    pending = set(range(count)) - set(there)
    if there:
        with counting("checking finished shards") as progress:
            found = parallel_map(plan.is_finished, there)
            for done, (shard, finished) in enumerate(zip(there, found, strict=True), 1):
                if not finished:
                    pending.add(shard)
                progress(done, len(there))
    return sorted(pending)


def _counted(images: Iterator[T], progress: Callable[[int], None]) -> Iterator[T]:
    for done, image in enumerate(images, 1):
        yield image
        progress(done)


def _write_shard(plan: Plan, shard: int, images: Iterator[Encoded | Unusable]) -> None:
    """Write the next of `images` as one shard, and then its record.

    Raises:
        OSError: the disk is full.
    """
    tar, chunk = plan.tar(shard), plan.chunks[shard]
    # Before the images are read: what is written to meanwhile is read again next time.
    stamp = plan.stamp_of(shard)
    prints = np.zeros((len(chunk), *PRINT), np.uint8)
    rows = []
    with written_whole(tar) as part, closing(TarWriter(part)) as writer:
        found = zip(chunk, islice(images, len(chunk)), strict=True)
        for i, (sample, image) in enumerate(found):
            number = shard * plan.options.images_per_shard + i
            rows.append(_added(plan, writer, number, sample, image))
            if isinstance(image, Encoded):
                prints[i] = image.facts.fingerprint
        sha256 = writer.finish()
    plan.keep(shard, Finished(writer.size, sha256, stamp, rows), prints)


def _added(
    plan: Plan, writer: TarWriter, number: int, sample: Sample, image: Encoded | Unusable
) -> Row:
    """The row of an image, whose files are added to the tar if it can be used."""
    label = plan.source.classes[sample.label]
    if isinstance(image, Unusable):
        return Row(sample.name, label, sample.part, image.digest, reason=image.reason)
    facts = image.facts
    offset = 0
    for extension, data in members(image, sample, label, plan.options.encoding):
        at = writer.add(f"{number:09}.{extension}", data)
        offset = offset or at
    width, height = facts.size
    return Row(
        file=sample.name,
        label=label,
        part=sample.part,
        sha256=facts.digest,
        format=facts.format,
        shard=number // plan.options.images_per_shard,
        offset=offset,
        size=len(image.data),
        crc32=zlib.crc32(image.data),
        width=width,
        height=height,
        gray=int(facts.gray),
        turned=int(facts.turned),
        dim=facts.dim,
    )
