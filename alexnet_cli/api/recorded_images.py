"""The images of a run whose training goes on, and what has become of them since."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.sources.kinds import exists
from ..errors import DatasetError, printable
from ..run.run import Run
from .listener import Listener
from .provenance import with_images

if TYPE_CHECKING:
    from ..backend.workers import Workers
    from ..dataset.pixel_cache import Examples


def recorded_examples(
    run: Run, listener: Listener, workers: "Workers | None", *, allow_changed: bool
) -> "tuple[Run, tuple[Examples, Examples], bool]":
    """The run, its training and validation examples, and whether those have changed.

    Raises:
        DatasetError: they are, and that is not allowed.
    """
    from ..dataset.recorded import prepare_recorded, recorded_images

    data = Path(run.data)
    if not run.data or not exists(data):
        raise DatasetError(
            f"{printable(data)}, where its images are, does not exist; "
            f"--data says where they are now"
        )
    split = run.split()
    source = recorded_images(data, run.classes, split)
    with listener.counting("decoding") as counter:
        training, validation, changes = prepare_recorded(
            source, split, run.recipe, counter, workers
        )
    if not changes:
        return run, (training, validation), False
    listener.log(f"{len(changes)} of {len(split)} images have changed:")
    listener.notes([printable(x) for x in changes])
    if not allow_changed:
        raise DatasetError(
            f"{len(changes)} of {len(split)} images in {printable(data)} have changed; "
            f"--allow-changed-data goes on with what is there now"
        )
    return *_new_examples(run, data, listener, workers), True


def _new_examples(
    run: Run, data: Path, listener: Listener, workers: "Workers | None"
) -> "tuple[Run, tuple[Examples, Examples]]":
    """What is in `data` now, split anew by content; split.csv is written anew."""
    from ..dataset.prepare import prepare
    from ..dataset.sources.open import open_source

    parts = {k: data / v for k, v in run.parts.items()}
    source = open_source(data, run.classes, parts=parts)
    # The classes are those of the network now.
    recipe = run.recipe.changed(drop_small_classes=0)
    prepared = prepare(source, recipe, listener.counting, workers)
    listener.images_prepared(prepared)
    run.write_records(
        [dataclasses.astuple(x) for x in prepared.split],
        [dataclasses.astuple(x) for x in prepared.bad],
    )
    return with_images(run, prepared), (prepared.training, prepared.validation)
