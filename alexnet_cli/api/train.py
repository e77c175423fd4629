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
from ..errors import DatasetError, RecipeError
from ..recipe.configs import build_recipe
from ..recipe.recipe import Recipe
from ..run.directory import new_run, require_space, staged
from ..run.run import Run
from .listener import Listener
from .pretrained import weights_file

if TYPE_CHECKING:
    import keras

    from ..dataset.pixel_cache import Examples
    from ..dataset.sources.class_folders import ImageFolder
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.finalize import Trained


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
    from ..dataset.sources.class_folders import find_images

    _check(options)
    source = find_images(options.data, options.classes)
    listener.images_found(source)
    recipe, matches = _initial_weights(recipe, source.classes, listener)
    run = new_run(options.out, recipe, source.classes, options.data)
    require_space(run)
    with staged(options.out, options.overwrite) as folder:
        run = dataclasses.replace(run, path=folder)
        examples = _examples(source, options, run, listener)
        # Training is the peak of memory; the names of the images have done their part.
        del source
        start_tensorflow()
        from ..reports import training_figures
        from ..trainer import trainer

        context = trainer.TrainContext(
            report=listener.progress,
            figures=training_figures,
            name=options.run_name,
            start=matches,
            deadline=_deadline(recipe, options.started),
            callbacks=callbacks,
        )
        trained = trainer.train(run, *examples, context)
    run = dataclasses.replace(trained.run, path=options.out)
    return dataclasses.replace(trained, run=run)


def _check(options: TrainOptions) -> None:
    if isinstance(options.classes, str):
        raise RecipeError(f"classes must be a list of names, not {options.classes!r}")
    if Path(options.run_name).name != options.run_name:
        raise RecipeError(f"--run-name {options.run_name!r} must be a plain name")
    if options.allow_overlap and not options.against:
        raise RecipeError("--allow-overlap has no effect without --against")


def _deadline(recipe: Recipe, started: float) -> float | None:
    minutes = recipe.stopping.max_minutes
    return None if minutes is None else started + 60 * minutes


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
    file = weights_file(recipe.pretrained.weights, listener)
    weights = read_initial_weights(file, arch)
    recipe = with_pretrained_preprocessing(recipe, weights)
    matches = match_layers(weights, arch, len(classes))
    listener.weights_matched(weights, matches)
    return recipe, matches


def _examples(
    source: "ImageFolder", options: TrainOptions, run: Run, listener: Listener
) -> "tuple[Examples, Examples]":
    """Training and validation examples; split.csv and bad_images.csv are written."""
    from ..dataset.prepare import prepare, refuse_overlap

    with listener.counting("decoding") as counter:
        prepared = prepare(source, run.recipe, counter)
    listener.images_prepared(prepared)
    if options.strict and prepared.bad:
        raise DatasetError(f"--strict: {len(prepared.bad)} file(s) cannot be used")
    if options.against and not options.allow_overlap:
        refuse_overlap(prepared, options.against)
    run.write_records(
        [dataclasses.astuple(x) for x in prepared.split],
        [dataclasses.astuple(x) for x in prepared.bad],
    )
    return prepared.training, prepared.validation
