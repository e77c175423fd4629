"""What train() and resume() have in common: TensorFlow's start, and the training itself."""

from typing import TYPE_CHECKING, Any

from ..backend.startup import start_tensorflow
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..dataset.pixel_cache import Examples
    from ..trainer.result import Trained


def run_training(
    run: Run, data: "tuple[Examples, Examples]", listener: Listener, **context: Any
) -> "Trained":
    """Train `run` on the first and validate on the second of `data`.

    `context` are the fields of `TrainContext` that do not follow from `listener`.
    """
    start_tensorflow()
    from ..reports import training_figures
    from ..reports.fonts import undrawable
    from ..trainer import trainer
    from ..trainer.context import TrainContext
    from ..trainer.optional import optional

    shown = TrainContext(
        report=listener.progress, figures=training_figures, log=listener.log, **context
    )
    trained = trainer.train(run, *data, shown)
    if trained.scores:
        with optional("a line about fonts", listener.log):
            if missing := undrawable(run.classes):
                listener.log(missing)
    return trained
