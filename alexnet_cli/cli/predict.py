"""`alexnet predict`: the class of each image, according to a run's network."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    require_csv,
)
from .drawing_folder import DrawingFolder
from .drawings import Drawings
from .image_arguments import ImageArguments, as_images
from .progress import say_undrawable

if TYPE_CHECKING:
    from ..inference.archive_images import ArchiveImages
    from ..inference.classifier import Classifier


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
) -> None:
    """Predict the class of each IMAGE.

    IMAGE is a file, folder, .zip, .tar.gz, glob pattern, or - for a list of files on stdin.
    """
    begun = begin(model / "model.tflite")  # The imports take longer than the digest.
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model

    require_csv(raw_csv, form == "csv" or out is not None)
    output = None
    if out or resume:
        from .predict_out import output_of

        others = [x for x, given in (("json", form == "json"), ("draw", draw)) if given]
        output = output_of(out, (top, raw_csv, resume), others, model)
    open_model(model)  # An unusable one is an error before a list of files is read.
    files, drawings = _opened(images, draw)
    classifier = Classifier(model, begun=begun).limit(max_megapixels)
    classifier.run = run = _rejecting(classifier.run, reject)
    say_undrawable(run.classes if draw else (), bitmaps=True)
    if output:
        from .predict_out import predict_into

        predict_into(classifier, model, files, output)
        return
    form = "raw-csv" if raw_csv else form
    _print(classifier, files, drawings, min(top, len(run.classes)), form)


def _print(
    classifier: "Classifier",
    files: "ArchiveImages",
    drawings: Drawings | None,
    top: int,
    form: str | None,
) -> None:
    """Print, and perhaps draw, the predictions of `files` one by one.

    Raises:
        CheckFailed: some cannot be read or drawn.
    """
    from ..reports.predictions import csv_header, line

    preprocess = classifier.run.preprocess
    if form in ("csv", "raw-csv"):
        console.raw(csv_header(top))
    unreadable = not_drawn = 0
    for prediction in classifier.predict(files):
        unreadable += bool(prediction.error)
        image = files.encoded(prediction.file)
        if drawings and (error := drawings.draw(prediction, image, preprocess)):
            not_drawn += 1
            prediction = dataclasses.replace(prediction, error=error)
        text = line(prediction, top, form)
        console.raw(text) if form else console.output([text])
    if unreadable or not_drawn:
        raise CheckFailed(_failed(unreadable, not_drawn))


def _opened(
    sources: tuple[str, ...], draw: Path | None
) -> "tuple[ArchiveImages, Drawings | None]":
    """What `sources` name, and what draws all of it into the folder `draw`.

    Raises:
        DatasetError: there is nothing to predict, or nothing can be drawn.
    """
    from ..inference.archive_images import ArchiveImages

    folder = DrawingFolder(draw) if draw else None
    arguments = ImageArguments(sources, sys.stdin.buffer, console.log, folder)
    if folder is None:
        return ArchiveImages(as_images(arguments.inputs())), None
    # Names that are there twice are numbered, for which all have to be known.
    inputs = list(arguments.inputs())
    files = [x.file for x in inputs if not x.error]
    return ArchiveImages(as_images(iter(inputs)), keep=True), Drawings(folder, files)


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
