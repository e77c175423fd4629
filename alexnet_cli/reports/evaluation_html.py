"""An evaluation as one HTML page: numbers, curves, mistakes, and where the network looked."""

import csv
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from ..arrays import Floats
from ..backend.startup import start_tensorflow
from ..dataset import images
from ..dataset.standardize import crop, standardize
from ..errors import printable
from ..evaluation.evaluate import Comparison, Evaluation, LabeledImages
from ..inference.classifier import Prediction
from ..inference.network import load_mean_image, load_network
from ..model.architecture import trace
from ..model.layer_specs import Conv
from ..run.run import Run
from . import html, plots
from .html import safe

MOST_MISTAKES = 24

MOST_LOOKS = 12


def page(
    run: Run, judged: LabeledImages, found: Evaluation, compared: Comparison | None = None
) -> str:
    """The page about `found`, the evaluation of `run` on `judged`."""
    start_tensorflow()
    network = load_network(run)
    parts = (
        _verdict(found, compared),
        _table(_facts(run)),
        _curves(run),
        _section("Confusion", _figure(plots.confusion(found.scores, _title(found)))),
        _section("Classes", _classes(found)),
        _section(
            "How sure, and how often right", _figure(plots.reliability(found.reliability))
        ),
        *_looks(run, network, judged, found),
        _section("What the first layer learned", _kernels(run, network)),
    )
    return html.page(
        f"{printable(run.path)} on {found.scores.images} pictures", "".join(parts)
    )


def _title(found: Evaluation) -> str:
    return f"top-1 {found.scores.top1:.1%} of {found.scores.images} pictures"


def _verdict(found: Evaluation, compared: Comparison | None) -> str:
    low, high = found.intervals.top1
    text = f"{_title(found)}; 95 % interval {low:.1%} to {high:.1%}."
    if found.trained_on:
        text += f" The network was trained on {found.trained_on} of these pictures."
    if compared:
        test = compared.test
        text += (
            f" The other Run: {compared.top1:.1%}; right alone {test.only_first} and "
            f"{test.only_second}, McNemar's test p = {test.p:.3g}."
        )
    kind = "wrong" if found.trained_on else "fine"
    return f"<p class={kind}>{safe(text)}"


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    layers = list(trace(run.architecture, len(run.classes)))
    yield (
        "network",
        f"{run.architecture.name}, {sum(x.parameters for x in layers):,} parameters",
    )
    yield (
        "pictures",
        f"{run.preprocess.resize} to {run.preprocess.size} pixels, the centre {run.preprocess.crop} seen",
    )
    if run.data:
        yield "trained on", printable(run.data)
    if "epoch" in run.metrics:
        yield (
            "kept",
            f"epoch {run.metrics['epoch']:.0f}, validation accuracy {run.metrics.get('val_accuracy', float('nan')):.4f}",
        )
    yield "temperature", f"{run.temperature:.3f}"
    yield "created", run.created


def _table(rows: Iterator[tuple[str, str]]) -> str:
    return (
        "<table>" + "".join(f"<tr><th>{safe(k)}<td>{safe(v)}" for k, v in rows) + "</table>"
    )


def _section(title: str, body: str) -> str:
    return f"<h2>{safe(title)}</h2><div class=wide>{body}</div>"


def _figure(figure: Any) -> str:
    return html.picture(Image.fromarray(plots.rendered(figure)), form="PNG")


def _curves(run: Run) -> str:
    """Loss and metrics over epochs; an imported Run has none."""
    file = run.path / "history.csv"
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8", newline="") as x:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(x)]
    best = int(run.metrics["epoch"])
    return _section("Training", _figure(plots.curves(rows, run.recipe, best)))


def _classes(found: Evaluation) -> str:
    rows = []
    for x in sorted(found.scores.occurring().classes, key=lambda x: (x.f1 is None, x.f1)):
        cells = (x.precision, x.recall, x.f1)
        numbers = "".join(f"<td class=n>{'-' if v is None else f'{v:.3f}'}" for v in cells)
        bar = f"<div class=bar style='width:{round(200 * (x.f1 or 0))}px'></div>"
        rows.append(
            f"<tr><th>{safe(printable(x.name))}{numbers}<td class=n>{x.support}<td>{bar}"
        )
    head = "<tr><th>class<td>precision<td>recall<td>F1<td>pictures<td>"
    return f"<table>{head}{''.join(rows)}</table>"


def _looks(
    run: Run, network: Any, judged: LabeledImages, found: Evaluation
) -> Iterator[str]:
    """The most confident mistakes, and a right answer of each class, with heat maps."""
    from ..inference.gradcam import HeatMaps

    maps = HeatMaps(network, run.architecture)
    told = [
        (answer, label, *answer.top(1)[0])
        for answer, label in zip(found.answers, judged.labels, strict=True)
        if not answer.error
    ]
    told.sort(key=lambda x: -x[3])
    wrong = [x for x in told if x[1] != x[2]][:MOST_MISTAKES]
    right: dict[int, tuple[Prediction, int, int, float]] = {}
    for row in told:
        if row[1] == row[2]:
            right.setdefault(row[1], row)
    for title, rows in (
        ("Most confident mistakes, and what spoke for them", wrong),
        ("The surest right answer of each class", list(right.values())[:MOST_LOOKS]),
    ):
        cards = "".join(_card(run, maps, row) for row in rows)
        yield _section(title, f"<div class=cards>{cards or 'none'}</div>")


def _card(run: Run, maps: Any, row: tuple[Prediction, int, int, float]) -> str:
    answer, label, told, probability = row
    pixels = images.load(answer.file, run.preprocess)[None]
    inputs = standardize(pixels, run.preprocess, load_mean_image(run))
    heat: Floats = maps(inputs, np.array([told]))[0]
    seen = crop(pixels, run.preprocess.crop)[0]
    both = np.concatenate([seen, plots.heated(seen, heat)], axis=1)
    text = f"{run.classes[told]} {probability:.1%}"
    if label != told:
        text += f", in truth {run.classes[label]}"
    image = Image.fromarray(both)
    image.thumbnail((256, 128))
    return (
        f"<div class=card>{html.picture(image, text)}"
        f"<div class=name><b>{safe(printable(text))}</b><br>{safe(printable(answer.file))}</div></div>"
    )


def _kernels(run: Run, network: Any) -> str:
    from ..model.model import layers_of

    first = next(x.name for x in trace(run.architecture, 2) if isinstance(x.layer, Conv))
    weights = [np.asarray(x.kernel) for x in layers_of(network, first)]
    sheet = plots.kernels(np.concatenate(weights, axis=-1))
    return html.picture(Image.fromarray(sheet), "first-layer kernels", "PNG")
