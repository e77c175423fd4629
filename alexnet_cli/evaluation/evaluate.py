"""evaluate(): a run's network on images whose classes are known, matched by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Flags
from ..dataset.folders import find_parts, scan
from ..dataset.split import TEST, TRAIN, VAL
from ..errors import DatasetError, RunError, printable
from ..inference.classifier import Classifier, Prediction
from ..run.run import Run
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .scores import Scores, score
from .significance import Intervals, McNemar, bootstrap, mcnemar

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class LabeledImages:
    """Images to evaluate on: files, true labels in the run's order, and notes."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Another run on the same images."""

    top1: float
    test: McNemar
    trained_on: int
    """Images that the other one was trained on."""


@dataclass(frozen=True)
class Evaluation:
    """A run on labeled images: scores over the readable ones, a prediction for each."""

    run: Run
    images: LabeledImages
    scores: Scores
    intervals: Intervals
    reliability: tuple[ReliabilityBin, ...]
    predictions: tuple[Prediction, ...]
    trained_on: int
    """Images whose very content the network was trained on."""
    comparison: Comparison | None = None

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (ECE), 0 to 1."""
        return expected_calibration_error(self.reliability)

    @property
    def unreadable(self) -> tuple[Prediction, ...]:
        """Predictions that are errors; they are not in the scores."""
        return tuple(x for x in self.predictions if x.error)

    @property
    def right(self) -> Flags:
        """[N]: whether each image was named rightly; an unreadable one was not."""
        pairs = zip(self.predictions, self.images.labels, strict=True)
        return np.array([bool(x.ranked(1)) and x.ranked(1)[0][0] == y for x, y in pairs])


def held_out(run: Run) -> LabeledImages:
    """The run's own test images, else its validation images.

    Raises:
        RunError: split.csv is damaged, or its images no longer exist.
    """
    if not run.data:
        raise RunError(f"{printable(run.path)} was imported, without images; use --data")
    rows = run.split()
    tested = [x for x in rows if x["split"] == TEST]
    chosen = tested or [x for x in rows if x["split"] == VAL]
    files = tuple(Path(run.data, x["file"]) for x in chosen)
    unknown = [x["class"] for x in chosen if x["class"] not in run.classes]
    if unknown or not chosen:
        raise RunError(
            f"{printable(run.path / 'split.csv')} is damaged: it lists no images "
            f"to evaluate on"
        )
    missing = [x for x in files if not x.exists()]
    if missing:
        raise RunError(
            f"{printable(missing[0])}, in the run's split, no longer exists; use --data"
        )
    notes = () if tested else ("these images chose the best epoch",)
    labels = tuple(run.classes.index(x["class"]) for x in chosen)
    return LabeledImages(files, labels, notes)


def labeled_folder(run: Run, data: Path, ignore_unknown: bool = False) -> LabeledImages:
    """The images of the class folders in `data`, matched to the run by name.

    Raises:
        DatasetError: no class folders, none or (unless ignored) some that the run does
            not know.
    """
    parts = find_parts(data)
    if parts:
        one = printable(parts.get(TEST, parts[TRAIN]))
        raise DatasetError(
            f"{printable(data)} has the parts {', '.join(parts)}; name one of them, as {one}"
        )
    found = scan(data)
    unknown = [x for x in found.classes if x not in run.classes]
    known = [x for x in found.classes if x in run.classes]
    if not known or (unknown and not ignore_unknown):
        raise DatasetError(
            f"{printable(data)} has classes that the network does not know: "
            f"{_listed(unknown)}; it knows {_listed(run.classes)}"
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
    classifier: Classifier, images: LabeledImages, progress: ProgressCallback
) -> Evaluation:
    """Every one of `images` once.

    Raises:
        DatasetError: none of them can be read.
    """
    found = []
    for i, prediction in enumerate(classifier.predict(images.files)):
        found.append(prediction)
        progress(i + 1, len(images.files))
    rows = [x.probabilities for x in found if x.probabilities is not None]
    if not rows:
        raise DatasetError(
            f"none of the images can be read; {printable(found[0].file)} {found[0].error}"
        )
    run = classifier.run
    trained = {x["sha256"] for x in run.split() if x["split"] == TRAIN}
    pairs = zip(found, images.labels, strict=True)
    labels = np.array([label for x, label in pairs if x.probabilities is not None])
    probabilities = np.stack(rows)
    scores = score(probabilities, labels, run.classes)
    return Evaluation(
        run,
        images,
        scores,
        bootstrap(scores.confusion),
        tuple(reliability(probabilities, labels)),
        predictions=tuple(found),
        trained_on=sum(x.digest in trained for x in found),
    )


def compare(own: Evaluation, other: Classifier, progress: ProgressCallback) -> Comparison:
    """The run of `other`, class by name, on what `own` is the evaluation of.

    Raises:
        RunError: it does not know a class of these images.
    """
    known, classes = other.run.classes, own.run.classes
    unknown = [x for x in classes if x not in known]
    if unknown:
        raise RunError(f"{printable(other.run.path)} does not know {_listed(unknown)}")
    labels = tuple(known.index(classes[x]) for x in own.images.labels)
    second = evaluate(other, LabeledImages(own.images.files, labels), progress)
    test = mcnemar(own.right, second.right)
    return Comparison(second.scores.top1, test, second.trained_on)
