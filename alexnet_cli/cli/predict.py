"""`alexnet predict`: the class of each image, according to a run's network."""

import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed, DatasetError, RunError, printable
from ..run.digests import begin
from ..run.run import Run
from . import console
from .arguments import ANY_MODEL, FOLDER, RAW_CSV, NumberRange, require_csv
from .image_arguments import image_files

if TYPE_CHECKING:
    from ..inference.prediction import Prediction


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
def predict_command(
    *,
    images: tuple[str, ...],
    model: Path,
    top: int,
    form: str | None,
    raw_csv: bool,
    draw: Path | None,
    reject: float | None,
) -> None:
    """Predict the class of each IMAGE.

    IMAGE is a file, folder, .zip, .tar.gz, glob pattern, or - for a list of files on stdin.
    """
    begun = begin(model / "model.tflite")  # The imports take longer than the digest.
    from ..inference.archive_images import ArchiveImages
    from ..inference.classifier import Classifier
    from ..inference.exported import open_model
    from ..reports.predictions import csv_header, line

    require_csv(raw_csv, form == "csv")
    open_model(model)  # An unusable one is an error before a list of files is read.
    files = list(image_files(images, sys.stdin.buffer))
    pen = _Pen(draw, files) if draw else None
    classifier = Classifier(model, begun=begun)
    run = classifier.run
    if reject is not None:
        run = classifier.run = dataclasses.replace(run, threshold=_threshold(run, reject))
    top = min(top, len(run.classes))
    if form == "csv":
        console.raw(csv_header(top))
    unreadable, inputs = 0, ArchiveImages(files, keep=pen is not None)
    for prediction in classifier.predict(inputs):
        text = line(prediction, top, "raw-csv" if raw_csv else form)
        console.raw(text) if form else console.output([text])
        unreadable += bool(prediction.error)
        if pen:
            pen.draw(prediction, inputs.encoded(prediction.file), run.preprocess.max_pixels)
    if unreadable:
        raise CheckFailed(f"{unreadable} image(s) cannot be read")


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


class _Pen:
    """Writes images into a folder with their classes on them."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        """Make `folder`; `files` are those that will be drawn, in order."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.same_names = folder, Counter(x.name for x in files)
        self.number = -1

    def draw(self, prediction: "Prediction", image: bytes | Path, max_pixels: int) -> None:
        """Write the next image with its class and confidence on it, if it can be read.

        Raises:
            DatasetError: that would overwrite the image itself.
        """
        from ..dataset.images import decode
        from ..reports.plots import labeled

        self.number += 1
        if prediction.error:
            return
        file, label = prediction.file, prediction.label
        best, confidence = prediction.top(1)[0]
        text = f"{printable(best)} {confidence:.1%}" if label == best else label
        is_member = isinstance(image, bytes)
        # Members of archives are not among the files that were counted.
        drawn = self._target(file, numbered=is_member or self.same_names[file.name] > 1)
        if not is_member and drawn.exists() and drawn.samefile(file):
            raise DatasetError(f"--draw {self.folder} would overwrite {file}")
        labeled(decode(image, max_pixels), text).save(drawn, quality=90)

    def _target(self, file: Path, *, numbered: bool) -> Path:
        name = f"{self.number:05}-{file.name}" if numbered else file.name
        drawn = self.folder / name
        if file.suffix.lower() in (".jpg", ".jpeg", ".png"):
            return drawn
        return drawn.with_name(f"{drawn.name}.jpg")
