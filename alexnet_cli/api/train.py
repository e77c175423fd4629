"""train(): class folders in, a run out.

TensorFlow starts as late as it can: after folders and weights have been found good.
"""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DatasetError, RecipeError
from ..recipe.configs import build_recipe
from ..recipe.recipe import Recipe
from ..run.directory import new_run, require_space, staged
from ..run.run import Run
from .listener import Listener
from .pretrained import weights_file

if TYPE_CHECKING:
    import keras

    from ..dataset.prepare import PreparedData
    from ..dataset.sources.class_folders import ImageFolder
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.finalize import Trained


@dataclass(frozen=True)
class TrainOptions:
    """What training is asked for beside its recipe; the options of `alexnet train`."""

    data: Path
    out: Path = Path("saved")
    classes: Sequence[str] = ()
    """Only these class folders, in this order."""
    overwrite: bool = False
    """Replace a run directory that exists at `out`."""
    run_name: str = ""
    """Sets the run apart in TensorBoard."""
    strict: bool = False
    """An unreadable image is an error."""
    against: Path | None = None
    """A folder of test images, none of which may be in `data`."""
    allow_overlap: bool = False
    """Train even if one is."""
    started: float | None = None
    """When the time of --max-minutes began, on the clock of `time.monotonic`."""


def train(
    data: Path | str,
    *,
    out: Path | str = "saved",
    config: Path | str | None = None,
    overwrite: bool = False,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    listener: Listener | None = None,
    **fields: Any,
) -> Run:
    """Train on the class folders of `data` and return the run, whose directory is `out`.

    `config` is the name of a recipe or a TOML file. `fields` are the options of
    `alexnet train` with underscores, as `epochs=5` or `classes=["daisy", "roses"]`;
    they win over `config`. `callbacks` are called before the trainer's own.

    Raises:
        AlexNetError: as the command would end with; see `alexnet_cli.errors`.
    """
    names = {x.name for x in dataclasses.fields(TrainOptions)}
    beside = {k: fields.pop(k) for k in list(fields) if k in names}
    if beside.get("against"):
        beside["against"] = Path(beside["against"])
    options = TrainOptions(Path(data), Path(out), overwrite=overwrite, **beside)
    recipe = build_recipe(config, **fields)
    trained = train_recipe(options, recipe, listener or Listener(), callbacks)
    return dataclasses.replace(trained.run, path=options.out)


def train_recipe(
    options: TrainOptions,
    recipe: Recipe,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> "Trained":
    """Train `recipe` and leave a run directory; its path may no longer exist in the result.

    Raises:
        DatasetError: `strict` and a bad file, or images of `against` in the data.
        Interrupted: Ctrl-C before an epoch was finished.
    """
    from ..dataset.sources.class_folders import find_images

    started = time.monotonic() if options.started is None else options.started
    _check_options(options)
    source = find_images(options.data, options.classes)
    listener.found(source)
    recipe, start = _initial_weights(recipe, source.classes, listener)
    run = new_run(options.out, recipe, source.classes, options.data)
    require_space(run)
    with staged(options.out, options.overwrite) as place:
        prepared = _prepared(source, options, recipe, listener)
        run = dataclasses.replace(run, path=place)
        run.write_records(
            [dataclasses.astuple(x) for x in prepared.split],
            [dataclasses.astuple(x) for x in prepared.bad],
        )
        examples = (prepared.training, prepared.validation)
        # Training is the peak of memory; names and fingerprints have done their part.
        del source, prepared
        from ..backend.startup import start_tensorflow

        start_tensorflow()
        from ..reports import training_figures
        from ..trainer import trainer

        minutes = recipe.stopping.max_minutes
        context = trainer.TrainContext(
            report=listener.progress,
            figures=training_figures,
            name=options.run_name,
            start=start,
            deadline=None if minutes is None else started + 60 * minutes,
            callbacks=callbacks,
        )
        return trainer.train(run, *examples, context)


def _check_options(options: TrainOptions) -> None:
    if Path(options.run_name).name != options.run_name:
        raise RecipeError(f"--run-name {options.run_name!r} must be a plain name")
    if options.allow_overlap and not options.against:
        raise RecipeError("--allow-overlap has no effect without --against")


def _initial_weights(
    recipe: Recipe, classes: tuple[str, ...], listener: Listener
) -> tuple[Recipe, "Sequence[LayerMatch]"]:
    """The weights to start from, and the recipe that prepares images as they expect.

    Raises:
        WeightsError: they cannot be read, or expect other images than are asked for.
    """
    if recipe.pretrained.weights is None:
        return recipe, ()
    from ..model.pretrained.matching import frozen_layers, match_layers
    from ..trainer.initial_weights import (
        read_initial_weights,
        with_pretrained_preprocessing,
    )

    arch = recipe.network.architecture()
    frozen_layers(arch, recipe.pretrained.freeze)
    file = weights_file(recipe.pretrained.weights, listener)
    weights = read_initial_weights(file, arch)
    recipe = with_pretrained_preprocessing(recipe, weights)
    matches = match_layers(weights, arch, len(classes))
    listener.matched(weights, matches)
    return recipe, matches


def _prepared(
    source: "ImageFolder", options: TrainOptions, recipe: Recipe, listener: Listener
) -> "PreparedData":
    """The decoded images, if they are what was asked for."""
    from ..dataset.prepare import prepare, refuse_overlap

    with listener.counting("decoding") as counter:
        prepared = prepare(source, recipe, counter)
    listener.prepared(prepared)
    if options.strict and prepared.bad:
        raise DatasetError(f"--strict: {len(prepared.bad)} file(s) cannot be used")
    if options.against and not options.allow_overlap:
        refuse_overlap(prepared, options.against)
    return prepared
