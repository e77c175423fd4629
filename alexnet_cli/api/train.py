"""train(): class folders in, a run out.

TensorFlow starts as late as it can: after options, folders and weights were checked.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import printable
from ..recipe.configs import build_recipe
from ..recipe.recipe import Recipe
from ..run.run import FAILED, Run
from ..run.staging import noting_how_to_go_on, staged
from .cluster import chief_says, joined, noticing_lost, own_folder, require_same
from .config import config_values
from .listener import Listener
from .planned import check_options, planned, require_room
from .recording import Recorder
from .resume import ResumeOptions, resume_joined, unfinished
from .run_training import run_training
from .training_images import TrainOptions, write_records

if TYPE_CHECKING:
    import keras

    from ..backend.workers import Workers
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
        ClusterError: workers differ in their options, or one has ended.
    """
    check_options(options)
    with joined(options.cluster, recipe.machine.device, listener) as (workers, recorder):
        require_same(workers, recipe)
        return _train_joined(options, recipe, recorder, callbacks, workers)


def _train_joined(
    options: TrainOptions,
    recipe: Recipe,
    listener: Recorder,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers | None",
) -> "Trained":
    """As `train_recipe`, by one of `workers` that have joined."""
    plan = planned(options, recipe, listener, workers)
    overwrite, run = options.overwrite, plan.run
    if chief_says(workers, lambda: not overwrite and unfinished(options.out, run)):
        return _gone_on(options, listener, callbacks, workers)
    require_room(run, listener, workers)
    with (
        own_folder(workers, staged(options.out, overwrite)) as staging,
        listener.writing(staging.folder, options.command),
        noting_how_to_go_on(staging),
        noticing_lost(workers),
    ):
        plan.run = dataclasses.replace(plan.run, path=staging.folder)
        prepared = plan.prepared(listener)
        write_records(plan.run, prepared)
        examples, names = (prepared.training, prepared.validation), prepared.names
        run, matches = plan.run, plan.matches
        # Training is the peak of memory, and these have done their part.
        del plan, prepared
        trained = run_training(
            run, examples, listener, start=matches, names=names,
            name=options.run_name, started=options.started, callbacks=callbacks,
            workers=workers,
        )  # fmt: skip
        staging.complete = trained.run.status != FAILED
        path = options.out if staging.complete else staging.folder
        return listener.ended(trained.at(path))


def _gone_on(
    options: TrainOptions,
    listener: Recorder,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers | None",
) -> "Trained":
    """The same command goes on with what it has begun, as a job that is queued again."""
    name = printable(options.out)
    listener.log(f"{name} holds this training, which did not end; --overwrite replaces it")
    again = ResumeOptions(
        options.out,
        run_name=options.run_name,
        started=options.started,
        command=options.command,
    )
    return resume_joined(again, listener, callbacks, workers)
