"""train(): class folders in, a run out.

TensorFlow starts as late as it can: after options, folders and weights were checked.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.startup import start_tensorflow
from ..dataset.sources.kinds import recorded_name
from ..errors import DatasetError, RecipeError, printable
from ..recipe.configs import build_recipe
from ..recipe.late import too_late
from ..recipe.reachable import unreachable_targets
from ..recipe.recipe import Recipe
from ..recipe.validation import check_batches
from ..run.destination import leftovers
from ..run.directory import new_run, require_space
from ..run.run import FAILED, Run
from ..run.staging import noting_how_to_go_on, staged
from .listener import Listener
from .pretrained import weights_file
from .resume import ResumeOptions, resume_run, unfinished
from .run_training import run_training

if TYPE_CHECKING:
    import keras

    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.result import Trained


@dataclass(frozen=True)
class TrainOptions:
    """The options of `alexnet train` that are not fields of its recipe."""

    data: Path
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


def train(
    data: Path | str,
    *,
    out: Path | str = "saved",
    config: Path | str | None = None,
    classes: Sequence[str] = (),
    overwrite: bool = False,
    run_name: str = "",
    strict: bool = False,
    against: Path | str | None = None,
    allow_overlap: bool = False,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    listener: Listener | None = None,
    **fields: Any,
) -> Run:
    """Train on the class folders of `data` and return the run, whose directory is `out`.

    `config` is the name of a recipe or a TOML file. `fields` are fields of `Recipe`, such
    as `epochs=5`; they win over `config`. `callbacks` are called before the trainer's own.
    All else is as in `alexnet train`.

    Raises:
        AlexNetError: the work cannot be done; see `alexnet_cli.errors`.
    """
    options = TrainOptions(
        Path(data),
        Path(out),
        classes,
        overwrite,
        run_name,
        strict=strict,
        against=None if against is None else Path(against),
        allow_overlap=allow_overlap,
    )
    recipe = build_recipe(config, **fields)
    return train_recipe(options, recipe, listener or Listener(), callbacks).run


def train_recipe(
    options: TrainOptions,
    recipe: Recipe,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> "Trained":
    """Train `recipe`; the result's run is the directory `options.out`.

    Raises:
        DatasetError: `strict` and a bad file, or images of `against` in the data.
        Interrupted: Ctrl-C before an epoch was finished.
    """
    from ..dataset.sources.open import open_source

    _check(options)
    source = open_source(options.data, options.classes)
    listener.images_found(source)
    recipe, matches = _initial_weights(recipe, source.classes, listener)
    run = _new_run(options, recipe, source.classes)
    if not options.overwrite and unfinished(options.out, run):
        return _gone_on(options, listener, callbacks)
    require_space(run)
    _require_gpus(recipe.machine.device)
    listener.notes(leftovers(options.out))
    with staged(options.out, options.overwrite) as staging, noting_how_to_go_on(staging):
        run = dataclasses.replace(run, path=staging.folder)
        prepared = _prepared(source, options, run, listener)
        data = prepared.training, prepared.validation
        names = [x.file for x in prepared.split]
        # Training is the peak of memory, and these have done their part.
        del source, prepared
        trained = run_training(
            run, data, listener,
            start=matches, names=names,
            name=options.run_name, started=options.started, callbacks=callbacks,
        )  # fmt: skip
        # A training that failed is not to take the place of another.
        staging.complete = trained.run.status != FAILED
    path = options.out if staging.complete else staging.folder
    return dataclasses.replace(trained, run=dataclasses.replace(trained.run, path=path))


def _new_run(options: TrainOptions, recipe: Recipe, classes: tuple[str, ...]) -> Run:
    run = new_run(options.out, recipe, classes)
    return dataclasses.replace(run, data=recorded_name(options.data))


def _gone_on(
    options: TrainOptions,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]",
) -> "Trained":
    """The same command goes on with what it has begun, as a job that is queued again."""
    name = printable(options.out)
    listener.log(f"{name} holds this training, which did not end; --overwrite replaces it")
    again = ResumeOptions(options.out, run_name=options.run_name, started=options.started)
    return resume_run(again, listener, callbacks)


def _check(options: TrainOptions) -> None:
    _refuse_inside(options.out, options.data)
    if isinstance(options.classes, str):
        raise RecipeError(f"classes must be a list of names, not {options.classes!r}")
    if Path(options.run_name).name != options.run_name:
        raise RecipeError(f"--run-name {options.run_name!r} must be a plain name")
    if options.allow_overlap and not options.against:
        raise RecipeError("--allow-overlap has no effect without --against")


def _require_gpus(device: str) -> None:
    """Check GPUs that were asked for before images are decoded."""
    if device.startswith("gpu"):
        start_tensorflow()
        from ..backend.devices import strategy

        strategy(device)


def _refuse_inside(out: Path, data: Path) -> None:
    """A run among the class folders would be taken for a class."""
    if out.resolve().is_relative_to(data.resolve()):
        raise RecipeError(
            f"--out {printable(out)} is inside --data {printable(data)}, where it would be "
            f"taken for a class; choose a folder outside"
        )


def _initial_weights(
    recipe: Recipe, classes: tuple[str, ...], listener: Listener
) -> tuple[Recipe, "Sequence[LayerMatch]"]:
    """The recipe with the preprocessing of its pretrained weights, and their layers.

    Raises:
        WeightsError: they cannot be read, or were trained with another mean or std.
    """
    if recipe.pretrained.weights is None:
        return recipe, ()
    from ..model.pretrained.matching import frozen_layers, match_layers
    from ..trainer.initial_weights import (
        read_initial_weights,
        with_pretrained_preprocessing,
    )

    arch = recipe.network.architecture()
    # Before a download: an impossible --freeze is an error.
    frozen_layers(arch, recipe.pretrained.freeze)
    file = weights_file(recipe.pretrained.weights, listener, recipe)
    weights = read_initial_weights(file, arch)
    recipe = with_pretrained_preprocessing(recipe, weights)
    matches = match_layers(weights, arch, classes)
    listener.weights_matched(weights, matches)
    return recipe, matches


def _prepared(
    source: "Source", options: TrainOptions, run: Run, listener: Listener
) -> "PreparedData":
    """Decoded and split images; split.csv and bad_images.csv are written."""
    from ..dataset.prepare import contradictions, prepare, refuse_overlap

    prepared = prepare(source, run.recipe, listener.counting)
    listener.images_prepared(prepared)
    if options.strict and prepared.bad:
        raise DatasetError(f"--strict: {len(prepared.bad)} file(s) cannot be used")
    if options.against and not options.allow_overlap:
        refuse_overlap(prepared, options.against, listener.counting)
    run.write_records(
        [dataclasses.astuple(x) for x in prepared.split],
        [dataclasses.astuple(x) for x in prepared.bad],
    )
    warnings = unreachable_targets(
        run.recipe, len(run.classes), len(prepared.training), contradictions(prepared.split)
    )
    for text in (*too_late(run.recipe).values(), *warnings):
        listener.log(f"warning: {text}")
    check_batches(run.recipe, len(prepared.training))
    return prepared
