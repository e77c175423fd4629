"""`alexnet predict`: what is in each image, according to a run's network."""

import dataclasses
import glob
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ..errors import CheckFailed, DatasetError, RunError, printable
from ..run.files import csv_line
from ..run.run import Run
from .arguments import FOLDER, MODEL

if TYPE_CHECKING:
    from ..inference.classifier import Prediction

UNKNOWN = "unknown"


@dataclass(frozen=True)
class PredictOptions:
    """How `alexnet predict` is to answer."""

    top: int
    form: str
    """text, json or csv."""
    draw: Path | None
    reject: float | None


def predict(
    sources: Sequence[str], model: Path, wish: PredictOptions, stdin: IO[bytes]
) -> int:
    """Print an answer for every picture of `sources`; how many could not be read."""
    from ..inference.classifier import Classifier, predict_files

    run = Run.open(model)
    if wish.reject is not None:
        run = dataclasses.replace(run, threshold=_threshold(run, wish.reject))
    top, form, draw = wish.top, wish.form, wish.draw
    files = list(_files(sources, stdin))
    if draw:
        draw.mkdir(parents=True, exist_ok=True)
    classifier = Classifier(run)
    top = min(top, len(run.classes))
    if form == "csv":
        columns = [f"{x}_{i + 1}" for i in range(top) for x in ("label", "probability")]
        click.echo(csv_line(["file", "error", "answer", *columns]))
    bad = 0
    for number, answer in enumerate(predict_files(classifier, files)):
        named = [(run.classes[i], p) for i, p in answer.top(top)]
        sure = bool(named) and named[0][1] >= run.threshold
        said = (named[0][0] if sure else UNKNOWN) if named else ""
        _print(answer, said, named, form)
        bad += bool(answer.error)
        if draw and named:
            text = f"{printable(said)} {named[0][1]:.1%}" if sure else UNKNOWN
            _draw(answer.file, text, draw, number, files)
    return bad


def _threshold(run: Run, precision: float) -> float:
    """The probability from which on the Run's validation answers are that precise.

    Raises:
        RunError: it has no validation answers, or none of them is that sure.
    """
    import numpy as np

    from ..evaluation.calibration import rejection_threshold

    answers = run.confidences() if run.validation.exists() else []
    if not answers:
        raise RunError(
            f"--reject: {printable(run.path)} has no validation answers to choose by; a Run "
            f"that `alexnet train` makes has"
        )
    confidence, right = (np.array(x) for x in zip(*answers, strict=True))
    found = rejection_threshold(confidence, right.astype(bool), precision)
    if found is None:
        raise RunError(
            f"--reject {precision:g}: no threshold makes the {len(answers)} validation "
            f"answers of {printable(run.path)} that precise"
        )
    return found


def _print(
    answer: "Prediction", said: str, named: list[tuple[str, float]], form: str
) -> None:
    if form == "json":
        classes = [{"label": n, "probability": round(p, 6)} for n, p in named]
        told = {"error": answer.error} if answer.error else {"answer": said}
        click.echo(json.dumps({"file": str(answer.file), **told, "classes": classes}))
    elif form == "csv":
        cells = [x for n, p in named for x in (n, f"{p:.6f}")]
        line = csv_line([answer.file, answer.error, said, *cells])
        click.echo(os.fsencode(line))
    elif answer.error:
        click.echo(f"{printable(answer.file)}: error: {answer.error}")
    else:
        text = ", ".join(f"{printable(n)} {p:.1%}" for n, p in named)
        text = text if said == named[0][0] else f"{UNKNOWN} ({text})"
        click.echo(f"{printable(answer.file)}: {text}")


def _draw(file: Path, text: str, folder: Path, number: int, files: list[Path]) -> None:
    from ..dataset.images import decode
    from ..reports.plots import labelled

    twice = sum(x.name == file.name for x in files) > 1
    name = f"{number:05}-{file.name}" if twice else file.name
    if file.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        name += ".jpg"
    if (folder / name).exists() and (folder / name).samefile(file):
        raise DatasetError(f"--draw {printable(folder)} would overwrite {printable(file)}")
    picture = labelled(decode(file), text)
    picture.save(folder / name, quality=90)


def _files(sources: Sequence[str], stdin: IO[bytes]) -> Iterator[Path]:
    """Every picture file that `sources` mean, in order.

    Raises:
        DatasetError: a source means no file at all.
    """
    from ..dataset.folders import images_below

    for source in sources:
        path = Path(source)
        if source == "-":
            names = stdin.read().split(b"\n")
            yield from (Path(os.fsdecode(x)) for x in names if x.strip())
        elif path.is_dir():
            below = list(images_below(path))
            if not below:
                raise DatasetError(f"{printable(path)} holds no pictures")
            yield from below
        elif not path.exists() and glob.has_magic(source):
            # Path.glob takes no absolute pattern.
            matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207
            if not matches:
                raise DatasetError(f"{printable(source)} matches no file")
            yield from (Path(x) for x in matches if not Path(x).is_dir())
        else:
            yield path


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@MODEL
@click.option(
    "--top", default=3, show_default=True, type=click.IntRange(1), help="Classes to name."
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object a picture.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--draw", type=FOLDER, help="Write each picture with its class on it into this folder."
)
@click.option(
    "--reject",
    type=click.FloatRange(0.01, 1),
    metavar="PRECISION",
    help="Answer unknown below the probability from which on this share of the "
    "validation answers was right. [default: as trained]",
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
    """Name what is on IMAGE: files, folders, globs, or - for a list on stdin."""
    wish = PredictOptions(top, form or "text", draw, reject)
    bad = predict(images, model, wish, sys.stdin.buffer)
    if bad:
        raise CheckFailed(f"{bad} picture(s) cannot be read")
