"""`alexnet evaluate`: a run's network evaluated on images of known classes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed
from ..recipe.sections import TTA
from ..run.files import write_csv, write_page
from . import console
from .arguments import ANY_MODEL, FOLDER, JSON, RAW_CSV, NumberRange, require_csv
from .progress import ConsoleListener

if TYPE_CHECKING:
    from ..evaluation.evaluate import Evaluation


@click.command("evaluate")
@ANY_MODEL
@click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders, manifest (.csv, .tsv, .jsonl), archive (.zip, .tar, "
    ".tar.gz) or tfds:NAME; by default, the run's own held-out images.",
)
@click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out classes that the network does not know.",
)
@click.option(
    "--tta",
    type=click.Choice(TTA),
    help="Test-time augmentation: average predictions over flips or ten crops. "
    "[default: the run's]",
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
def evaluate_command(
    *,
    model: Path,
    data: Path | None,
    ignore_unknown: bool,
    tta: str | None,
    compare: Path | None,
    as_json: bool,
    csv_file: Path | None,
    raw_csv: bool,
    plot_file: Path | None,
    plot_reliability: Path | None,
    report: Path | None,
    assert_accuracy: float | None,
) -> None:
    """Evaluate a trained network on images of known classes."""
    from ..api.evaluate import evaluate

    require_csv(raw_csv, csv_file is not None)
    evaluation = evaluate(
        model,
        data,
        ignore_unknown=ignore_unknown,
        tta=tta,
        compare=compare,
        listener=ConsoleListener(),
    )
    _print(evaluation, as_json=as_json)
    if csv_file:
        _write_predictions(csv_file, evaluation, spreadsheet=not raw_csv)
    _write_files(evaluation, plot_file, plot_reliability, report)
    top1, unreadable = evaluation.scores.top1, evaluation.unreadable
    if assert_accuracy is not None and top1 < assert_accuracy:
        raise CheckFailed(f"top-1 accuracy {top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        raise CheckFailed(
            f"{len(unreadable)} image(s) cannot be read and are not in these numbers"
        )


def _print(evaluation: "Evaluation", *, as_json: bool) -> None:
    from ..reports import evaluation_text

    if as_json:
        console.raw(evaluation_text.to_json(evaluation))
    else:
        console.output(evaluation_text.text(evaluation))


def _write_files(
    evaluation: "Evaluation",
    plot_file: Path | None,
    plot_reliability: Path | None,
    report: Path | None,
) -> None:
    if plot_file or plot_reliability:
        from ..reports import plots

        scores = evaluation.scores
        if plot_file:
            title = f"top-1 accuracy {scores.top1:.1%} on {scores.images} images"
            plots.save(plots.confusion(scores, title), plot_file)
        if plot_reliability:
            plots.save(plots.reliability(evaluation.reliability), plot_reliability)
    if report:
        from ..reports.evaluation_html import page

        write_page(report, page(evaluation))


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
    header = ["file", "class", "predicted", "probability", "error", *names]
    write_csv(file, header, rows, spreadsheet=spreadsheet)
