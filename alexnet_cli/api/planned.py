"""What is known of a training before its first step: the run, its images, its weights."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend.environment import hardware
from ..backend.startup import start_tensorflow
from ..dataset.sources.kinds import is_tfds, recorded_name
from ..errors import RecipeError
from ..recipe.recipe import Recipe
from ..run.destination import leftovers
from ..run.directory import new_run, require_space
from ..run.provenance import Provenance
from ..run.run import Run
from .listener import Listener
from .pretrained import fetched_weights_file, weights_file
from .provenance import with_images
from .training_images import TrainOptions, check_place, prepared_images, training_images

if TYPE_CHECKING:
    from ..backend.workers import Workers
    from ..dataset.prepare import PreparedData
    from ..dataset.sources.source import Source
    from ..model.pretrained.layouts import PretrainedWeights
    from ..model.pretrained.matching import LayerMatch


@dataclass
class Planned:
    """A run that is to be trained, and what it is made from."""

    options: TrainOptions
    run: Run
    source: "Source"
    weights: "PretrainedWeights | None"
    matches: "Sequence[LayerMatch]"
    """Which of `weights` are loaded into which layers."""
    workers: "Workers | None" = None
    """Those that train together, if there are several."""

    def prepared(self, listener: Listener) -> "PreparedData":
        """Decoded and split images, whose digest and classes become those of `run`."""
        found = prepared_images(
            self.source, self.options, self.run.recipe, listener, self.workers
        )
        self.run = with_images(self.run, found)
        if found.kept.small:
            self.run = dataclasses.replace(self.run, classes=found.kept.classes)
            self.matches = _matches(
                self.weights, self.run.recipe, self.run.classes, listener
            )
        return found


def planned(
    options: TrainOptions,
    recipe: Recipe,
    listener: Listener,
    workers: "Workers | None" = None,
    *,
    fetch: bool = True,
) -> Planned:
    """The run that `options` and `recipe` ask for; its images are not yet read.

    All `workers` have the same. Without `fetch`, weights that would be downloaded are
    left out.

    Raises:
        DatasetError, WeightsError: the images or the weights cannot be used.
        RecipeError: a layer that cannot be frozen, or what several workers cannot do.
    """
    folders = options.data, options.against, *options.parts.values()
    check_devices(recipe, folders, workers)
    data, source, parts = training_images(options, listener)
    if workers:
        from ..dataset.shared_decoding import require_same_images

        require_same_images(source, workers)
    recipe, weights = _initial_weights(recipe, listener, fetch=fetch)
    matches = _matches(weights, recipe, source.classes, listener)
    run = dataclasses.replace(
        new_run(options.out, recipe, source.classes), data=recorded_name(data),
        parts=parts, provenance=_known(options),
    )  # fmt: skip
    return Planned(options, run, source, weights, matches, workers)


def require_room(run: Run, listener: Listener, workers: "Workers | None" = None) -> None:
    """Check the disk and the GPUs, and say what is left of other trainings."""
    if workers and not workers.is_chief:
        return
    require_space(run)
    if workers is None:
        # Workers have chosen their devices when they joined.
        device = run.recipe.machine.device
        if device.startswith("gpu"):
            use_devices(device)
    listener.notes(leftovers(run.path))


def _known(options: TrainOptions) -> Provenance:
    """What is known before the images are read."""
    return Provenance(options.command, options.config, hardware())


def check_options(options: TrainOptions) -> None:
    """Check what can be checked of `options` alone.

    Raises:
        RecipeError: they contradict each other.
    """
    for data in (options.data, *options.parts.values()):
        if data is not None:
            check_place(options.out, data)
    if isinstance(options.classes, str):
        raise RecipeError(f"classes must be a list of names, not {options.classes!r}")
    if Path(options.run_name).name != options.run_name:
        raise RecipeError(f"--run-name {options.run_name!r} must be a plain name")
    if options.allow_overlap and not options.against:
        raise RecipeError("--allow-overlap has no effect without --against")


def check_devices(
    recipe: Recipe, folders: Iterable[Path | None], workers: "Workers | None"
) -> None:
    """Have TensorFlow use the recipe's devices now, if it is to read images of `folders`.

    After that it would be too late. Workers have chosen theirs when they joined.

    Raises:
        RecipeError: --xla with several workers, which it cannot have.
        DeviceError: as `use_devices`.
    """
    if workers and recipe.machine.xla:
        raise RecipeError("--xla works with one worker; leave it out with --cluster")
    if workers is None and any(x and is_tfds(x) for x in folders):
        use_devices(recipe.machine.device)


def use_devices(device: str) -> None:
    """Have TensorFlow use what --device says, from now on.

    Raises:
        DeviceError: it does not exist here.
    """
    start_tensorflow()
    from ..backend.devices import strategy

    strategy(device)


def _initial_weights(
    recipe: Recipe, listener: Listener, *, fetch: bool
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
    name = recipe.pretrained.weights
    if not fetch and fetched_weights_file(name, recipe) is None:
        listener.log(f"--weights {name}: not fetched in a dry run, and left out of it")
        return recipe, None
    file = weights_file(name, listener, recipe)
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
    from ..model.pretrained.matching import match_layers, require_frozen_loaded

    arch = recipe.network.architecture()
    matches = match_layers(weights, arch, classes)
    listener.weights_matched(weights, matches)
    require_frozen_loaded(matches, arch, recipe.pretrained.freeze)
    return matches
