"""evaluate(): a run and images of known classes in, scores out."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RecipeError, printable
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..evaluation.labeled_images import LabeledImages
    from ..evaluation.result import Comparison, Evaluation
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
    of unknown classes. `tta` is "none", "flip" or "ten-crop". `compare` is another model on
    the same images. `max_megapixels` and `tta` take the place of the runs' own. `top` is
    the K of top-K accuracy, by default 5 where there are more classes.

    Raises:
        RunError, DatasetError: the run or the images cannot be used.
        RecipeError: there is no such `tta`, or `top` is less than 1.
    """
    from ..evaluation import evaluate as evaluation
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model

    if top is not None and top < 1:
        raise RecipeError(f"--top {top}: must be at least 1")
    listener = listener or Listener()
    model = open_model(run)
    other = None if compare is None else open_model(compare)
    images = _images(model.run, data, ignore_unknown)
    listener.log(f"{printable(data or model.run.data)}: {len(images.files)} files")
    listener.notes(images.notes)
    classifier = Classifier(model, tta).limit(max_megapixels)
    with listener.counting("evaluating") as counter:
        result = evaluation.evaluate(classifier, images, counter, top)
    if data and (seen := result.trained_on):
        listener.log(f"warning: the network was trained on {seen} of these images")
    listener.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])
    if other is None:
        return result
    second = Classifier(other, tta).limit(max_megapixels)
    return dataclasses.replace(result, comparison=_compared(result, second, listener))


def _images(run: Run, data: Path | str | None, ignore_unknown: bool) -> "LabeledImages":
    from ..evaluation.evaluate import held_out
    from ..evaluation.labeled import labeled_images

    if data is None:
        return held_out(run)
    return labeled_images(run, Path(data), ignore_unknown)


def _compared(
    result: "Evaluation", other: "Classifier", listener: Listener
) -> "Comparison":
    """`other` on the images of `result`."""
    from ..evaluation.evaluate import compare

    with listener.counting("comparing") as counter:
        comparison = compare(result, other, counter)
    if comparison.trained_on:
        name = printable(other.source)
        listener.log(
            f"warning: the network of {name} was trained on {comparison.trained_on} of them"
        )
    return comparison
