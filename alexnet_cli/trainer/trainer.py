"""train(): a run and its images in, a run directory that can be used out."""

import contextlib
import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import keras
import tensorflow as tf

from ..backend.devices import make_deterministic, precision, strategy
from ..backend.dtype_policy import dtype_policy
from ..backend.signals import raising_signals
from ..backend.workers import Workers
from ..dataset.pixel_cache import Examples
from ..errors import Interrupted, first_line
from ..recipe.validation import check_batches
from ..run.run import FAILED, INTERRUPTED, Run
from .callbacks import (
    BestWeights,
    EarlyStopping,
    HistoryLogger,
    LearningRateScheduler,
    NaNGuard,
    PlannerUpdate,
)
from .checkpointing import Checkpointer
from .context import TrainContext
from .ema import ExponentialMovingAverage
from .finalize import estimated_seconds, finalize, tta_view_count
from .first_layer import begin_first_layer
from .history import History
from .input_pipeline import steps
from .mean_image import write_mean_image
from .optional import optional
from .planner import EpochPlanner, Workload
from .progress import InterruptHandler, ProgressReporter
from .result import Trained
from .shared_state import share_state
from .shared_step import SharedStep
from .silent import NoBoard, NoCheckpoints
from .state import TrainingState
from .tensorboard import HistogramLogger, TensorBoardWriter
from .training_loop import TrainingLoop
from .training_model import TrainingModel


def train(
    run: Run, training: Examples, validation: Examples, context: TrainContext
) -> Trained:
    """Train `run.recipe` and fill the run directory at `run.path`.

    After Ctrl-C the best finished epoch is kept and the status is "interrupted".

    Raises:
        Interrupted: before one epoch was finished; what was done can be resumed.
        AlexNetError: training cannot go on.
        DeviceError: the recipe's device does not exist here.
    """
    workers = context.workers
    devices = _devices(run, workers)
    exact = _precision(run, workers)
    run = dataclasses.replace(run, recipe=run.recipe.changed(precision=exact))
    check_batches(run.recipe, len(training), devices.num_replicas_in_sync)
    make_deterministic(run.recipe.machine.deterministic, run.recipe.machine.seed)
    with InterruptHandler() as interrupt:
        if context.resume is None:
            run.write()
        if run.preprocess.mean is None:
            write_mean_image(run, training, context)
        with closing(_board(run, context)) as board:
            with dtype_policy(exact):
                state = new_state(run, (training, validation), devices, context)
                interrupt.share(state.model.shared)
                loop = _loop(state, (training, validation), board, context, interrupt)
                with _keeping(loop.checkpointer, state.history):
                    history = _run(loop, board)
            # The trained copy and its optimizer go before the float32 one comes.
            del state, loop
            interrupt.set_model(None)
            with raising_signals():
                # One that came after the last step was looked at.
                history.signal = history.signal or interrupt.number
                if not context.writes:
                    return _followed(run, history)
                return finalize(run, history, validation, board, context)


def _followed(run: Run, history: History) -> Trained:
    """What a worker that is not the chief knows of the end."""
    if history.failed:
        run = dataclasses.replace(run, status=FAILED)
    return Trained(run, None, history.reason, history.signal, chief=False)


def _devices(run: Run, workers: Workers | None) -> Any:
    """The tf.distribute strategy of this process."""
    # Workers have one device each, which was chosen when they joined.
    return tf.distribute.get_strategy() if workers else strategy(run.recipe.machine.device)


def _precision(run: Run, workers: Workers | None) -> str:
    """The arithmetic of training, the same on all workers."""
    name = precision(run.recipe.machine.precision)
    if workers:
        found = {x.decode() for x in workers.gather(name.encode())}
        return name if len(found) == 1 else "float32"
    return name


def _board(run: Run, context: TrainContext) -> TensorBoardWriter:
    if context.writes:
        return TensorBoardWriter(run, context.name, context.log)
    return NoBoard()


def new_state(
    run: Run, data: tuple[Examples, Examples], devices: Any, context: TrainContext
) -> TrainingState:
    """The state before the first step, or where the checkpoint of `context` was written."""
    recipe, resume = run.recipe, context.resume
    elapsed = float(resume.checkpoint.state["elapsed"]) if resume else 0.0
    shared = _shared_step(run, context)
    planner = _planner(run, data, context.started - elapsed)
    if shared:
        planner.use_clock(shared.clock, context.started)
    model = TrainingModel(run, devices, context.start, shared)
    if context.writes and not resume:
        begin_first_layer(model.network, run, data[0])
    decay = recipe.optimization.ema
    state = TrainingState(
        model,
        planner,
        LearningRateScheduler(recipe.lr_schedule, recipe.pretrained, planner),
        ExponentialMovingAverage(model.network, decay) if decay else None,
        History(),
        started=context.started,
    )
    if resume:
        state.restore(resume.checkpoint)
        if resume.restart_epoch:
            state.restart_epoch()
        if resume.replan:
            planner.extend()
            state.history.reason = ""
    if context.workers:
        share_state(state, context.workers)
    return state


def _shared_step(run: Run, context: TrainContext) -> SharedStep | None:
    """What a step has to know of the other workers, if there are some."""
    if context.workers is None:
        return None
    synchronized = run.recipe.optimization.batch_norm == "synchronized"
    shared = SharedStep(context.workers, synchronized=synchronized, started=context.started)
    shared.add_up([])
    return shared


def _planner(run: Run, data: tuple[Examples, Examples], started: float) -> EpochPlanner:
    """The plan of a training that ends, its export included, in the recipe's time."""
    recipe = run.recipe
    training, validation = data
    work = Workload(
        recipe.stopping.epochs,
        recipe.augmentation.start_size,
        run.preprocess.input_size,
        steps(len(training), recipe.optimization.batch_size),
        validated=len(validation) / len(training),
        views=tta_view_count(recipe.inference.tta),
    )
    minutes = recipe.stopping.max_minutes
    if minutes is None:
        return EpochPlanner(work)
    return EpochPlanner(work, started + 60 * minutes - estimated_seconds(run))


def _loop(
    state: TrainingState,
    data: tuple[Examples, Examples],
    board: TensorBoardWriter,
    context: TrainContext,
    interrupt: InterruptHandler,
) -> TrainingLoop:
    """The loop, with its callbacks in the order of their calls.

    What is recorded and kept is the average.
    """
    run, planner, history = state.model.run, state.planner, state.history
    recipe, network = run.recipe, state.model.network
    progress = ProgressReporter(planner, history, len(data[0]), context.report)
    kind = Checkpointer if context.writes else NoCheckpoints
    checkpointer = kind(run, state, recipe.machine.checkpoint_minutes)
    callbacks = [
        *context.callbacks,
        PlannerUpdate(planner),
        state.scheduler,
        NaNGuard(planner, state.scheduler),
        *([state.ema] if state.ema else ()),
        HistoryLogger(run, history, progress, board),
        *([HistogramLogger(board, network)] if recipe.machine.histograms else ()),
        BestWeights(run, network, history, writes=context.writes),
        EarlyStopping(recipe.stopping, planner, history),
        progress,
        checkpointer,
        interrupt,
    ]
    calls = keras.callbacks.CallbackList(callbacks, epochs=planner.epochs, verbose=0)
    return TrainingLoop(state, calls, checkpointer, data, context)


def _run(loop: TrainingLoop, board: TensorBoardWriter) -> History:
    """Show what can be shown before the first step, and run the epochs."""
    run, context = loop.state.model.run, loop.context
    if not context.writes:
        return loop.run()
    with optional("plots/augmented.png", context.log):
        sheet = context.figures.augmented(run, loop.training, loop.lighting)
        board.show_image("augmented training images", sheet, step=0)
    board.show_recipe()
    board.show_graph(loop.state.model.network, run.preprocess.input_size)
    return loop.run()


@contextmanager
def _keeping(checkpointer: Checkpointer, history: History) -> Iterator[None]:
    """If the block raises, have run.json say so; what was recorded stays."""
    try:
        yield
    except BaseException as error:
        checkpointer.close()
        stopped = isinstance(error, KeyboardInterrupt | Interrupted)
        run = dataclasses.replace(
            checkpointer.run,
            status=INTERRUPTED if stopped else FAILED,
            reason="interrupted" if stopped else first_line(error),
        )
        # On a full disk it goes on saying "training".
        with contextlib.suppress(OSError):
            run.write()
        raise
    checkpointer.close()
