"""train(): class folders in, a run out.

TensorFlow starts as late as it can: after options, folders and weights were checked.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.environment import hardware
from ..backend.startup import start_tensorflow
from ..dataset.sources.kinds import recorded_name
from ..errors import RecipeError, printable
from ..recipe.configs import build_recipe
from ..recipe.recipe import Recipe
from ..run.destination import leftovers
from ..run.directory import new_run, require_space
from ..run.provenance import Provenance
from ..run.run import FAILED, Run
from ..run.staging import noting_how_to_go_on, staged
from .cluster import chief_says, joined, own_folder
from .config import config_values
from .listener import Listener
from .pretrained import weights_file
from .provenance import with_images
from .resume import ResumeOptions, resume_joined, unfinished
from .run_training import run_training
from .training_images import TrainOptions, prepared_images, refuse_inside, training_images

if TYPE_CHECKING:
    import keras

    from ..backend.workers import Workers
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch
    from ..trainer.result import Trained


def train(
    data: Path | str | None = None,
    *,
    out: Path | str = "saved",
    config: Path | str | None = None,
    classes: Sequence[str] = (),
    overwrite: bool = False,
    run_name: str = "",
    strict: bool = False,
    against: Path | str | None = None,
    allow_overlap: bool = False,
    train: Path | str | None = None,
    val: Path | str | None = None,
    test: Path | str | None = None,
    cluster: str | None = None,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    listener: Listener | None = None,
    **fields: Any,
) -> Run:
    """Train on the class folders of `data` and return the run, whose directory is `out`.

    `train`, `val` and `test` are folders of class folders too, where `data` is not enough.
    `config` is the name of a recipe, a TOML file, or a run directory, whose recipe is
    taken. `fields` are fields of `Recipe`, such as `epochs=5`; they win over `config`.
    `callbacks` are called before the trainer's own. All else is as in `alexnet train`.

    Raises:
        AlexNetError: the work cannot be done; see `alexnet_cli.errors`.
    """
    options = TrainOptions(
        _path(data), Path(out), classes, overwrite, run_name, strict=strict,
        against=_path(against), allow_overlap=allow_overlap,
        train=_path(train), val=_path(val), test=_path(test),
        config="" if config is None else str(config), cluster=cluster,
    )  # fmt: skip
    recipe = build_recipe(None if config is None else config_values(config), **fields)
    return train_recipe(options, recipe, listener or Listener(), callbacks).run


def _path(name: Path | str | None) -> Path | None:
    return None if name is None else Path(name)


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
    _check(options)
    with joined(options.cluster, recipe.machine.device, listener) as (workers, shown):
        return _train_joined(options, recipe, shown, callbacks, workers)


def _train_joined(
    options: TrainOptions,
    recipe: Recipe,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers | None",
) -> "Trained":
    """As `train_recipe`, by one of `workers` that have joined."""
    data, source, parts = _same_images(options, listener, workers)
    recipe, weights = _initial_weights(recipe, listener)
    matches = _matches(weights, recipe, source.classes, listener)
    run = dataclasses.replace(
        new_run(options.out, recipe, source.classes), data=recorded_name(data),
        parts=parts, provenance=_known(options),
    )  # fmt: skip
    if chief_says(workers, lambda: not options.overwrite and unfinished(options.out, run)):
        return _gone_on(options, listener, callbacks, workers)
    _require_room(run, listener, workers)
    out = staged(options.out, options.overwrite)
    with own_folder(workers, out) as staging, noting_how_to_go_on(staging):
        run = dataclasses.replace(run, path=staging.folder)
        prepared = prepared_images(source, options, run, listener, workers)
        run = with_images(run, prepared)
        if prepared.kept.small:
            run = dataclasses.replace(run, classes=prepared.kept.classes)
            matches = _matches(weights, recipe, run.classes, listener)
        examples, names = (prepared.training, prepared.validation), prepared.names
        # Training is the peak of memory, and these have done their part.
        del source, prepared, weights
        trained = run_training(
            run, examples, listener, start=matches, names=names,
            name=options.run_name, started=options.started, callbacks=callbacks,
            workers=workers,
        )  # fmt: skip
        staging.complete = trained.run.status != FAILED
    path = options.out if staging.complete else staging.folder
    return dataclasses.replace(trained, run=dataclasses.replace(trained.run, path=path))


def _same_images(
    options: TrainOptions, listener: Listener, workers: "Workers | None"
) -> "tuple[Path, Source, dict[str, str]]":
    """As `training_images`, the same on all workers."""
    found = training_images(options, listener)
    if workers:
        from ..dataset.shared_decoding import require_same_images

        require_same_images(found[1], workers)
    return found


def _require_room(run: Run, listener: Listener, workers: "Workers | None") -> None:
    """Check the disk and the GPUs, and say what is left of other trainings."""
    if workers is None or workers.is_chief:
        require_space(run)
        listener.notes(leftovers(run.path))
    if workers is None:
        _require_gpus(run.recipe.machine.device)


def _known(options: TrainOptions) -> Provenance:
    """What is known before the images are read."""
    return Provenance(options.command, options.config, hardware())


def _gone_on(
    options: TrainOptions,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers | None",
) -> "Trained":
    """The same command goes on with what it has begun, as a job that is queued again."""
    name = printable(options.out)
    listener.log(f"{name} holds this training, which did not end; --overwrite replaces it")
    again = ResumeOptions(options.out, run_name=options.run_name, started=options.started)
    return resume_joined(again, listener, callbacks, workers)


def _check(options: TrainOptions) -> None:
    for data in (options.data, *options.parts.values()):
        if data is not None:
            refuse_inside(options.out, data)
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


def _initial_weights(
    recipe: Recipe, listener: Listener
) -> "tuple[Recipe, PretrainedWeights | None]":
    """The recipe with the preprocessing of its pretrained weights, and the weights.

    Raises:
        WeightsError: they cannot be read, or were trained with another mean or std.
    """
    if recipe.pretrained.weights is None:
        return recipe, None
    from ..model.pretrained.matching import frozen_layers
    from ..trainer.initial_weights import (
        read_initial_weights,
        with_pretrained_preprocessing,
    )

    arch = recipe.network.architecture()
    # Before a download: an impossible --freeze is an error.
    frozen_layers(arch, recipe.pretrained.freeze)
    file = weights_file(recipe.pretrained.weights, listener, recipe)
    weights = read_initial_weights(file, arch)
    return with_pretrained_preprocessing(recipe, weights), weights


def _matches(
    weights: "PretrainedWeights | None",
    recipe: Recipe,
    classes: tuple[str, ...],
    listener: Listener,
) -> "Sequence[LayerMatch]":
    """Which of `weights` are loaded into which layers of a network for `classes`."""
    if weights is None:
        return ()
    from ..model.pretrained.matching import match_layers

    matches = match_layers(weights, recipe.network.architecture(), classes)
    listener.weights_matched(weights, matches)
    return matches
