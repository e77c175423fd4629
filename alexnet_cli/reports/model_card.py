"""README.md of a run and of its exported models: a card, as the Hugging Face hub reads it.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting"; the hub's specification
of model cards for the block at its top, whose YAML is written as JSON.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from ..errors import printable
from ..evaluation.calibration import expected_calibration_error, reliability
from ..evaluation.proof import DRAWN_IMAGES, VALIDATION_IMAGES
from ..evaluation.significance import bootstrap
from ..run.files import read_csv
from ..run.run import Run
from .models_table import size_text

CARD = "README.md"
# Markdown, in which names are escaped by `_cell`.
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("alexnet_cli.reports"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    autoescape=False,
)
_LICENSES = ("LICENSE.txt", "LICENSE", "LICENSE.md", "LICENCE.txt", "LICENCE", "COPYING")
_VIEWS = {
    "none": [],
    "flip": ["the mirrored view"],
    "two-scale": ["views of two sizes", "their mirror images"],
    "ten-crop": ["ten crops"],
}
_PARTS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class CardAccuracy:
    """Top-1 accuracy on some images, 0 to 1."""

    on: str
    images: int
    top1: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"Top-1 accuracy on {self.images} {self.on}: {self.top1:.1%}, 95 % interval "
            f"{low:.1%} to {high:.1%}."
        )


def card(run: Run, record: Mapping[str, Any] | None = None, data_license: str = "") -> str:
    """README.md of `run`, or of the models that export.json, `record`, lists.

    `data_license` says whose the training images are; by default a file of that name in
    their folder is looked for.
    """
    found = list(_accuracies(run, record))
    return _TEMPLATES.get_template("card.md").render(
        license="other",
        tags=json.dumps(["image-classification", "alexnet", run.architecture.name]),
        index=json.dumps(_index(run, found)),
        title=_cell(run.title),
        network=run.architecture.name,
        origin=f"The network: {_cell(run.architecture.source)}.",
        version=metadata.version("alexnet"),
        created=run.created[:10] or "an unknown day",
        parts=[_PARTS[x] for x in _parts(run)],
        counts=_counts(run),
        results=[*map(str, found), *_confidence(run)] or ["It has not been measured."],
        limits=list(_limits(run, record)),
        data=_cell(data_license) or _data(run),
        steps=run.preprocess.steps(),
        size=run.preprocess.stored_size,
        inside=", ".join(["crop", "standardization", *_VIEWS[run.recipe.inference.tta]]),
        models=_models(record),
        snippets=_snippets("exported" if record else "run", run),
    )


def _cell(text: str) -> str:
    """`text` as one line of Markdown that is only text."""
    line = printable(text)
    return "".join(f"\\{x}" if x in "\\`*_{}[]<>|#~$" else x for x in line)


def _parts(run: Run) -> list[str]:
    """The parts of split.csv that have images."""
    found = {x["split"] for x in run.split()}
    return [x for x in _PARTS if x in found]


def _counts(run: Run) -> list[tuple[str, list[int]]]:
    """For each class the number of images in each of `_parts`."""
    counts = Counter((x["class"], x["split"]) for x in run.split())
    parts = _parts(run)
    return [(_cell(x), [counts[x, part] for part in parts]) for x in run.classes]


def _accuracies(run: Run, record: Mapping[str, Any] | None) -> Iterator[CardAccuracy]:
    """What was measured: by the export, if there was one, and on the validation images."""
    own = (record or {}).get("run", {})
    if record and own.get("accuracy") is not None and not _repeats(record, run):
        low, high = own["accuracy_interval"]
        name = printable(record["images"]["from"])
        seen = record["images"].get("trained_on", 0)
        name += f", {seen} of which it was trained on" if seen else ""
        yield CardAccuracy(name, own["images"], own["accuracy"], (low, high))
    if run.validation.is_file():
        rows = read_csv(run.validation, {"class", "predicted"})
        index = {x: i for i, x in enumerate(run.classes)}
        confusion = np.zeros((len(index), len(index)), np.int64)
        for row in rows:
            confusion[index[row["class"]], index[row["predicted"]]] += 1
        top1 = float(np.trace(confusion) / confusion.sum())
        on = "validation images, which also chose the epoch"
        yield CardAccuracy(on, len(rows), top1, bootstrap(confusion).top1)


def _repeats(record: Mapping[str, Any], run: Run) -> bool:
    """Whether the export was judged on the images of validation.csv."""
    same = record["images"]["from"] == VALIDATION_IMAGES
    return bool(same and run.validation.is_file())


def _is_independent(record: Mapping[str, Any] | None) -> bool:
    """Whether the export was judged on images that took no part in training."""
    images = (record or {}).get("images", {})
    unseen = not images.get("trained_on")
    return (
        bool(images) and unseen and images["from"] not in (VALIDATION_IMAGES, DRAWN_IMAGES)
    )


def _index(run: Run, found: list[CardAccuracy]) -> list[dict[str, Any]]:
    """What the hub shows beside the card."""
    task = {"type": "image-classification"}
    results = [
        {
            "task": task,
            "dataset": {"name": x.on, "type": "image_folder"},
            "metrics": [{"type": "accuracy", "value": round(x.top1, 4)}],
        }
        for x in found
    ]
    return [{"name": run.architecture.name, "results": results}]


def _confidence(run: Run) -> Iterator[str]:
    known = run.confidences() if run.validation.is_file() else []
    if known:
        confidence, right = (np.array(x) for x in zip(*known, strict=True))
        two = np.stack([confidence, 1 - confidence], axis=1)
        fitted = run.temperature != 1
        error = expected_calibration_error(reliability(two, (~right).astype(np.int64)))
        yield (
            f"Expected calibration error {error:.3f} on the validation images"
            + (f", which chose its temperature, {run.temperature:.3g}" if fitted else "")
            + "."
        )
    if run.threshold > 0:
        yield f'Below a confidence of {run.threshold:.2f} the answer is "unknown".'


def _limits(run: Run, record: Mapping[str, Any] | None) -> Iterator[str]:
    if not _is_independent(record):
        yield "Images that took no part in its training and its choices."
    yield "Pictures from other sources than its training images, as other cameras."
    names = "it may name one of them" if run.threshold > 0 else "it names one of them"
    yield f"Pictures of none of its classes: {names} all the same, perhaps with confidence."
    yield "Damaged, drawn or manipulated pictures, and uses in which a mistake does harm."


def _data(run: Run) -> str:
    for name in _LICENSES if run.data else ():
        if Path(run.data, name).is_file():
            return f"The training images come with a license, `{name}` in their folder."
    return "The license of the training images was not given."


def _models(record: Mapping[str, Any] | None) -> list[list[str]]:
    rows = []
    for x in (record or {}).get("exports", []):
        scores = ("-", "-")
        if x["accuracy"] is not None:
            failed = "" if x.get("passed", True) else " (too much)"
            scores = (f"{x['accuracy']:.1%}", f"{x['drop']:+.1%}{failed}")
        numbers = (f"{x['agreement']:.1%}", f"{x['largest_difference']:.5f}")
        on = _cell(x.get("compared_on", ""))
        rows.append([f"`{x['file']}`", size_text(x["bytes"]), *numbers, *scores, on])
    return rows


def _snippets(kind: str, run: Run) -> list[tuple[str, str]]:
    """Programs that load the model, by language."""
    folder = resources.files("alexnet_cli.reports") / "templates" / "snippets"
    fits = {
        "squash": '"fill"',
        "crop": '"cover"',
        "pad": '"contain", background: "#7f7f7f"',
    }
    values = {
        "SIZE": str(run.preprocess.stored_size),
        "FIT": fits[run.preprocess.resize_mode],
        "NAME": run.path.name,
    }
    found = []
    for language in ("Python", "JavaScript", "Java", "Shell"):
        file = folder / f"{kind}.{language.lower()}"
        if file.is_file():
            code = file.read_text("utf-8").rstrip()
            for word, value in values.items():
                code = code.replace(word, value)
            found.append((language, code))
    return found
