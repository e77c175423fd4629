"""dry_run(): everything of train() up to the first step, and nothing is written."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..backend.memory import free_memory
from ..backend.startup import start_tensorflow
from ..errors import printable
from ..recipe.recipe import Recipe
from ..run.destination import check_destination
from .listener import Listener
from .planned import Planned, check_options, planned, require_room
from .resume import unfinished
from .training_images import TrainOptions

if TYPE_CHECKING:
    from ..trainer.dry_run import Rehearsal


def dry_run(options: TrainOptions, recipe: Recipe, listener: Listener) -> "Rehearsal":
    """What `train_recipe` would take: epochs, steps, memory and minutes.

    Raises:
        AlexNetError: what `train_recipe` would raise before its first step.
    """
    check_options(options)
    plan = planned(options, recipe, listener, fetch=False)
    if not options.overwrite and unfinished(options.out, plan.run):
        listener.log(
            f"{printable(options.out)} holds this training, which did not end; without "
            f"--dry-run it goes on, and what follows is of all of it"
        )
    else:
        check_destination(options.out, options.overwrite)
    require_room(plan.run, listener)
    cached = _uncached(plan)
    prepared = plan.prepared(listener)
    start_tensorflow()
    from ..reports import training_figures
    from ..trainer.context import TrainContext
    from ..trainer.dry_run import dry_run

    context = TrainContext(
        report=listener.progress, figures=training_figures, log=listener.log,
        start=plan.matches, started=options.started,
    )  # fmt: skip
    found = dry_run(plan.run, prepared.training, prepared.validation, context)
    used = dataclasses.replace(found.run, recipe=recipe)
    return dataclasses.replace(found, run=used, memory=found.memory + cached)


def _uncached(plan: Planned) -> int:
    """Have `plan` keep no pixels, if they can be read again; the bytes they would take.

    The few that are needed are decoded twice.
    """
    run, source = plan.run, plan.source
    cache, side = run.recipe.machine.cache, run.preprocess.stored_size
    if source.sequential:
        return 0
    plan.run = dataclasses.replace(run, recipe=run.recipe.changed(cache="none"))
    size = round(len(source.samples) * run.recipe.split.fraction) * side * side * 3
    in_memory = cache == "ram" or (cache == "auto" and 3 * size < free_memory())
    return size if in_memory else 0


def described(found: "Rehearsal") -> Iterator[str]:
    """The lines that `alexnet train --dry-run` prints."""
    run, stopping = found.run, found.run.recipe.stopping
    size = run.recipe.optimization.batch_size
    at_most = stopping.patience or stopping.stop_at
    yield f"network     {run.architecture.name}, {len(run.classes)} classes"
    train, val = found.images
    yield f"images      {train:,} for training, {val:,} for validation"
    yield f"epochs      {found.epochs:,}{', at most' if at_most else ''}"
    yield (
        f"steps       {found.steps:,} per epoch, {found.epochs * found.steps:,} in all, "
        f"of up to {size} images"
    )
    yield f"parameters  {found.parameters:,}, {found.trained:,} of them trained"
    gpu = f", {found.gpu_memory / 2**30:.1f} GiB on each GPU" if found.gpu_memory else ""
    yield f"memory      {found.memory / 2**30:.1f} GiB at the peak{gpu}"
    pace = f"{found.step_seconds:.3g} seconds per step (median of {found.timed})"
    yield f"minutes     {found.seconds / 60:.1f}, by {pace}"
    yield f"nothing was written; it would be, to {printable(run.path)}"
