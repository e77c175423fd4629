"""Shards written by the machines of Ray, into a folder that all of them share."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from ..dataset.decoding import Counting
from ..dataset.shards.plan import Plan, PrepareOptions
from ..dataset.shards.writing import Write, write_chosen
from ..dataset.sources.open import open_source
from ..errors import DatasetError, printable
from .ray_cluster import Machines


def writing_by(machines: AbstractContextManager[Machines], data: Path) -> Write:
    """What has `machines` write shards of the data set `data`, which all can read."""

    def write(plan: Plan, shards: list[int], counting: Counting) -> None:
        if not shards:
            return
        if plan.source.sequential:
            raise DatasetError(
                f"{plan.source.location} can only be read from its start; unpack it, or "
                f"leave out --cluster"
            )
        make = partial(_writer, data, plan.options, plan.digest)
        images = sum(len(plan.chunks[i]) for i in shards)
        with machines as entered, counting("writing shards") as progress:
            done = 0
            for written in entered.map(make, shards):
                done += written
                progress(done, images)

    return write


def _writer(data: Path, options: PrepareOptions, digest: str) -> Callable[[int], int]:
    """What writes the shard of a number, and says how many images are in it.

    Raises:
        DatasetError: `data` cannot be read here, or has other images.
    """
    plan = Plan(open_source(data), options)
    if plan.digest != digest:
        raise DatasetError(
            f"{printable(data)} does not have the same images on all machines of Ray"
        )

    def write(shard: int) -> int:
        write_chosen(plan, [shard])
        return len(plan.chunks[shard])

    return write
