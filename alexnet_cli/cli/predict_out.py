"""`alexnet predict --out`: predictions into a file, which a killed process goes on with."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed, printable
from ..inference.exported import open_model
from .console import log, result
from .progress import counting

if TYPE_CHECKING:
    from ..api.prediction_file import Image, Output, Predicting
    from ..api.ray_cluster import Machines
    from ..inference.classifier import Classifier


def output_of(
    out: Path | None, how: tuple[int, bool, bool], others: list[str], model: Path
) -> "Output":
    """What --out asks for; `how` are --top, --raw-csv and --resume.

    `others` are options that were given and do not go with it.

    Raises:
        UsageError: there are such, or --resume alone.
        RecipeError, RunError: no such file can be written.
    """
    # Printing predictions, which is faster than these imports, needs none of them.
    from ..api.prediction_file import Output
    from .output_files import check_outputs

    if out is None:
        option = "--resume" if how[2] else "--cluster"
        raise click.UsageError(f"{option} has no effect without --out")
    if others:
        raise click.UsageError(f"--{others[0]} cannot be given with --out")
    top, raw_csv, resume = how
    output = Output(out, top, spreadsheet=not raw_csv, resume=resume)
    output.check()
    check_outputs({"--out": out}, models=(model,))
    return output


def predict_into(
    classifier: "Classifier",
    model: Path,
    images: "tuple[Iterable[Image], int]",
    output: "Output",
    machines: "AbstractContextManager[Machines] | None",
) -> None:
    """Write the predictions of `images`, and how many they are to standard output.

    The second of `images` is their number, 0 if that is not known. With `machines`, those
    predict.

    Raises:
        CheckFailed: an image cannot be read.
        RunError: what an earlier process has left is of something else.
        ClusterError: the machines of Ray cannot be reached, or fail.
    """
    from ..api.prediction_file import write_predictions

    output = replace(output, top=min(output.top, len(classifier.run.classes)))
    files, count = images
    with (
        _predicting(classifier, model, machines) as predicting,
        counting("predicting") as progress,
    ):
        done = write_predictions(
            predicting, open_model(model), files, output, lambda x: progress(x, count)
        )
    if done.kept:
        log(f"{done.kept} of them were there already")
    result(f"{printable(output.file)}: {done.images} images")
    if done.unreadable:
        raise CheckFailed(f"{done.unreadable} image(s) cannot be read")


@contextmanager
def _predicting(
    classifier: "Classifier",
    model: Path,
    machines: "AbstractContextManager[Machines] | None",
) -> "Iterator[Predicting]":
    """What predicts: `classifier`, or the same model on the machines of Ray."""
    if machines is None:
        yield classifier
        return
    from ..api.ray_prediction import RayClassifier

    with machines as entered:
        yield RayClassifier(entered, classifier.run, model)
