"""evaluate(): a Run's network on pictures whose classes are known, matched by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..dataset.folders import find_parts, scan
from ..dataset.split import TEST, TRAIN, VAL
from ..errors import DatasetError, RunError, printable
from ..inference.classifier import Classifier, Prediction, predict_files
from ..run.run import Run
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .scores import Scores, score
from .significance import Intervals, McNemar, bootstrap, mcnemar

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LabeledImages:
    """Pictures to judge on: files, true labels in the Run's order, and remarks."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """Scores over the readable pictures, and the answer for every one."""

    scores: Scores
    intervals: Intervals
    reliability: tuple[ReliabilityBin, ...]
    predict_files: tuple[Prediction, ...]
    labels: tuple[int, ...]
    trained_on: int
    """Pictures whose very content the network was trained on."""

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1."""
        return expected_calibration_error(self.reliability)

    @property
    def unreadable(self) -> tuple[Prediction, ...]:
        """Answers that are errors; they are not in the scores."""
        return tuple(x for x in self.answers if x.error)


def held_out(run: Run) -> LabeledImages:
    """The Run's own test pictures, else its validation pictures.

    Raises:
        RunError: split.csv is damaged, or its pictures are gone.
    """
    if not run.data:
        raise RunError(f"{printable(run.path)} was imported, without pictures; give --data")
    rows = run.split()
    tested = [x for x in rows if x["split"] == TEST]
    chosen = tested or [x for x in rows if x["split"] == VAL]
    files = tuple(Path(run.data, x["file"]) for x in chosen)
    unknown = [x["class"] for x in chosen if x["class"] not in run.classes]
    if unknown or not chosen:
        raise RunError(
            f"{printable(run.path / 'split.csv')} is damaged: it names no pictures to judge"
        )
    missing = [x for x in files if not x.exists()]
    if missing:
        raise RunError(f"{printable(missing[0])}, of the Run's split, is gone; use --data")
    notes = () if tested else ("these pictures chose the best epoch",)
    return LabeledImages(files, tuple(run.classes.index(x["class"]) for x in chosen), notes)


def folder(run: Run, data: Path, ignore_unknown: bool = False) -> LabeledImages:
    """The pictures of the class folders in `data`, matched to the Run by name.

    Raises:
        DatasetError: no class folders, none or (unless ignored) some that the Run does
            not know.
    """
    parts = find_parts(data)
    if parts:
        one = printable(parts.get(TEST, parts[TRAIN]))
        raise DatasetError(
            f"{printable(data)} has parts {', '.join(parts)}; give one, as {one}"
        )
    found = scan(data)
    unknown = [x for x in found.classes if x not in run.classes]
    known = [x for x in found.classes if x in run.classes]
    if not known or (unknown and not ignore_unknown):
        raise DatasetError(
            f"{printable(data)} has classes the network does not know: {_listed(unknown)}; "
            f"it knows {_listed(run.classes)}"
            + ("; --ignore-unknown leaves them out" if known else "")
        )
    kept = [i for i, x in enumerate(found.labels) if found.classes[x] in known]
    notes = [f"left out: {x}" for x in found.notes]
    if unknown:
        notes.append(f"left out, unknown to the network: {_listed(unknown)}")
    missing = [x for x in run.classes if x not in known]
    if missing:
        notes.append(f"no folder for {_listed(missing)}")
    return LabeledImages(
        tuple(found.files[i] for i in kept),
        tuple(run.classes.index(found.classes[found.labels[i]]) for i in kept),
        tuple(notes),
    )


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(printable(x) for x in names)


def evaluate(
    classifier: Classifier, judged: LabeledImages, progress: Progress
) -> Evaluation:
    """Every picture of `judged` once.

    Raises:
        DatasetError: none of them can be read.
    """
    found = []
    for i, answer in enumerate(predict_files(classifier, judged.files)):
        found.append(answer)
        progress(i + 1, len(judged.files))
    good = [i for i, x in enumerate(found) if x.probabilities is not None]
    if not good:
        raise DatasetError(
            f"none of the pictures can be read; {printable(found[0].file)} {found[0].error}"
        )
    rows = classifier.run.split()
    trained = {x["sha256"] for x in rows if x["split"] == TRAIN}
    probabilities = np.stack([found[i].probabilities for i in good])
    labels = np.array([judged.labels[i] for i in good])
    scores = score(probabilities, labels, classifier.run.classes)
    return Evaluation(
        scores,
        bootstrap(scores.confusion),
        tuple(reliability(probabilities, labels)),
        answers=tuple(found),
        labels=judged.labels,
        trained_on=sum(x.digest in trained for x in found),
    )


@dataclass(frozen=True)
class Comparison:
    """Another Run on the same pictures."""

    top1: float
    test: McNemar
    trained_on: int
    """Pictures that the other one was trained on."""


def compare(
    own: Evaluation, run: Run, other: Classifier, judged: LabeledImages, progress: Progress
) -> Comparison:
    """The Run of `other`, class by name, on what `own` is the evaluation of.

    Raises:
        RunError: it does not know a class of these pictures.
    """
    known = other.run.classes
    unknown = [x for x in run.classes if x not in known]
    if unknown:
        raise RunError(f"{printable(other.run.path)} does not know {_listed(unknown)}")
    labels = tuple(known.index(run.classes[x]) for x in judged.labels)
    second = evaluate(other, LabeledImages(judged.files, labels, ()), progress)
    right = [
        np.array([bool(x.top(1)) and x.top(1)[0][0] == label for x, label in rows])
        for rows in (
            zip(own.answers, judged.labels, strict=True),
            zip(second.answers, labels, strict=True),
        )
    ]
    return Comparison(second.scores.top1, mcnemar(*right), second.trained_on)
