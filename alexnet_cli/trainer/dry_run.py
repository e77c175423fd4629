"""dry_run(): what a training would take, by trying its first step. Nothing is written."""

import dataclasses
import statistics
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ..backend.devices import make_deterministic, precision, strategy
from ..backend.dtype_policy import dtype_policy
from ..backend.memory import peak_memory
from ..dataset.pixel_cache import Examples
from ..model.architecture import trace
from ..recipe.validation import check_batches
from ..run.run import Run
from .context import TrainContext
from .finalize import estimated_seconds
from .input_pipeline import InputPipeline
from .lighting import principal_lighting
from .planner import EpochPlanner
from .state import TrainingState
from .trainer import new_state
from .training_loop import balanced_weights

TIMED = 5
"""Steps that are timed at most, after the first, in which functions are compiled."""
LATER_BYTES, LATER_COPIES = 200_000_000, 7
"""What later comes on top of the memory of the first steps: checkpoints, figures, exports.

Bytes, and copies of the weights in float32. Source: measured, see docs/train.md.
"""
SECONDS = 10.0
"""After which no other step is timed, but for the second one."""


@dataclass(frozen=True)
class Rehearsal:
    """What a training would take."""

    run: Run
    images: tuple[int, int]
    """For training, and for validation."""
    epochs: int
    """As many as are planned; early stopping may end them before."""
    steps: int
    """Per epoch; fewer than all if --max-minutes cuts the only epoch short."""
    parameters: int
    trained: int
    """Those of the parameters that are changed by training."""
    memory: int
    """Bytes of main memory at the peak of training, as far as can be told."""
    gpu_memory: int
    """Bytes of each GPU at the peak; 0 without one."""
    step_seconds: float
    """Median of the steps that were timed."""
    timed: int
    """How many those were."""
    seconds: float
    """From the start of the command to its end."""


def dry_run(
    run: Run, training: Examples, validation: Examples, context: TrainContext
) -> Rehearsal:
    """Build the network of `run`, run its first steps on one batch, and plan.

    Raises:
        RecipeError: its batches cannot be trained on.
        DeviceError: the recipe's device does not exist here.
    """
    recipe = run.recipe
    devices = strategy(recipe.machine.device)
    exact = precision(recipe.machine.precision)
    run = dataclasses.replace(run, recipe=recipe.changed(precision=exact))
    check_batches(run.recipe, len(training), devices.num_replicas_in_sync)
    make_deterministic(recipe.machine.deterministic, recipe.machine.seed)
    with dtype_policy(exact):
        # The mean image, which training writes first, changes no time.
        mean = dataclasses.replace(run.preprocess, mean=run.preprocess.mean or (0, 0, 0))
        plain = dataclasses.replace(run, preprocess=mean)
        state = new_state(plain, (training, validation), devices, context)
        seconds = _timed(state, training)
    planner, step = state.planner, statistics.median(seconds)
    planner.time(step)
    # What was spent here is spent in training too.
    spent = time.monotonic() - context.started - sum(seconds)
    traced = trace(run.architecture, len(run.classes))
    parameters = sum(x.parameters for x in traced)
    return Rehearsal(
        run=run,
        images=(len(training), len(validation)),
        epochs=planner.epochs,
        steps=planner.epoch_steps,
        parameters=parameters,
        trained=sum(int(np.prod(x.shape)) for x in state.model.network.trainable_variables),
        memory=peak_memory() + LATER_BYTES + LATER_COPIES * 4 * parameters,
        gpu_memory=_gpu_memory(),
        step_seconds=step,
        timed=len(seconds),
        seconds=spent + _seconds_to_come(planner) + estimated_seconds(run),
    )


def _seconds_to_come(planner: EpochPlanner) -> float:
    """Estimate for all epochs, and the predictions after them."""
    epochs = planner.seconds_left() or 0.0
    share = planner.epoch_steps / planner.work.steps
    return epochs * share + planner.seconds_predicting()


def _timed(state: TrainingState, training: Examples) -> list[float]:
    """The seconds of steps on the first batch, without that of the first step."""
    run, planner = state.model.run, state.planner
    recipe, classes = run.recipe, len(run.classes)
    side = planner.side()
    pipeline = InputPipeline(
        recipe,
        run.preprocess,
        classes,
        principal_lighting(recipe, training),
        balanced_weights(recipe, training, classes),
    )
    data = pipeline.at(side).training(training, 1).take(1).cache().repeat()
    model = state.model.at(side)
    model.make_train_function()
    batches = iter(state.model.strategy.experimental_distribute_dataset(data))
    found: list[float] = []
    while len(found) < 3 or (len(found) <= TIMED and sum(found[1:]) < SECONDS):
        started = time.perf_counter()
        np.asarray(model.train_function(batches)["loss"])  # Waits for the device.
        found.append(time.perf_counter() - started)
    return found[1:]


def _gpu_memory() -> int:
    gpus = tf.config.list_logical_devices("GPU")
    try:
        infos = [tf.config.experimental.get_memory_info(x.name) for x in gpus]
    except ValueError:  # Not every plugin of TensorFlow counts.
        return 0
    return max((int(x["peak"]) for x in infos), default=0)
