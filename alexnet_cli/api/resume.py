"""resume(): an unfinished run goes on, exactly where its last checkpoint was written."""

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dataset.sources.kinds import recorded_name
from ..errors import RecipeError, RunError, printable
from ..recipe.recipe import FIELDS
from ..recipe.validation import check, parsed
from ..run.checkpoints import Checkpoint, Resume, recorded, require_checkpoint
from ..run.destination import is_staged
from ..run.digests import SUMS
from ..run.run import FINISHED, Run
from ..run.staging import Staging, noting_how_to_go_on, resumed
from .cluster import joined, noticing_lost, require_same, tell_run, told_run
from .listener import Listener
from .planned import check_devices
from .recorded_images import recorded_examples
from .recording import Recorder
from .run_training import run_training

if TYPE_CHECKING:
    import keras

    from ..backend.workers import Workers
    from ..trainer.result import Trained

PLAN = ("epochs", "max_minutes", "patience", "stop_at")
"""Fields that decide when training ends; with a new one it goes on."""
CHANGEABLE = (*PLAN, "device", "cache", "checkpoint_minutes", "on_nan", "histograms", "xla")
"""Fields of a recipe that do not change what is past."""


@dataclass(frozen=True)
class ResumeOptions:
    """The options of `alexnet train --resume`."""

    path: Path
    """The run directory."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """New values of fields of the recipe, those of CHANGEABLE."""
    data: Path | None = None
    """Where its images are now; by default where they were."""
    allow_changed_data: bool = False
    """Go on although images have changed; the epoch then begins anew."""
    run_name: str = ""
    """Name of the run in TensorBoard."""
    started: float = field(default_factory=time.monotonic)
    """When this sitting began, on the clock of `time.monotonic`."""
    command: str = ""
    """The command line, for train.log."""
    cluster: str | None = None
    """Where the workers that train together are found, as in `alexnet train`."""


def resume(
    run: Path | str,
    *,
    data: Path | str | None = None,
    allow_changed_data: bool = False,
    cluster: str | None = None,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
    listener: Listener | None = None,
    **changes: Any,
) -> Run:
    """Go on with the training of the run directory `run`, and return the run.

    `changes` are new values of the fields in CHANGEABLE, such as `epochs`, with which a
    finished run is extended. `data` is the folder of its images, if that has moved.

    Raises:
        RecipeError: another field, which would change what is past.
        RunError: the directory has no checkpoint, or is being written to.
        DatasetError: images have changed, and that is not allowed.
    """
    values = {k: _parsed(k, v) for k, v in changes.items()}
    options = ResumeOptions(
        Path(run), values, None if data is None else Path(data), allow_changed_data,
        cluster=cluster,
    )  # fmt: skip
    return resume_run(options, listener or Listener(), callbacks).run


def resume_run(
    options: ResumeOptions,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> "Trained":
    """Go on with a run, as `resume`; a finished one only gets what it lacks."""
    device = options.changes.get("device", "auto")
    with joined(options.cluster, device, listener) as (workers, recorder):
        require_same(workers, None)
        return resume_joined(options, recorder, callbacks, workers)


def resume_joined(
    options: ResumeOptions,
    listener: Recorder,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers | None",
) -> "Trained":
    """As `resume_run`, by one of `workers` that have joined."""
    if workers and not workers.is_chief:
        return _follow(options, listener, callbacks, workers)
    before = Run.read(options.path)
    run = _changed(before, options.changes)
    replan = any(run.recipe[x] != before.recipe[x] for x in PLAN)
    if not (replan or _is_to_be_finished(before)):
        listener.log(
            f"{printable(options.path)} is finished and lacks nothing; "
            f"a larger --epochs extends it"
        )
        tell_run(workers, before, goes_on=False)
        return _as_it_is(before)
    with resumed(options.path) as staging:
        run = dataclasses.replace(run, path=staging.folder)
        if options.data:
            run = dataclasses.replace(run, data=recorded_name(options.data))
        checkpoint = _last_checkpoint(staging, options.path, listener)
        check_devices(run.recipe, [Path(run.data)], workers)
        tell_run(workers, run)
        run, examples, changed = recorded_examples(
            run, listener, workers, allow_changed=options.allow_changed_data
        )
        resume = Resume(checkpoint, replan, restart_epoch=changed)
        with listener.writing(staging.folder, options.command):
            with noting_how_to_go_on(staging), noticing_lost(workers):
                trained = run_training(
                    run, examples, listener, resume=resume,
                    names=[x["file"] for x in run.split()],
                    name=options.run_name, started=options.started, callbacks=callbacks,
                    workers=workers,
                )  # fmt: skip
            staging.complete = trained.run.status == FINISHED or bool(trained.signal)
            return listener.ended(trained.at(_path(staging, options.path)))


def _last_checkpoint(staging: Staging, path: Path, listener: Listener) -> Checkpoint:
    """Where the training of the run at `path` goes on."""
    checkpoint = require_checkpoint(staging.folder, listener.log)
    listener.log(
        f"{printable(path)}: goes on after epoch {checkpoint.epoch}"
        + (f" and {checkpoint.step} step(s)" if checkpoint.step else "")
    )
    return checkpoint


def _follow(
    options: ResumeOptions,
    listener: Listener,
    callbacks: "Sequence[keras.callbacks.Callback]",
    workers: "Workers",
) -> "Trained":
    """Take part in the training that the chief goes on with."""
    from ..trainer.result import Trained

    with tempfile.TemporaryDirectory(prefix="alexnet-worker-") as name:
        run, goes_on = told_run(workers, Path(name))
        if not goes_on:
            return Trained(run, None, chief=False)
        run, examples, _ = recorded_examples(
            run, listener, workers, allow_changed=options.allow_changed_data
        )
        return run_training(run, examples, listener, callbacks=callbacks, workers=workers)


def _path(staging: Staging, path: Path) -> Path:
    """Where the run is once it is in its place."""
    moved = staging.complete and staging.final != staging.folder
    return staging.final if moved else path


def _is_to_be_finished(run: Run) -> bool:
    """Whether `run` lacks something of what its end writes, or is not yet in its place."""
    names = ("saved_model.pb", "validation.csv", "plots/curves.png", "README.md", SUMS)
    lacks_files = not all((run.path / x).is_file() for x in names)
    return run.status != FINISHED or lacks_files or is_staged(run.path)


def _as_it_is(run: Run) -> "Trained":
    """The result of a training that had ended before."""
    from ..trainer.result import Trained

    return Trained(run, None, run.reason)


def _parsed(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise RecipeError(f"no such option: {name}")
    return parsed(FIELDS[name], value)


def _changed(run: Run, changes: Mapping[str, Any]) -> Run:
    """`run` with the new values of its recipe.

    Raises:
        RecipeError: one of them would change what is past.
    """
    past = [k for k, v in changes.items() if k not in CHANGEABLE and v != run.recipe[k]]
    if past:
        flags = ", ".join(FIELDS[x].flag for x in CHANGEABLE)
        raise RecipeError(
            f"--resume: {FIELDS[past[0]].flag} would change what is past; only {flags} "
            f"can be given"
        )
    recipe = run.recipe.changed(**{k: v for k, v in changes.items() if k in CHANGEABLE})
    check(recipe, changes)
    # What follows is of other weights than what was read, and is written anew.
    return dataclasses.replace(run, recipe=recipe, stamp=())


def unfinished(out: Path, run: Run) -> bool:
    """Whether `out` holds a training of the same images with the same recipe, not ended."""
    try:
        old = Run.read(out)
    except RunError:
        return False
    if old.status == FINISHED or not recorded(out):
        return False
    recipe = run.recipe
    if recipe.machine.precision == "auto":
        recipe = recipe.changed(precision=old.recipe.machine.precision)
    classes = run.classes
    if recipe.split.drop_small_classes:
        # Which ones are small is not known before images are decoded.
        classes = tuple(x for x in classes if x in old.classes)
    now = recipe, classes, run.data, run.parts
    return (old.recipe, old.classes, old.data, old.parts) == now
