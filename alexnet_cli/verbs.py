"""`evaluate` and `predict`: parse, call one function, print."""

import sys
from pathlib import Path

import click

from .errors import CheckFailed
from .recipe.recipe import TTA
from .reports import evaluation_text

FOLDER = click.Path(path_type=Path)

MODEL = click.option(
    "--model", default="saved", show_default=True, type=FOLDER, help="Run directory to use."
)


@click.command("evaluate")
@MODEL
@click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders; without it the Run's own held-out pictures.",
)
@click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out class folders that the network does not know.",
)
@click.option(
    "--tta",
    type=click.Choice(TTA),
    help="Average over mirrored pictures, or over corners, centre and mirrors. "
    "[default: the Run's]",
)
@click.option("--compare", type=FOLDER, help="Another Run, judged on the same pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--csv", "csv_file", type=FOLDER, help="Write one row a picture to this file."
)
@click.option(
    "--plot", "plot_file", type=FOLDER, help="Draw the confusion matrix into this file."
)
@click.option(
    "--plot-reliability",
    type=FOLDER,
    help="Draw how often answers are right, by how sure they are, into this file.",
)
@click.option(
    "--report", type=FOLDER, help="Write all of it as one page to this HTML file."
)
@click.option(
    "--assert-accuracy",
    type=click.FloatRange(0, 1),
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
    plot_file: Path | None,
    plot_reliability: Path | None,
    report: Path | None,
    assert_accuracy: float | None,
) -> None:
    """Judge a trained network on pictures of known classes."""
    from . import judging

    verdict = judging.evaluate(
        model, data, ignore_unknown=ignore_unknown, tta=tta, against=compare
    )
    scores, unreadable = verdict.evaluation.scores, verdict.evaluation.unreadable
    if as_json:
        click.echo(evaluation_text.scores_json(verdict.evaluation, verdict.comparison))
    else:
        click.echo(
            "\n".join(evaluation_text.scores(verdict.evaluation, verdict.comparison))
        )
    if csv_file:
        judging.write_per_image(csv_file, verdict)
    if plot_file:
        judging.write_plot(plot_file, verdict)
    if plot_reliability:
        judging.write_reliability(plot_reliability, verdict)
    if report:
        judging.write_report(report, verdict)
    if assert_accuracy is not None and scores.top1 < assert_accuracy:
        raise CheckFailed(f"top-1 accuracy {scores.top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        raise CheckFailed(
            f"{len(unreadable)} picture(s) cannot be read and are not in these numbers"
        )


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
    from .naming import Wish, predict

    wish = Wish(top, form or "text", draw, reject)
    bad = predict(images, model, wish, sys.stdin.buffer)
    if bad:
        raise CheckFailed(f"{bad} picture(s) cannot be read")
