"""What train, evaluate and predict do once their options are understood.

TensorFlow starts as late as it can: after folders and Runs have been found good.
"""

import dataclasses
import glob
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from . import show
from .errors import DatasetError, Interrupted, RunError, shown
from .recipe import Recipe
from .run import INTERRUPTED, Run, csv_line, new_run, require_space, staged, write_csv

if TYPE_CHECKING:
    from .evaluation import Evaluation, Judged
    from .gather import Found, Gathered
    from .inference import Answer
    from .trainer import Trained
    from .weights import Fit


@dataclass(frozen=True)
class Training:
    """What `alexnet train` is asked for beside its recipe."""

    data: Path
    classes: str | None
    out: Path
    overwrite: bool
    run_name: str
    strict: bool
    against: Path | None
    allow_overlap: bool


def train(asked: Training, recipe: Recipe) -> None:
    """Train `recipe` on a folder and leave a Run.

    Raises:
        DatasetError: `strict` and a bad file, or pictures of `against` in the data.
        Interrupted: after Ctrl-C, whether or not a Run could be kept.
    """
    from .dataset import read_classes
    from .device import start_tensorflow
    from .gather import find

    found = find(asked.data, read_classes(asked.classes) if asked.classes else ())
    show.found(found)
    recipe, start = _start(recipe, found.classes)
    run = new_run(asked.out, recipe, found.classes, asked.data)
    require_space(run)
    with staged(asked.out, asked.overwrite) as place:
        gathered = _gathered(found, asked, recipe)
        run = dataclasses.replace(run, path=place)
        run.write_records(gathered.split, gathered.bad)
        examples = (gathered.training, gathered.validation)
        # Training is the peak of memory; names and fingerprints have done their part.
        del found, gathered
        start_tensorflow()
        from . import trainer

        trained = trainer.train(
            run, *examples, report=show.EpochLine(), name=asked.run_name, start=start
        )
    _tell(trained, asked.out)


def _start(recipe: Recipe, classes: tuple[str, ...]) -> tuple[Recipe, Sequence["Fit"]]:
    """The weights to begin with, and the recipe that prepares pictures as they expect.

    Raises:
        WeightsError: they cannot be read, or expect other pictures than are asked for.
    """
    if recipe.weights is None:
        return recipe, ()
    from .weights import fits, fitting, frozen, source

    arch = recipe.architecture()
    frozen(arch, recipe.freeze)
    begin = source(Path(recipe.weights), arch)
    recipe = fitting(recipe, begin)
    rows = fits(begin, arch, len(classes))
    show.weights(begin, rows)
    return recipe, rows


def _gathered(found: "Found", asked: Training, recipe: Recipe) -> "Gathered":
    """The decoded pictures, if they are what was asked for."""
    from .gather import gather, refuse_overlap

    with show.counting("decoding") as progress:
        gathered = gather(found, recipe, progress)
    show.gathered(gathered)
    if asked.strict and gathered.bad:
        raise DatasetError(f"--strict: {len(gathered.bad)} file(s) cannot be used")
    if asked.against and not asked.allow_overlap:
        refuse_overlap(gathered, asked.against)
    return gathered


def _tell(trained: "Trained", out: Path) -> None:
    """What came of training, and where it lies."""
    from . import plots

    show.say()
    if trained.reason:
        show.say(f"stopped: {trained.reason}")
    if not trained.lite:
        show.say("no model.tflite: its answers differed; TensorFlow will answer, slower")
    if not plots.available():
        show.say("no plots: they need matplotlib, pip install 'alexnet[plots]'")
    epoch = int(trained.run.metrics["epoch"])
    click.echo(
        f"{shown(out)}: epoch {epoch} kept, validation accuracy {trained.scores.top1:.4f} "
        f"({trained.scores.images} pictures)"
    )
    if trained.run.status == INTERRUPTED:
        raise Interrupted(f"interrupted; epoch {epoch} is kept in {shown(out)}")


@dataclass(frozen=True)
class Verdict:
    """An evaluation with the Run and the pictures it is about."""

    run: Run
    judged: "Judged"
    evaluation: "Evaluation"


def evaluate(model: Path, data: Path | None, ignore_unknown: bool, tta: str) -> Verdict:
    """Judge the Run at `model` on `data`, or on its own held-out pictures."""
    from . import evaluation
    from .inference import Classifier

    run = Run.open(model)
    judged = (
        evaluation.folder(run, data, ignore_unknown) if data else evaluation.held_out(run)
    )
    show.say(f"{shown(data or run.data)}: {len(judged.files)} files")
    show.notes(judged.notes)
    classifier = Classifier(run, tta)
    with show.counting("evaluating") as progress:
        result = evaluation.evaluate(classifier, judged, progress)
    if data and result.trained_on:
        show.say(
            f"warning: the network was trained on {result.trained_on} of these pictures"
        )
    show.notes([f"{shown(x.file)} {x.error}" for x in result.unreadable])
    return Verdict(run, judged, result)


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
    from . import plots

    if not plots.available():
        raise RunError("--plot needs matplotlib: pip install 'alexnet[plots]'")
    scores = verdict.evaluation.scores
    title = f"top-1 {scores.top1:.1%} of {scores.images} pictures"
    plots.save(plots.confusion(scores, title), file)


def predict(
    sources: Sequence[str],
    model: Path,
    top: int,
    form: str,
    draw: Path | None,
    stdin: IO[bytes],
) -> int:
    """Print an answer for every picture of `sources`; how many could not be read."""
    from .inference import Classifier, answers

    run = Run.open(model)
    files = list(_files(sources, stdin))
    if draw:
        draw.mkdir(parents=True, exist_ok=True)
    classifier = Classifier(run)
    top = min(top, len(run.classes))
    if form == "csv":
        columns = [f"{x}_{i + 1}" for i in range(top) for x in ("label", "probability")]
        click.echo(csv_line(["file", "error", *columns]))
    bad = 0
    for number, answer in enumerate(answers(classifier, files)):
        named = [(run.classes[i], p) for i, p in answer.top(top)]
        _print(answer, named, form)
        bad += bool(answer.error)
        if draw and named:
            _draw(answer.file, named[0], draw, number, files)
    return bad


def _print(answer: "Answer", named: list[tuple[str, float]], form: str) -> None:
    if form == "json":
        classes = [{"label": n, "probability": round(p, 6)} for n, p in named]
        error = {"error": answer.error} if answer.error else {}
        click.echo(json.dumps({"file": str(answer.file), **error, "classes": classes}))
    elif form == "csv":
        cells = [x for n, p in named for x in (n, f"{p:.6f}")]
        line = csv_line([answer.file, answer.error, *cells])
        click.echo(os.fsencode(line))
    elif answer.error:
        click.echo(f"{shown(answer.file)}: error: {answer.error}")
    else:
        text = ", ".join(f"{shown(n)} {p:.1%}" for n, p in named)
        click.echo(f"{shown(answer.file)}: {text}")


def _draw(
    file: Path, named: tuple[str, float], folder: Path, number: int, files: list[Path]
) -> None:
    from .images import decode
    from .plots import labelled

    twice = sum(x.name == file.name for x in files) > 1
    name = f"{number:05}-{file.name}" if twice else file.name
    if file.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        name += ".jpg"
    if (folder / name).exists() and (folder / name).samefile(file):
        raise DatasetError(f"--draw {shown(folder)} would overwrite {shown(file)}")
    picture = labelled(decode(file), f"{shown(named[0])} {named[1]:.1%}")
    picture.save(folder / name, quality=90)


def _files(sources: Sequence[str], stdin: IO[bytes]) -> Iterator[Path]:
    """Every picture file that `sources` mean, in order.

    Raises:
        DatasetError: a source means no file at all.
    """
    from .dataset import pictures_below

    for source in sources:
        path = Path(source)
        if source == "-":
            names = stdin.read().split(b"\n")
            yield from (Path(os.fsdecode(x)) for x in names if x.strip())
        elif path.is_dir():
            below = list(pictures_below(path))
            if not below:
                raise DatasetError(f"{shown(path)} holds no pictures")
            yield from below
        elif not path.exists() and glob.has_magic(source):
            # Path.glob takes no absolute pattern.
            matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207
            if not matches:
                raise DatasetError(f"{shown(source)} matches no file")
            yield from (Path(x) for x in matches if not Path(x).is_dir())
        else:
            yield path
