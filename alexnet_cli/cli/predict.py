"""`alexnet predict`: what is in each image, according to a run's network."""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed, DatasetError, RunError, printable
from ..run.files import csv_line
from ..run.run import Run
from .arguments import FOLDER, MODEL
from .image_arguments import image_files

if TYPE_CHECKING:
    from ..inference.classifier import Prediction


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@MODEL
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="How many classes to print per image.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object per image.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--draw",
    type=FOLDER,
    help="Write each image with its predicted class on it into this folder.",
)
@click.option(
    "--reject",
    type=click.FloatRange(0.01, 1),
    metavar="PRECISION",
    help="Answer unknown below the confidence from which this fraction of validation "
    "predictions was right. [default: as trained]",
)
def predict_command(
    *,
    images: tuple[str, ...],
    model: Path,
    top: int,
    form: str | None,
    draw: Path | None,
    reject: float | None,
) -> None:
    """Predict the class of each IMAGE: files, folders, globs, or - for a list on stdin."""
    from ..inference.classifier import Classifier

    run = Run.open(model)
    if reject is not None:
        run = dataclasses.replace(run, threshold=_threshold(run, reject))
    files = list(image_files(images, sys.stdin.buffer))
    if draw:
        draw.mkdir(parents=True, exist_ok=True)
    classifier = Classifier(run)
    top = min(top, len(run.classes))
    if form == "csv":
        columns = [f"{x}_{i + 1}" for i in range(top) for x in ("label", "probability")]
        click.echo(csv_line(["file", "error", "answer", *columns]))
    bad = 0
    for number, prediction in enumerate(classifier.predict(files)):
        _print(prediction, top, form)
        bad += bool(prediction.error)
        if draw and not prediction.error:
            _draw(prediction, draw, number, files)
    if bad:
        raise CheckFailed(f"{bad} image(s) cannot be read")


def _threshold(run: Run, precision: float) -> float:
    """The confidence from which the run's validation predictions are that precise.

    Raises:
        RunError: it has no validation predictions, or none of them is that confident.
    """
    import numpy as np

    from ..evaluation.calibration import rejection_threshold

    known = run.confidences() if run.validation.exists() else []
    if not known:
        raise RunError(
            f"--reject: {printable(run.path)} has no validation predictions to choose by; "
            f"only runs made by `alexnet train` have"
        )
    confidence, right = (np.array(x) for x in zip(*known, strict=True))
    found = rejection_threshold(confidence, right.astype(bool), precision)
    if found is None:
        raise RunError(
            f"--reject {precision:g}: at no threshold are the {len(known)} validation "
            f"predictions of {printable(run.path)} that precise"
        )
    return found


def _print(prediction: "Prediction", top: int, form: str | None) -> None:
    """One prediction as text, JSON or CSV."""
    label, error, named = prediction.label, prediction.error, prediction.top(top)
    file = prediction.file
    if form == "json":
        classes = [{"label": n, "probability": round(p, 6)} for n, p in named]
        result = {"error": error} if error else {"answer": label}
        click.echo(json.dumps({"file": str(file), **result, "classes": classes}))
    elif form == "csv":
        cells = [x for n, p in named for x in (n, f"{p:.6f}")]
        click.echo(os.fsencode(csv_line([file, error, label, *cells])))
    elif error:
        click.echo(f"{printable(file)}: error: {error}")
    else:
        text = ", ".join(f"{printable(n)} {p:.1%}" for n, p in named)
        text = text if label == named[0][0] else f"{label} ({text})"
        click.echo(f"{printable(file)}: {text}")


def _draw(prediction: "Prediction", folder: Path, number: int, files: list[Path]) -> None:
    """Write the image into `folder` with its class and confidence on it."""
    from ..dataset.images import decode
    from ..reports.plots import labeled

    file, best = prediction.file, prediction.top(1)[0]
    known = prediction.label == best[0]
    text = f"{printable(best[0])} {best[1]:.1%}" if known else prediction.label
    twice = sum(x.name == file.name for x in files) > 1
    name = f"{number:05}-{file.name}" if twice else file.name
    if file.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        name += ".jpg"
    if (folder / name).exists() and (folder / name).samefile(file):
        raise DatasetError(f"--draw {printable(folder)} would overwrite {printable(file)}")
    labeled(decode(file), text).save(folder / name, quality=90)
