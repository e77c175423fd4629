"""What a run records of the images that it is made from."""

import dataclasses
from typing import TYPE_CHECKING

from ..run.provenance import counts, data_digest
from ..run.run import Run

if TYPE_CHECKING:
    from ..dataset.prepare import PreparedData


def with_images(run: Run, prepared: "PreparedData") -> Run:
    """`run` with the digest and the numbers of the images that were prepared for it."""
    rows = prepared.split
    known = dataclasses.replace(
        run.provenance,
        data_digest=data_digest((x.sha256, x.label) for x in rows),
        images=counts((x.part for x in rows), len(prepared.bad)),
    )
    return dataclasses.replace(run, provenance=known)
