"""What can be done in Python as from the command line: train, evaluate, import weights."""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .cli import console, progress
from .errors import DatasetError, Interrupted, printable
from .recipe.recipe import Recipe
from .run.directory import new_run, require_space, staged
from .run.run import INTERRUPTED

if TYPE_CHECKING:
    from .dataset.prepare import ImageFolder, PreparedData
    from .model.pretrained.matching import LayerMatch
    from .trainer.finalize import Trained


@dataclass(frozen=True)
class TrainOptions:
    """What `alexnet train` is asked for beside its recipe."""

    data: Path
    classes: str | None
    out: Path
    overwrite: bool
    run_name: str
    strict: bool
    against: Path | None
    allow_overlap: bool
    deadline: float | None
    """When to be done, on the clock of `time.monotonic`."""


def train(asked: TrainOptions, recipe: Recipe) -> None:
    """Train `recipe` on a folder and leave a Run.

    Raises:
        DatasetError: `strict` and a bad file, or pictures of `against` in the data.
        Interrupted: after Ctrl-C, whether or not a Run could be kept.
    """
    from .backend.startup import start_tensorflow
    from .dataset.folders import read_classes
    from .dataset.prepare import find_images

    found = find_images(asked.data, read_classes(asked.classes) if asked.classes else ())
    console.found(found)
    recipe, start = _start(recipe, found.classes)
    run = new_run(asked.out, recipe, found.classes, asked.data)
    require_space(run)
    with staged(asked.out, asked.overwrite) as place:
        gathered = _gathered(found, asked, recipe)
        run = dataclasses.replace(run, path=place)
        run.write_records(gathered.split, gathered.bad)
        examples = (gathered.training, gathered.validation)
        # Training is the peak of memory; names and fingerprints have done their part.
        del found, gathered
        start_tensorflow()
        from .trainer import trainer

        setting = trainer.TrainContext(
            progress.EpochLine(), asked.run_name, start, asked.deadline
        )
        trained = trainer.train(run, *examples, setting)
    _tell(trained, asked.out)


def _start(
    recipe: Recipe, classes: tuple[str, ...]
) -> tuple[Recipe, Sequence["LayerMatch"]]:
    """The weights to begin with, and the recipe that prepares pictures as they expect.

    Raises:
        WeightsError: they cannot be read, or expect other pictures than are asked for.
    """
    if recipe.weights is None:
        return recipe, ()
    from .model.pretrained.layouts import read_pretrained
    from .model.pretrained.matching import frozen_layers, match_layers
    from .trainer.initial_weights import with_pretrained_preprocessing

    arch = recipe.architecture()
    frozen_layers(arch, recipe.freeze)
    begin = read_pretrained(weights_file(recipe.weights), arch)
    recipe = with_pretrained_preprocessing(recipe, begin)
    rows = match_layers(begin, arch, len(classes))
    console.weights(begin, rows)
    return recipe, rows


def weights_file(name: str) -> Path:
    """The file that --weights NAME means; "imagenet" is downloaded once and kept.

    Raises:
        DownloadError: as `fetch`.
    """
    if name != "imagenet":
        return Path(name)
    from .dataset.download import IMAGENET, cache_folder, download

    with progress.counting("fetching") as counter:
        return download(IMAGENET, cache_folder(os.environ), counter)


def import_weights(name: str, classes: str | None, out: Path, overwrite: bool) -> None:
    """Make a Run of somebody else's whole network.

    Raises:
        WeightsError: the file is unsafe, damaged, or only part of a network.
    """
    from .backend.startup import start_tensorflow
    from .dataset.folders import read_classes
    from .model.pretrained.layouts import read_pretrained
    from .model.pretrained.matching import match_layers

    file = weights_file(name)
    begin = read_pretrained(file, Recipe().architecture())
    start_tensorflow()
    from .trainer import import_run

    recipe = import_run.recipe_for(begin, file)
    arch = recipe.architecture()
    rows = match_layers(begin, arch, import_run.outputs_of(begin), head=True)
    console.weights(begin, rows)
    import_run.require_whole(rows, file)
    names = import_run.classes_of(begin, read_classes(classes) if classes else ())
    run = new_run(out, recipe, names)
    require_space(run)
    with staged(out, overwrite) as place:
        lite = import_run.write_run(dataclasses.replace(run, path=place), rows)
    _tell_lite(lite)
    click.echo(f"{printable(out)}: {recipe.arch} with {len(names)} classes")


def _gathered(found: "ImageFolder", asked: TrainOptions, recipe: Recipe) -> "PreparedData":
    """The decoded pictures, if they are what was asked for."""
    from .dataset.prepare import prepare, refuse_overlap

    with progress.counting("decoding") as counter:
        gathered = prepare(found, recipe, counter)
    console.gathered(gathered)
    if asked.strict and gathered.bad:
        raise DatasetError(f"--strict: {len(gathered.bad)} file(s) cannot be used")
    if asked.against and not asked.allow_overlap:
        refuse_overlap(gathered, asked.against)
    return gathered


def _tell(trained: "Trained", out: Path) -> None:
    """What came of training, and where it lies."""
    from .reports import plots

    console.log()
    if trained.reason:
        console.log(f"stopped: {trained.reason}")
    _tell_lite(trained.lite)
    if not plots.available():
        console.log("no plots: they need matplotlib, pip install 'alexnet[plots]'")
    epoch = int(trained.run.metrics["epoch"])
    click.echo(
        f"{printable(out)}: epoch {epoch} kept, validation accuracy {trained.scores.top1:.4f} "
        f"({trained.scores.images} pictures)"
    )
    if trained.run.status == INTERRUPTED:
        raise Interrupted(f"interrupted; epoch {epoch} is kept in {printable(out)}")


def _tell_lite(there: bool) -> None:
    if not there:
        console.log("no model.tflite: its answers differed; TensorFlow will answer, slower")
