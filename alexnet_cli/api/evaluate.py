"""evaluate(): a run and images of known classes in, scores out."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import printable
from ..run.run import Run
from .listener import Listener

if TYPE_CHECKING:
    from ..evaluation.evaluate import Comparison, Evaluation
    from ..evaluation.labeled_images import LabeledImages
    from ..inference.exported import Model


def evaluate(
    run: "Model | Run | Path | str",
    data: Path | str | None = None,
    *,
    ignore_unknown: bool = False,
    tta: str | None = None,
    compare: "Model | Run | Path | str | None" = None,
    listener: Listener | None = None,
) -> "Evaluation":
    """Evaluate `run` on the class folders of `data`, or on its own held-out images.

    `run` is a run, its directory, or an exported file. `ignore_unknown` leaves out folders
    of classes that the network does not know. `tta` is "none", "flip" or "ten-crop", by
    default the run's own. `compare` is another model, evaluated on the same images.

    Raises:
        RunError, DatasetError: the run or the images cannot be used.
        RecipeError: there is no such `tta`.
    """
    from ..evaluation import evaluate as evaluation
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model

    listener = listener or Listener()
    model = open_model(run)
    other = None if compare is None else open_model(compare)
    images = _images(model.run, data, ignore_unknown)
    listener.log(f"{printable(data or model.run.data)}: {len(images.files)} files")
    listener.notes(images.notes)
    classifier = Classifier(model, tta)
    with listener.counting("evaluating") as counter:
        result = evaluation.evaluate(classifier, images, counter)
    if data and result.trained_on:
        listener.log(
            f"warning: the network was trained on {result.trained_on} of these images"
        )
    listener.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])
    if other is None:
        return result
    return dataclasses.replace(result, comparison=_compared(result, other, tta, listener))


def _images(run: Run, data: Path | str | None, ignore_unknown: bool) -> "LabeledImages":
    from ..evaluation.evaluate import held_out
    from ..evaluation.labeled import labeled_images

    if data is None:
        return held_out(run)
    return labeled_images(run, Path(data), ignore_unknown)


def _compared(
    result: "Evaluation", other: "Model", tta: str | None, listener: Listener
) -> "Comparison":
    """`other` on the images of `result`."""
    from ..evaluation.evaluate import compare
    from ..inference.classifier import Classifier

    with listener.counting("comparing") as counter:
        comparison = compare(result, Classifier(other, tta), counter)
    if comparison.trained_on:
        name = printable(other.file or other.run.path)
        listener.log(
            f"warning: the network of {name} was trained on {comparison.trained_on} of them"
        )
    return comparison
