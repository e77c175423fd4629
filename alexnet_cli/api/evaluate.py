"""evaluate(): a run and images of known classes in, scores out."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.split import TRAIN, VAL
from ..errors import RecipeError, printable
from ..run.digests import recorded_digest
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..evaluation.labeled_images import LabeledImages
    from ..evaluation.result import Evaluation
    from ..inference.classifier import Classifier
    from ..inference.exported import Model


def evaluate(
    run: "Model | Run | Path | str",
    data: Path | str | None = None,
    *,
    ignore_unknown: bool = False,
    tta: str | None = None,
    compare: "Model | Run | Path | str | None" = None,
    max_megapixels: float | None = None,
    top: int | None = None,
    listener: Listener | None = None,
) -> "Evaluation":
    """Evaluate `run` on the class folders of `data`, or on its own held-out images.

    `run` is a run, its directory, or an exported file. `ignore_unknown` leaves out folders
    of unknown classes. `tta` is "none", "flip", "two-scale" or "ten-crop". `compare` is
    another model on the same images. `max_megapixels` and `tta` take the place of the runs'
    own. `top` is the K of top-K accuracy, by default 5 where there are more classes.

    Raises:
        RunError, DatasetError: the run or the images cannot be used.
        RecipeError: there is no such `tta`, or `top` is not 1 to the number of classes.
    """
    from ..evaluation import evaluate as evaluation
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model

    listener = listener or Listener()
    model = open_model(run)
    _check_top(top, len(model.run.classes))
    other = None if compare is None else open_model(compare)
    images = _images(model.run, data, ignore_unknown, listener)
    classifier = Classifier(model, tta).limit(max_megapixels)
    with listener.counting("evaluating") as counter:
        result = evaluation.evaluate(classifier, images, counter, top)
    _remark(result, listener, own=not data)
    if model.file is None and tta in (None, model.run.recipe.inference.tta):
        _record(result, listener)
    if other is None:
        return result
    return _compared(result, Classifier(other, tta).limit(max_megapixels), listener)


def _remark(result: "Evaluation", listener: Listener, *, own: bool) -> None:
    """Say which images were trained on, and which cannot be read."""
    if result.trained_on and not own:
        listener.log(
            f"warning: the network was trained on {result.trained_on} of these images"
        )
    listener.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])


def _check_top(top: int | None, classes: int) -> None:
    if top is not None and not 1 <= top <= classes:
        raise RecipeError(f"--top {top}: must be 1 to {classes}, the number of classes")


def _images(
    run: Run, data: Path | str | None, ignore_unknown: bool, listener: Listener
) -> "LabeledImages":
    from ..evaluation.evaluate import held_out
    from ..evaluation.labeled import labeled_images

    if data is None:
        found = held_out(run)
    else:
        found = labeled_images(run, Path(data), ignore_unknown)
    listener.log(f"{printable(data or run.data)}: {len(found.files)} files")
    listener.notes(found.notes)
    return found


def _record(result: "Evaluation", listener: Listener) -> None:
    """Keep the accuracy in the run, for `alexnet runs`, unless training has seen images."""
    from ..run.evaluations import RecordedEvaluation, record_evaluation

    run, images = result.run, result.images
    weights = recorded_digest(run.weights)
    seen = run.digests_of(TRAIN, VAL)
    if not weights or any(x.digest in seen for x in result.predictions):
        return
    row = RecordedEvaluation(
        images.location,
        images.part,
        result.data_digest,
        result.scores.images,
        result.scores.top1,
        weights,
    )
    try:
        record_evaluation(run, row)
    except OSError as error:
        listener.log(f"not recorded in the run for `alexnet runs`: {error}")


def _compared(
    result: "Evaluation", other: "Classifier", listener: Listener
) -> "Evaluation":
    """`result` with `other` on the same images."""
    from ..evaluation.evaluate import compare

    with listener.counting("comparing") as counter:
        comparison = compare(result, other, counter)
    if comparison.trained_on:
        name = printable(other.source)
        listener.log(
            f"warning: the network of {name} was trained on {comparison.trained_on} of them"
        )
    return dataclasses.replace(result, comparison=comparison)
