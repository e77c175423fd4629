"""`alexnet predict`: the class of each image, according to a run's network."""

import dataclasses
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset.sources.kinds import is_archive
from ..errors import CheckFailed, RunError
from ..run.digests import begin
from ..run.run import Run
from . import console
from .arguments import (
    ANY_MODEL,
    FOLDER,
    RAW_CSV,
    RUNS_MAX_MEGAPIXELS,
    NumberRange,
    machines_of,
    ray_options,
    require_csv,
)
from .drawing_folder import DrawingFolder
from .drawings import Drawings
from .image_arguments import ImageArguments, as_images
from .progress import Line, counting, say_undrawable

if TYPE_CHECKING:
    from ..inference.archive_images import ArchiveImages
    from ..inference.classifier import Classifier
    from ..inference.prediction import Prediction

MOST_COUNTED = 100_000
"""Of images, before the first is predicted."""


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@ANY_MODEL
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="How many classes to print per image.",
)
@click.option(
    "--json", "form", flag_value="json", help="Print one JSON object per image and line."
)
@click.option("--csv", "form", flag_value="csv", help="Print CSV, one row per image.")
@RAW_CSV
@click.option(
    "-o",
    "--out",
    type=FOLDER,
    help="Write one row per image to this .csv or .parquet file, in place of printing.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="With --out: go on with the rows that a killed prediction has left.",
)
@click.option(
    "--draw",
    type=FOLDER,
    help="Write each image with its predicted class on it into this folder.",
)
@click.option(
    "--reject",
    type=NumberRange(0.01, 1),
    metavar="PRECISION",
    help="Predict unknown below the lowest confidence from which this fraction of the "
    "validation predictions is right. [default: as trained]",
)
@RUNS_MAX_MEGAPIXELS
@ray_options
def predict_command(
    *,
    images: tuple[str, ...],
    model: Path,
    top: int,
    form: str | None,
    raw_csv: bool,
    out: Path | None,
    resume: bool,
    draw: Path | None,
    reject: float | None,
    max_megapixels: float | None,
    **ray: Any,
) -> None:
    """Predict the class of each IMAGE.

    IMAGE is a file, folder, .zip, .tar.gz, glob pattern, or - for a list of files on stdin.
    """
    begun = begin(model / "model.tflite")  # The imports take longer than the digest.
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model
    from .predict_out import output_of, predict_into

    require_csv(raw_csv, form == "csv" or out is not None)
    output, machines = None, machines_of(**ray)
    if out or resume or machines:
        others = [x for x, given in (("json", form == "json"), ("draw", draw)) if given]
        output = output_of(out, (top, raw_csv, resume), others, model)
    open_model(model)  # An unusable one is an error before a list of files is read.
    opened = _opened(images, draw)
    classifier = Classifier(model, begun=begun).limit(max_megapixels)
    classifier.run = run = _rejecting(classifier.run, reject)
    say_undrawable(run.classes if draw else (), bitmaps=True)
    if output:
        predict_into(classifier, model, (opened[0], opened[2]), output, machines)
        return
    form = "raw-csv" if raw_csv else form
    _print(classifier, opened, min(top, len(run.classes)), form)


def _print(
    classifier: "Classifier",
    opened: "tuple[ArchiveImages, Drawings | None, int]",
    top: int,
    form: str | None,
) -> None:
    """Print, and perhaps draw, the predictions of what `_opened` returns one by one.

    Raises:
        CheckFailed: some cannot be read or drawn.
    """
    from ..reports.predictions import csv_header, line

    files, drawings, count = opened
    preprocess = classifier.run.preprocess
    if form in ("csv", "raw-csv"):
        console.raw(csv_header(top))
    unreadable = not_drawn = 0
    for prediction in _shown(classifier.predict(files), count):
        unreadable += bool(prediction.error)
        image = files.encoded(prediction.file)
        if drawings and (error := drawings.draw(prediction, image, preprocess)):
            not_drawn += 1
            prediction = dataclasses.replace(prediction, error=error)
        text = line(prediction, top, form)
        console.raw(text) if form else console.output([text])
    if unreadable or not_drawn:
        raise CheckFailed(_failed(unreadable, not_drawn))


def _shown(predictions: "Iterator[Prediction]", count: int) -> "Iterator[Prediction]":
    """`predictions`, with a bar on a terminal if they do not go there themselves."""
    if sys.stdout.isatty() or not Line().live:
        yield from predictions
        return
    with counting("predicting") as progress:
        for done, prediction in enumerate(predictions, 1):
            progress(done, count)
            yield prediction


def _opened(
    sources: tuple[str, ...], draw: Path | None
) -> "tuple[ArchiveImages, Drawings | None, int]":
    """What `sources` name, what draws all of it into the folder `draw`, and how many.

    The last is 0 if that is not known: of a list that is still written, archives, and
    more than MOST_COUNTED.

    Raises:
        DatasetError: there is nothing to predict, or nothing can be drawn.
    """
    from ..inference.archive_images import ArchiveImages

    folder = DrawingFolder(draw) if draw else None
    arguments = ImageArguments(sources, sys.stdin.buffer, console.log, folder)
    # To draw, all have to be known, since names that are there twice are numbered.
    most = None if folder else 0 if "-" in sources else MOST_COUNTED
    rest = arguments.inputs()
    inputs = list(islice(rest, most))
    files = [x.file for x in inputs if not x.error]
    counted = most != 0 and len(inputs) != most and not any(map(is_archive, files))
    images = as_images(chain(inputs, rest))
    drawings = Drawings(folder, files) if folder else None
    return ArchiveImages(images, keep=bool(folder)), drawings, counted * len(inputs)


def _failed(unreadable: int, not_drawn: int) -> str:
    """How many images have an error, in one line."""
    counts = {"cannot be read": unreadable, "cannot be drawn": not_drawn}
    return ", ".join(f"{n} image(s) {what}" for what, n in counts.items() if n)


def _rejecting(run: Run, precision: float | None) -> Run:
    """`run` with the threshold of --reject, if that is given."""
    if precision is None:
        return run
    return dataclasses.replace(run, threshold=_threshold(run, precision))


def _threshold(run: Run, precision: float) -> float:
    """The lowest confidence from which `precision` of the validation predictions are right.

    Raises:
        RunError: there are no validation predictions, or none of them is that confident.
    """
    import numpy as np

    from ..evaluation.calibration import rejection_threshold

    known = run.confidences() if run.validation.exists() else []
    if not known:
        raise RunError(
            f"--reject: {run.path} has no validation predictions to choose by; "
            f"only runs made by `alexnet train` have"
        )
    confidence, right = (np.array(x) for x in zip(*known, strict=True))
    threshold = rejection_threshold(confidence, right.astype(bool), precision)
    if threshold is None:
        raise RunError(
            f"--reject {precision:g}: at no threshold are the {len(known)} validation "
            f"predictions of {run.path} that precise"
        )
    return threshold
