"""evaluate(): a run and images of known classes in, scores out."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import printable
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation


def evaluate(
    run: Run | Path | str,
    data: Path | str | None = None,
    *,
    ignore_unknown: bool = False,
    tta: str | None = None,
    compare: Run | Path | str | None = None,
    listener: Listener | None = None,
) -> "Evaluation":
    """Evaluate `run` on the class folders of `data`, or on its own held-out images.

    `ignore_unknown` leaves out folders of other classes; `tta` is "none", "flip",
    "ten-crop" or the run's own; `compare` is another run, evaluated on the same images.

    Raises:
        RunError, DatasetError: the run or the images cannot be used.
    """
    from ..evaluation import evaluate as evaluation
    from ..inference.classifier import Classifier

    listener = listener or Listener()
    run = run if isinstance(run, Run) else Run.open(run)
    other = Run.open(compare) if isinstance(compare, str | Path) else compare
    images = (
        evaluation.held_out(run)
        if data is None
        else evaluation.labeled_folder(run, Path(data), ignore_unknown)
    )
    listener.log(f"{printable(data or run.data)}: {len(images.files)} files")
    listener.notes(images.notes)
    classifier = Classifier(run, tta)
    with listener.counting("evaluating") as counter:
        result = evaluation.evaluate(classifier, images, counter)
    if data and result.trained_on:
        listener.log(
            f"warning: the network was trained on {result.trained_on} of these images"
        )
    listener.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])
    if other is None:
        return result
    with listener.counting("comparing") as counter:
        compared = evaluation.compare(result, Classifier(other, tta), counter)
    if compared.trained_on:
        listener.log(
            f"warning: the other network was trained on {compared.trained_on} of them"
        )
    return dataclasses.replace(result, comparison=compared)
