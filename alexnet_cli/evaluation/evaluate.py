"""evaluate(): a run's network on images whose classes are known, matched by name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..dataset.class_names import listed_classes, lookalikes, matching, quoted
from ..dataset.decoding import ProgressCallback
from ..dataset.layout.folders import find_parts
from ..dataset.sources.kinds import exists, is_plain_folder, recorded_name
from ..dataset.sources.open import open_labeled, recorded_source
from ..dataset.sources.source import Sample
from ..dataset.split import TEST, TRAIN, VAL
from ..errors import DatasetError, RunError, printable
from ..inference.classifier import Classifier
from ..inference.prediction import Prediction
from ..run.run import Run
from .calibration import reliability
from .labeled_images import LabeledImages
from .metrics import metric_values, with_top
from .result import Comparison, Evaluation
from .scores import score
from .significance import bootstrap, mcnemar


def held_out(run: Run) -> LabeledImages:
    """The run's own test images, or its validation images if it has none.

    Raises:
        RunError: the run was imported, split.csv is damaged, or none of its images is
            there any more.
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
    part = TEST if test else VAL
    notes = () if test else ("these images chose the best epoch",)
    labels = tuple(run.classes.index(x["class"]) for x in chosen)
    digests = tuple(x["sha256"] for x in chosen)
    data = Path(run.data)
    if exists(data) and not is_plain_folder(data):
        pairs = zip(chosen, labels, strict=True)
        samples = (Sample(x["file"], label, x["split"]) for x, label in pairs)
        source = recorded_source(data, run.classes, samples)
        found = LabeledImages.of(source, source.samples, labels, notes)
        return replace(found, digests=digests, location=run.data, part=part)
    files = tuple(data / x["file"] for x in chosen)
    if not any(x.is_file() for x in files):
        raise RunError(
            f"{printable(files[0])}, in the run's split, no longer exists, nor do the "
            f"{len(files) - 1} others; use --data"
        )
    return LabeledImages(
        files, labels, notes, digests=digests, location=run.data, part=part
    )


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
            f"{printable(data)} has the parts {', '.join(sorted(parts))}; "
            f"choose one, as {one}"
        )
    source = open_labeled(data, known=run.classes)
    known, notes = known_classes(run, data, source.classes, ignore_unknown)
    kept = [x for x in source.samples if source.classes[x.label] in known]
    return LabeledImages(
        files=tuple(source.root / x.name for x in kept),
        labels=tuple(run.classes.index(known[source.classes[x.label]]) for x in kept),
        notes=(*source.notes, *notes),
        location=recorded_name(data),
    )


def known_classes(
    run: Run, data: Path, classes: Sequence[str], ignore_unknown: bool
) -> tuple[dict[str, str], list[str]]:
    """Those of `classes` that the network knows, with its names, and notes of the others.

    Raises:
        DatasetError: it knows none, or not all, and `ignore_unknown` is false.
    """
    matches = {x: matching(x, run.classes) for x in classes}
    known = {x: y for x, y in matches.items() if y is not None}
    unknown = [x for x in classes if x not in known]
    if not known or (unknown and not ignore_unknown):
        raise DatasetError(
            f"{printable(data)} has classes that the network does not know: "
            f"{listed_classes(unknown)}; it knows {listed_classes(run.classes)}"
            + lookalikes(unknown, run.classes)
            + ("; --ignore-unknown leaves them out" if known else "")
        )
    return known, list(_notes(run, data, unknown, known))


def _notes(
    run: Run, data: Path, unknown: Sequence[str], known: Mapping[str, str]
) -> Iterator[str]:
    """What is left out of `data`, whose classes in `known` are those of the run."""
    if unknown:
        yield f"left out, unknown to the network: {listed_classes(unknown)}"
    for name, count in Counter(known.values()).items():
        if count > 1:
            same = [quoted(x) for x, y in known.items() if y == name]
            yield f"{' and '.join(same)} are one class, {quoted(name)}"
    if missing := [x for x in run.classes if x not in known.values()]:
        kind = "folder" if data.is_dir() else "image"
        yield f"no {kind} for {listed_classes(missing)}"


def evaluate(
    classifier: Classifier,
    images: LabeledImages,
    progress: ProgressCallback,
    top: int | None = None,
) -> Evaluation:
    """The evaluation of the classifier's run on `images`, each of them once.

    `top` is the K of top-K accuracy; by default 5 where there are more classes.

    Raises:
        DatasetError: none of them can be read.
        RunError: split.csv is damaged.
    """
    run = classifier.run
    trained_on = run.digests_of(TRAIN)
    predictions: list[Prediction] = []
    for prediction in classifier.predict(images.unread(run.preprocess)):
        predictions.append(_unchanged(prediction, images, len(predictions)))
        progress(len(predictions), len(images.files))
    pairs = zip(predictions, images.labels, strict=True)
    found = [(x.probabilities, i) for x, i in pairs if x.probabilities is not None]
    if not found:
        raise _all_unreadable(images, predictions)
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
        metrics=metric_values(with_top(run, top), scores, probabilities, labels),
        source=classifier.source,
        tta=classifier.tta,
    )


def _all_unreadable(
    images: LabeledImages, predictions: Sequence[Prediction]
) -> DatasetError:
    first = "".join(f"; {printable(x.file)} {x.error}" for x in predictions[:1])
    others = "; name others with --data" if images.digests else ""
    return DatasetError(f"none of the images can be read{first}{others}")


def _unchanged(prediction: Prediction, images: LabeledImages, number: int) -> Prediction:
    """The prediction for image `number`, or an error if that is another one than it was."""
    digest = images.digests[number] if images.digests else prediction.digest
    if prediction.error or prediction.digest == digest:
        return prediction
    error = "has other content than when the run was trained"
    return replace(prediction, probabilities=None, error=error)


def compare(own: Evaluation, other: Classifier, progress: ProgressCallback) -> Comparison:
    """The run of `other` on the images of `own`; classes are matched by name.

    Raises:
        RunError: `other` does not know a class of the run of `own`.
    """
    known, classes = other.run.classes, own.run.classes
    matches = {x: matching(x, known) for x in classes}
    places = {x: known.index(y) for x, y in matches.items() if y is not None}
    if unknown := [x for x in classes if x not in places]:
        raise RunError(
            f"{printable(other.run.path)} does not know {listed_classes(unknown)}"
            + lookalikes(unknown, known)
        )
    labels = tuple(places[classes[x]] for x in own.images.labels)
    second = evaluate(other, replace(own.images, labels=labels), progress)
    test = mcnemar(own.correct, second.correct)
    return Comparison(second.scores.top1, test, second.trained_on, second.run)
