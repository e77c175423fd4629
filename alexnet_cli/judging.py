"""What `alexnet evaluate` does once its options are understood."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from . import show
from .errors import RunError, printable
from .run.files import write_csv, write_whole
from .run.run import Run

if TYPE_CHECKING:
    from .evaluation.evaluate import Comparison, Evaluation, LabeledImages


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
    from .evaluation import evaluate
    from .inference.classifier import Classifier

    run = Run.open(model)
    other = Run.open(against) if against else None
    judged = evaluate.folder(run, data, ignore_unknown) if data else evaluate.held_out(run)
    show.say(f"{printable(data or run.data)}: {len(judged.files)} files")
    show.notes(judged.notes)
    classifier = Classifier(run, tta)
    with show.counting("evaluating") as counter:
        result = evaluate.evaluate(classifier, judged, counter)
    if data and result.trained_on:
        show.say(
            f"warning: the network was trained on {result.trained_on} of these pictures"
        )
    show.notes([f"{printable(x.file)} {x.error}" for x in result.unreadable])
    if other is None:
        return Verdict(run, judged, result)
    with show.counting("comparing") as counter:
        compared = evaluate.compare(result, run, Classifier(other, tta), judged, counter)
    if compared.trained_on:
        show.say(f"warning: the other network was trained on {compared.trained_on} of them")
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
    from .reports.evaluation_html import page

    text = page(verdict.run, verdict.judged, verdict.evaluation, verdict.comparison)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text)


def _plots(flag: str) -> ModuleType:
    """The module that draws.

    Raises:
        RunError: matplotlib is not installed.
    """
    from .reports import plots

    if not plots.available():
        raise RunError(f"{flag} needs matplotlib: pip install 'alexnet[plots]'")
    return plots
