"""evaluate(): a run's network on images whose classes are known, matched by name."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Flags
from ..dataset.decoding import ProgressCallback
from ..dataset.folders import find_parts
from ..dataset.sources.kinds import exists
from ..dataset.sources.open import open_labeled, recorded_source
from ..dataset.sources.source import Sample
from ..dataset.split import TEST, TRAIN, VAL
from ..errors import DatasetError, RunError, printable
from ..inference.classifier import Classifier
from ..inference.prediction import Prediction
from ..run.run import Run
from .calibration import ReliabilityBin, expected_calibration_error, reliability
from .labeled_images import LabeledImages
from .scores import Scores, score
from .significance import Intervals, McNemar, bootstrap, mcnemar


@dataclass(frozen=True)
class Comparison:
    """Another run on the same images."""

    top1: float
    test: McNemar
    """First the run itself, second the other one."""
    trained_on: int
    """Images that the other one was trained on."""


@dataclass(frozen=True)
class Evaluation:
    """A run on labeled images: scores of those that can be read, a prediction for each."""

    run: Run
    images: LabeledImages
    scores: Scores
    intervals: Intervals
    reliability: tuple[ReliabilityBin, ...]
    predictions: tuple[Prediction, ...]
    trained_on: int
    """Images whose exact content the network was trained on."""
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
    def correct(self) -> Flags:
        """[N]: whether each prediction is correct; that of an unreadable image is not."""
        pairs = zip(self.predictions, self.images.labels, strict=True)
        return np.array([[i for i, _ in x.ranked(1)] == [label] for x, label in pairs])


def held_out(run: Run) -> LabeledImages:
    """The run's own test images, or its validation images if it has none.

    Raises:
        RunError: the run was imported, split.csv is damaged, or an image of it no longer
            exists.
    """
    if not run.data:
        raise RunError(
            f"{printable(run.path)} was imported or exported and has no images of its own; "
            f"use --data"
        )
    rows = run.split()
    test = [x for x in rows if x["split"] == TEST]
    chosen = test or [x for x in rows if x["split"] == VAL]
    if not chosen or any(x["class"] not in run.classes for x in chosen):
        raise RunError(
            f"{printable(run.path / 'split.csv')} is damaged: it lists no images to "
            f"evaluate on"
        )
    notes = () if test else ("these images chose the best epoch",)
    labels = tuple(run.classes.index(x["class"]) for x in chosen)
    data = Path(run.data)
    if exists(data) and not data.is_dir():
        samples = (
            Sample(x["file"], label, x["split"])
            for x, label in zip(chosen, labels, strict=True)
        )
        source = recorded_source(data, run.classes, samples)
        return LabeledImages.of(source, source.samples, labels, notes)
    files = tuple(data / x["file"] for x in chosen)
    missing = [x for x in files if not x.exists()]
    if missing:
        raise RunError(
            f"{printable(missing[0])}, in the run's split, no longer exists; use --data"
        )
    return LabeledImages(files, labels, notes)


def labeled_folder(run: Run, data: Path, ignore_unknown: bool = False) -> LabeledImages:
    """The images of the class folders in `data`, matched to the run's classes by name.

    Raises:
        DatasetError: there are no class folders, all are of classes that the network does
            not know, or some are and `ignore_unknown` is false.
    """
    parts = find_parts(data)
    if parts:
        one = printable(parts.get(TEST, parts[TRAIN]))
        raise DatasetError(
            f"{printable(data)} has the parts {', '.join(parts)}; choose one, as {one}"
        )
    source = open_labeled(data)
    known, notes = known_classes(run, data, source.classes, ignore_unknown)
    kept = [x for x in source.samples if source.classes[x.label] in known]
    return LabeledImages(
        files=tuple(source.root / x.name for x in kept),
        labels=tuple(run.classes.index(source.classes[x.label]) for x in kept),
        notes=(*(f"left out: {x}" for x in source.notes), *notes),
    )


def known_classes(
    run: Run, data: Path, classes: Sequence[str], ignore_unknown: bool
) -> tuple[list[str], list[str]]:
    """Those of `classes` that the network knows, and notes of the others.

    Raises:
        DatasetError: it knows none, or not all, and `ignore_unknown` is false.
    """
    unknown = [x for x in classes if x not in run.classes]
    known = [x for x in classes if x in run.classes]
    if not known or (unknown and not ignore_unknown):
        raise DatasetError(
            f"{printable(data)} has classes that the network does not know: "
            f"{_listed(unknown)}; it knows {_listed(run.classes)}"
            + ("; --ignore-unknown leaves them out" if known else "")
        )
    notes = []
    if unknown:
        notes.append(f"left out, unknown to the network: {_listed(unknown)}")
    missing = [x for x in run.classes if x not in known]
    if missing:
        kind = "folder" if data.is_dir() else "image"
        notes.append(f"no {kind} for {_listed(missing)}")
    return known, notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(x) for x in names)


def evaluate(
    classifier: Classifier, images: LabeledImages, progress: ProgressCallback
) -> Evaluation:
    """The evaluation of the classifier's run on `images`, each of them once.

    Raises:
        DatasetError: none of them can be read.
        RunError: split.csv is damaged.
    """
    run = classifier.run
    rows = run.split() if run.data else []
    trained_on = {x["sha256"] for x in rows if x["split"] == TRAIN}
    predictions = []
    for prediction in classifier.predict(images.unread()):
        predictions.append(prediction)
        progress(len(predictions), len(images.files))
    found = [
        (x.probabilities, label)
        for x, label in zip(predictions, images.labels, strict=True)
        if x.probabilities is not None
    ]
    if not found:
        first = "".join(f"; {printable(x.file)} {x.error}" for x in predictions[:1])
        raise DatasetError(f"none of the images can be read{first}")
    probabilities = np.stack([x for x, _ in found])
    labels = np.array([label for _, label in found])
    scores = score(probabilities, labels, run.classes)
    return Evaluation(
        run,
        images,
        scores,
        intervals=bootstrap(scores.confusion),
        reliability=tuple(reliability(probabilities, labels)),
        predictions=tuple(predictions),
        trained_on=sum(x.digest in trained_on for x in predictions),
    )


def compare(own: Evaluation, other: Classifier, progress: ProgressCallback) -> Comparison:
    """The run of `other` on the images of `own`; classes are matched by name.

    Raises:
        RunError: `other` does not know a class of the run of `own`.
    """
    known, classes = other.run.classes, own.run.classes
    unknown = [x for x in classes if x not in known]
    if unknown:
        raise RunError(f"{printable(other.run.path)} does not know {_listed(unknown)}")
    labels = tuple(known.index(classes[x]) for x in own.images.labels)
    second = evaluate(other, dataclasses.replace(own.images, labels=labels), progress)
    test = mcnemar(own.correct, second.correct)
    return Comparison(second.scores.top1, test, second.trained_on)
