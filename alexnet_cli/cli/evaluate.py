"""`alexnet evaluate`: a run's network evaluated on images of known classes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed
from ..recipe.sections import TTA
from ..run.files import make_folder_of, write_csv, write_page
from . import console
from .arguments import (
    ANY_MODEL,
    FOLDER,
    JSON,
    RAW_CSV,
    RUNS_MAX_MEGAPIXELS,
    NumberRange,
    require_csv,
)
from .output_files import check_outputs
from .progress import ConsoleListener, say_undrawable

if TYPE_CHECKING:
    from ..evaluation.result import Evaluation


COLUMNS = ("file", "class", "predicted", "probability", "error")
"""Of --csv, before those of the classes."""
_LIKE_COLUMNS = re.compile(f"(class:)*({'|'.join(COLUMNS)})")


@click.command("evaluate")
@ANY_MODEL
@click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders, manifest (.csv, .tsv, .jsonl), archive (.zip, .tar, "
    ".tar.gz), shards or tfds:NAME; by default, the run's own held-out images.",
)
@click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out classes that the network does not know.",
)
@click.option(
    "--tta",
    type=click.Choice(TTA),
    help="Test-time augmentation: average predictions over the center and its mirror "
    "image (flip), the whole stored square, its central square with 3/4 of the side and "
    "their mirror images (two-scale), or ten crops. "
    "[default: the run's]",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="K",
    help="Also print how often the true class is among the K most probable. [default: 5, "
    "with more than five classes]",
)
@click.option("--compare", type=FOLDER, help="Another run to evaluate on the same images.")
@JSON
@click.option(
    "--csv", "csv_file", type=FOLDER, help="Write one row per image to this file."
)
@RAW_CSV
@click.option(
    "--plot", "plot_file", type=FOLDER, help="Draw the confusion matrix into this file."
)
@click.option(
    "--plot-reliability",
    type=FOLDER,
    help="Draw the reliability diagram, accuracy by confidence, into this file.",
)
@click.option(
    "--report", type=FOLDER, help="Write all results as one page to this HTML file."
)
@click.option(
    "--assert-accuracy",
    type=NumberRange(0, 1),
    help="Exit with 1 if top-1 accuracy is below this.",
)
@RUNS_MAX_MEGAPIXELS
def evaluate_command(
    *,
    model: Path,
    data: Path | None,
    ignore_unknown: bool,
    tta: str | None,
    top: int | None,
    compare: Path | None,
    as_json: bool,
    csv_file: Path | None,
    raw_csv: bool,
    plot_file: Path | None,
    plot_reliability: Path | None,
    report: Path | None,
    assert_accuracy: float | None,
    max_megapixels: float | None,
) -> None:
    """Evaluate a trained network on images of known classes."""
    from ..api.evaluate import evaluate

    require_csv(raw_csv, csv_file is not None)
    outputs = _Outputs(csv_file, plot_file, plot_reliability, report)
    outputs.check(model, data, compare)
    evaluation = evaluate(
        model,
        data,
        ignore_unknown=ignore_unknown,
        tta=tta,
        compare=compare,
        max_megapixels=max_megapixels,
        top=top,
        listener=ConsoleListener(),
    )
    _print(evaluation, as_json=as_json)
    outputs.save(evaluation, spreadsheet=not raw_csv)
    _require(evaluation, assert_accuracy)


def _require(evaluation: "Evaluation", assert_accuracy: float | None) -> None:
    """Check that the images could be read, and the accuracy.

    Raises:
        CheckFailed: one of them could not be, or it is too low.
    """
    top1, unreadable = evaluation.scores.top1, evaluation.unreadable
    if assert_accuracy is not None and top1 < assert_accuracy:
        raise CheckFailed(f"top-1 accuracy {top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        changed = " or have changed since training" if evaluation.images.digests else ""
        what = f"{len(unreadable)} image(s) cannot be read{changed}"
        raise CheckFailed(f"{what} and are not in these numbers")


def _print(evaluation: "Evaluation", *, as_json: bool) -> None:
    from ..reports import evaluation_text

    if as_json:
        console.raw(evaluation_text.to_json(evaluation))
    else:
        console.output(evaluation_text.text(evaluation), strong=("top-1 accuracy",))
        console.output(["", *evaluation_text.origin(evaluation)])


@dataclass(frozen=True)
class _Outputs:
    """The files that are to be written."""

    csv: Path | None
    plot: Path | None
    plot_reliability: Path | None
    report: Path | None

    def check(self, model: Path, data: Path | None, other: Path | None) -> None:
        """Check before the work that they can be written and are no inputs.

        Raises:
            UsageError, RecipeError, RunError: one cannot be, or is.
        """
        outputs = {
            "--csv": self.csv,
            "--plot": self.plot,
            "--plot-reliability": self.plot_reliability,
            "--report": self.report,
        }
        if not any(outputs.values()):
            return
        from ..inference.exported import open_model
        from ..reports.plots import format_of

        own = open_model(model).run.data
        check_outputs(outputs, (data, Path(own) if own else None), (model, other))
        for file in filter(None, (self.plot, self.plot_reliability)):
            format_of(file)

    def save(self, evaluation: "Evaluation", *, spreadsheet: bool) -> None:
        """Write them, and the folders that they are in."""
        from ..reports import plots

        if self.plot or self.report:
            say_undrawable(x.name for x in evaluation.scores.occurring().classes)
        if self.csv:
            _write_predictions(self.csv, evaluation, spreadsheet=spreadsheet)
        scores = evaluation.scores
        if self.plot:
            title = f"top-1 accuracy {scores.top1:.1%} on {scores.images} images"
            plots.save(plots.confusion(scores, title), self.plot)
        if self.plot_reliability:
            plots.save(plots.reliability(evaluation.reliability), self.plot_reliability)
        if self.report:
            from ..reports.evaluation_html import page

            write_page(self.report, page(evaluation))


def _write_predictions(file: Path, evaluation: "Evaluation", *, spreadsheet: bool) -> None:
    """One row per image: its class, the prediction, every probability, or the error."""
    names = evaluation.run.classes
    rows = []
    for x, label in zip(evaluation.predictions, evaluation.images.labels, strict=True):
        best = x.top(1)
        predicted = [best[0][0], f"{best[0][1]:.6f}"] if best else ["", ""]
        blank = [""] * len(names)
        each = blank if x.probabilities is None else [f"{p:.6f}" for p in x.probabilities]
        rows.append([str(x.file), names[label], *predicted, x.error, *each])
    header = [*COLUMNS, *columns_of(names, spreadsheet=spreadsheet)]
    make_folder_of(file)
    write_csv(file, header, rows, spreadsheet=spreadsheet)


def columns_of(names: Sequence[str], *, spreadsheet: bool) -> list[str]:
    """The columns of the classes `names`: their names, but for those of other columns.

    "error" becomes "class:error", and a class "class:error" "class:class:error". So does,
    for a `spreadsheet`, "'=1" beside a class "=1", which gets a ' in front there.
    """
    known = set(names) if spreadsheet else set()
    return [
        f"class:{x}"
        if _LIKE_COLUMNS.fullmatch(x) or (x[:1] == "'" and x[1:] in known)
        else x
        for x in names
    ]
