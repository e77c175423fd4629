"""The images of train(): where they are, which are used, and what is said about them."""

import dataclasses
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.sources.kinds import is_remote, remote_url
from ..errors import DatasetError, RecipeError, printable
from ..recipe.late import too_late
from ..recipe.reachable import unreachable_targets
from ..recipe.recipe import Recipe
from ..recipe.validation import check_batches
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..backend.workers import Workers
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source


@dataclass(frozen=True)
class TrainOptions:
    """The options of `alexnet train` that are not fields of its recipe."""

    data: Path | None = None
    out: Path = Path("saved")
    classes: Sequence[str] = ()
    """Only these class folders, in this order."""
    overwrite: bool = False
    """Replace a run directory that exists at `out`."""
    run_name: str = ""
    """Name of the run in TensorBoard."""
    strict: bool = False
    """Raise an error if a file cannot be used."""
    against: Path | None = None
    """A folder of test images, none of which may be in `data`."""
    allow_overlap: bool = False
    """Train even if some are."""
    started: float = field(default_factory=time.monotonic)
    """When the time of --max-minutes began, on the clock of `time.monotonic`."""
    command: str = ""
    """The command line, for the record."""
    config: str = ""
    """What --config named, for the record."""
    train: Path | None = None
    """The folder of training images, in place of `data`."""
    val: Path | None = None
    """A folder of validation images."""
    test: Path | None = None
    """A folder of test images, for `alexnet evaluate`."""
    cluster: str | None = None
    """Where the workers that train together are found: auto, tf-config, slurm or ray."""

    @property
    def parts(self) -> dict[str, Path | None]:
        """The folders of the parts that are named, by part."""
        return {"train": self.train, "val": self.val, "test": self.test}


def training_images(
    options: TrainOptions, listener: Listener
) -> "tuple[Path, Source, dict[str, str]]":
    """The data set that `options` name, its images, and the folders of its parts below it.

    The latter only if options name them.

    Raises:
        DatasetError: there are no class folders, or fewer than two.
        RecipeError: the options contradict each other.
    """
    from ..dataset.class_names import confusable
    from ..dataset.sources.class_folders import ImageFolder, chosen_parts
    from ..dataset.sources.open import open_source

    data, parts = chosen_parts(options.data, options.parts)
    source = open_source(data, options.classes, parts=parts)
    listener.images_found(source)
    if isinstance(source, ImageFolder) and source.folders:
        names = [f"{k} {printable(x)}" for k, x in source.folders.items()]
        listener.log(f"parts: {', '.join(names)}")
    _warn_of_names(confusable(source.classes), listener)
    return data, source, {k: x.relative_to(data).as_posix() for k, x in parts.items()}


def check_place(out: Path, data: Path) -> None:
    """Check that `out` is of this machine, and not among the class folders of `data`.

    Raises:
        RecipeError: it is not.
    """
    if is_remote(out):
        raise RecipeError(
            f"--out {printable(remote_url(out))} is on a server; write to a folder of this "
            f"machine, and copy that"
        )
    if out.resolve().is_relative_to(data.resolve()):
        raise RecipeError(
            f"--out {printable(out)} is inside --data {printable(data)}, where it would be "
            f"taken for a class; choose a folder outside"
        )


def _warn_of_names(groups: Iterable[Sequence[str]], listener: Listener) -> None:
    """Say which classes could be one that was written in two ways."""
    from ..dataset.class_names import quoted

    for names in groups:
        listener.log(
            f"warning: the classes {', '.join(quoted(x) for x in names)} differ only "
            f"in letter case, Unicode form or spaces; are they one class?"
        )


def prepared_images(
    source: "Source",
    options: TrainOptions,
    recipe: Recipe,
    listener: Listener,
    workers: "Workers | None" = None,
) -> "PreparedData":
    """Decoded and split images, and lines about them.

    Raises:
        DatasetError: `options` refuse some of them.
        RecipeError: `recipe` cannot be used on so few.
    """
    from ..dataset.prepare import contradictions, prepare, refuse_overlap

    prepared = prepare(source, recipe, listener.counting, workers)
    listener.images_prepared(prepared)
    empty = sum(x.reason == "is empty" for x in prepared.bad)
    if empty > 1:
        listener.log(
            f"{empty} files are empty, as those are that a cloud (OneDrive, Dropbox) has "
            f"not downloaded yet"
        )
    _say_dropped(prepared, recipe.split.drop_small_classes, listener)
    if options.strict and prepared.bad:
        raise DatasetError(f"--strict: {len(prepared.bad)} file(s) cannot be used")
    if options.against and not options.allow_overlap:
        refuse_overlap(prepared, options.against, listener.counting)
    warnings = unreachable_targets(
        recipe,
        len(prepared.kept.classes),
        len(prepared.training),
        contradictions(prepared.split),
    )
    for text in (*too_late(recipe).values(), *warnings):
        listener.log(f"warning: {text}")
    check_batches(recipe, len(prepared.training))
    return prepared


def write_records(run: Run, prepared: "PreparedData") -> None:
    """Write split.csv and bad_images.csv."""
    run.write_records(
        [dataclasses.astuple(x) for x in prepared.split],
        [dataclasses.astuple(x) for x in (*prepared.bad, *prepared.kept.dropped)],
    )


def _say_dropped(prepared: "PreparedData", least: int, listener: Listener) -> None:
    """Say which classes --drop-small-classes has left out."""
    from ..dataset.class_names import shown

    small = prepared.kept.small
    if small:
        listener.log(
            f"{len(small)} class(es) with fewer than {least} different images are left "
            f"out, with {len(prepared.kept.dropped)} image(s) (bad_images.csv):"
        )
        listener.notes([f"{shown(name)} {count}" for name, count in small.items()])
