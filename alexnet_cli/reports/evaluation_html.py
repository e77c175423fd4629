"""An evaluation as one HTML page: scores, curves, mistakes with heat maps, kernels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..arrays import Array, Floats
from ..backend.startup import start_tensorflow
from ..dataset import images
from ..dataset.standardize import boxes, crop, standardize
from ..errors import printable
from ..evaluation.result import Evaluation
from ..inference.network import load_mean_image, load_network
from ..model.architecture import trace
from ..model.layer_specs import Conv
from ..run.run import Run
from . import plots, sheets
from .html import data_uri, render
from .traced import data_text, run_row, run_text

MOST_MISTAKES = 24
MOST_CORRECT = 12
_VIEWS = {
    "none": "the central {0} x {0}",
    "flip": "the central {0} x {0} and its mirror image",
    "two-scale": "all of it and the central square with 3/4 of its side, both resized to "
    "{0} x {0}, and their mirror images",
    "ten-crop": "{0} x {0} in the center and the corners, and their mirror images",
}


def page(evaluation: Evaluation) -> str:
    """The HTML page about `evaluation`."""
    start_tensorflow()
    run = evaluation.run
    network = load_network(run)
    return render(
        "evaluation.html",
        title=f"{printable(run.path)} on {evaluation.scores.images} images",
        fine=not evaluation.trained_on,
        verdict=_verdict(evaluation),
        facts=list(_facts(evaluation)),
        curves=_curves(run),
        confusion=_figure(plots.confusion(evaluation.scores, _title(evaluation))),
        classes=list(_classes(evaluation)),
        reliability=_figure(plots.reliability(evaluation.reliability)),
        examples=list(_examples(evaluation, network)),
        kernels=_kernels(run, network),
    )


def _title(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    return f"Top-1 accuracy {scores.top1:.1%} on {scores.images} images"


def _verdict(evaluation: Evaluation) -> str:
    low, high = evaluation.intervals.top1
    text = f"{_title(evaluation)}, 95% interval {low:.1%} to {high:.1%}."
    if evaluation.trained_on:
        text += f" The network was trained on {evaluation.trained_on} of these images."
    compared = evaluation.comparison
    if compared:
        test = compared.test
        text += (
            f" The other run: {compared.top1:.1%}. Only this run is correct on "
            f"{test.only_first} images, only the other run on {test.only_second}; "
            f"McNemar's test: p = {test.p:.3g}."
        )
    return text


def _facts(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    run, row = evaluation.run, run_row(evaluation.run, evaluation.source)
    yield "evaluated on", printable(data_text(evaluation))
    yield "digest of these images", evaluation.data_digest
    yield "run", printable(row["path"])
    parameters = sum(x.parameters for x in trace(run.architecture, len(run.classes)))
    preprocess = run.preprocess
    yield "network", f"{run.architecture.name}, {parameters:,} parameters"
    yield (
        "images",
        f"resized to {preprocess.stored_size} x {preprocess.stored_size} pixels "
        f"({preprocess.resize_mode}); the network sees "
        + _VIEWS[evaluation.tta].format(preprocess.input_size),
    )
    if run.data:
        yield "trained on", printable(run.data)
        yield "digest of its images", row["data_digest"] or "not recorded"
    if "epoch" in run.metrics:
        accuracy = run.metrics.get("val_accuracy", float("nan"))
        yield (
            "best epoch",
            f"{run.metrics['epoch']:.0f}, validation accuracy {accuracy:.1%}",
        )
    for name, value in evaluation.metrics.items():
        yield f"{name} on these images", f"{value:.4f}"
    yield "temperature", f"{run.temperature:.3f}"
    commit = f", commit {row['commit']}" if row["commit"] else ""
    yield "made by", f"alexnet {row['alexnet'] or 'of unknown version'}{commit}"
    yield "created", run.created
    yield "digest of its weights", row["weights_digest"] or "not recorded"
    if evaluation.comparison:
        yield "other run", printable(run_text(evaluation.comparison.run))


def _figure(figure: Any) -> str:
    return data_uri(Image.fromarray(plots.rendered(figure)), "PNG")


def _curves(run: Run) -> str:
    """The figure of loss and metrics over epochs; empty for an imported run."""
    rows = run.history()
    if not rows or "epoch" not in run.metrics:
        return ""
    names = run.recipe.stopping.metric_names()
    return _figure(plots.curves(rows, names, int(run.metrics["epoch"])))


def _classes(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """The scores of each class, the worst F1 first."""
    rows = evaluation.scores.occurring().classes
    for x in sorted(rows, key=lambda x: (x.f1 is None, x.f1)):
        numbers = ("-" if v is None else f"{v:.3f}" for v in (x.precision, x.recall, x.f1))
        yield {
            "name": printable(x.name),
            "numbers": list(numbers),
            "support": x.support,
            "bar": round(200 * (x.f1 or 0)),
        }


@dataclass(frozen=True)
class _Example:
    """One prediction, to be shown with its heat map; labels are indices of classes."""

    number: int
    """Of the image, from 0."""
    file: Any
    label: int
    predicted: int
    confidence: float


def _examples(
    evaluation: Evaluation, network: Any
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Titles and cards of the most confident predictions, wrong and correct."""
    from ..inference.gradcam import HeatMaps

    run = evaluation.run
    maps = HeatMaps(network, run.architecture)
    examples = [
        _Example(i, x.file, label, *x.ranked(1)[0])
        for i, (x, label) in enumerate(
            zip(evaluation.predictions, evaluation.images.labels, strict=True)
        )
        if not x.error
    ]
    examples.sort(key=lambda x: -x.confidence)
    wrong = [x for x in examples if x.label != x.predicted]
    correct: dict[int, _Example] = {}
    for x in examples:
        if x.label == x.predicted:
            correct.setdefault(x.label, x)
    mistakes, right = wrong[:MOST_MISTAKES], list(correct.values())[:MOST_CORRECT]
    encoded = evaluation.images.encoded(x.number for x in (*mistakes, *right))
    for title, chosen in (
        ("Most confident mistakes", mistakes),
        ("Most confident correct prediction per class", right),
    ):
        yield title, [_card(evaluation, maps, x, encoded[x.number]) for x in chosen]


def _card(
    evaluation: Evaluation, maps: Any, example: _Example, encoded: bytes | Path
) -> dict[str, str]:
    """The card of an image, given as a file or its bytes: the first view of it."""
    run = evaluation.run
    pixels = images.load(encoded, run.preprocess)[None]
    box = boxes(run.preprocess, evaluation.tta)[0]
    inputs = standardize(pixels, run.preprocess, load_mean_image(run), box)
    heat: Floats = maps(inputs, np.array([example.predicted]))[0]
    side = run.preprocess.input_size
    inside = Image.fromarray(crop(pixels, box[2], box[:2])[0])
    seen = np.asarray(inside.resize((side, side), Image.Resampling.BILINEAR))
    pair = np.concatenate([seen, sheets.heated(seen, heat)], axis=1)
    image = Image.fromarray(pair)
    image.thumbnail((256, 128))
    text = f"{run.classes[example.predicted]} {example.confidence:.1%}"
    if example.label != example.predicted:
        text += f", true class {run.classes[example.label]}"
    return {
        "image": data_uri(image),
        "text": printable(text),
        "file": printable(example.file),
    }


def _kernels(run: Run, network: Any) -> str:
    from ..model.model import layers_of

    first = next(x.name for x in trace(run.architecture, 2) if isinstance(x.layer, Conv))
    weights: list[Array] = [np.asarray(x.kernel) for x in layers_of(network, first)]
    sheet = sheets.kernels(np.concatenate(weights, axis=-1))
    return data_uri(Image.fromarray(sheet), "PNG")
