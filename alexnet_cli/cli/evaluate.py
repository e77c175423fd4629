"""`alexnet evaluate`: a run's network judged on images of known classes."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from ..errors import CheckFailed, RunError, printable
from ..recipe.recipe import TTA
from ..reports import evaluation_text
from ..run.files import write_csv, write_whole
from ..run.run import Run
from . import console, progress
from .arguments import FOLDER, MODEL

if TYPE_CHECKING:
    from ..evaluation.evaluate import Comparison, Evaluation, LabeledImages


@dataclass(frozen=True)
class Verdict:
    """An evaluation with the Run and the pictures it is about."""

    run: Run
    judged: "LabeledImages"
    evaluation: "Evaluation"
    comparison: "Comparison | None" = None


def evaluate(
    model: Path,
    data: Path | None,
    *,
    ignore_unknown: bool,
    tta: str | None,
    against: Path | None,
) -> Verdict:
    """Judge the Run at `model` on `data`, or on its own held-out pictures.

    The Run at `against` is judged on the same pictures.
    """
    from ..evaluation import evaluate
    from ..inference.classifier import Classifier

    run = Run.open(model)
    other = Run.open(against) if against else None
    judged = evaluate.folder(run, data, ignore_unknown) if data else evaluate.held_out(run)
    console.log(f"{printable(data or run.data)}: {len(judged.files)} files")
    console.notes(judged.notes)
    classifier = Classifier(run, tta)
    with progress.counting("evaluating") as counter:
        result = evaluate.evaluate(classifier, judged, counter)
    if data and result.trained_on:
        console.log(
            f"warning: the network was trained on {result.trained_on} of these pictures"
        )
    console.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])
    if other is None:
        return Verdict(run, judged, result)
    with progress.counting("comparing") as counter:
        compared = evaluate.compare(result, run, Classifier(other, tta), judged, counter)
    if compared.trained_on:
        console.log(
            f"warning: the other network was trained on {compared.trained_on} of them"
        )
    return Verdict(run, judged, result, compared)


def write_per_image(file: Path, verdict: Verdict) -> None:
    """One row a picture: its class, the answer, every probability, or the error."""
    names = verdict.run.classes
    rows = []
    for answer, label in zip(
        verdict.evaluation.answers, verdict.judged.labels, strict=True
    ):
        top = answer.top(1)
        told = [names[top[0][0]], f"{top[0][1]:.6f}"] if top else ["", ""]
        each = [f"{x:.6f}" for x in answer.probabilities] if top else [""] * len(names)
        rows.append([str(answer.file), names[label], *told, answer.error, *each])
    header = ["file", "class", "predicted", "probability", "error", *names]
    write_csv(file, header, rows)


def write_plot(file: Path, verdict: Verdict) -> None:
    """The confusion matrix as a picture, if matplotlib is there."""
    plots = _plots("--plot")
    scores = verdict.evaluation.scores
    title = f"top-1 {scores.top1:.1%} of {scores.images} pictures"
    plots.save(plots.confusion(scores, title), file)


def write_reliability(file: Path, verdict: Verdict) -> None:
    """The reliability diagram as a picture, if matplotlib is there."""
    plots = _plots("--plot-reliability")
    plots.save(plots.reliability(verdict.evaluation.reliability), file)


def write_report(file: Path, verdict: Verdict) -> None:
    """All of it as one page, if matplotlib is there."""
    _plots("--report")
    from ..reports.evaluation_html import page

    text = page(verdict.run, verdict.judged, verdict.evaluation, verdict.comparison)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text)


def _plots(flag: str) -> ModuleType:
    """The module that draws.

    Raises:
        RunError: matplotlib is not installed.
    """
    from ..reports import plots

    if not plots.available():
        raise RunError(f"{flag} needs matplotlib: pip install 'alexnet[plots]'")
    return plots


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
    from . import evaluate

    verdict = evaluate(model, data, ignore_unknown=ignore_unknown, tta=tta, against=compare)
    scores, unreadable = verdict.evaluation.scores, verdict.evaluation.unreadable
    if as_json:
        click.echo(evaluation_text.scores_json(verdict.evaluation, verdict.comparison))
    else:
        click.echo(
            "\n".join(evaluation_text.scores(verdict.evaluation, verdict.comparison))
        )
    if csv_file:
        write_per_image(csv_file, verdict)
    if plot_file:
        write_plot(plot_file, verdict)
    if plot_reliability:
        write_reliability(plot_reliability, verdict)
    if report:
        write_report(report, verdict)
    if assert_accuracy is not None and scores.top1 < assert_accuracy:
        raise CheckFailed(f"top-1 accuracy {scores.top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        raise CheckFailed(
            f"{len(unreadable)} picture(s) cannot be read and are not in these numbers"
        )
