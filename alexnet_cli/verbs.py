"""The commands but `train`: parse, call one function, print."""

import sys
from pathlib import Path

import click

from . import show
from .architecture import ARCHITECTURES, trace
from .errors import AnswerIsNo, shown
from .recipe import TTA
from .variants import NORMS, with_dropout, with_norm

FOLDER = click.Path(path_type=Path)
MODEL = click.option(
    "--model", default="saved", show_default=True, type=FOLDER, help="Run directory to use."
)


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
    from . import judging

    verdict = judging.evaluate(
        model, data, ignore_unknown=ignore_unknown, tta=tta, against=compare
    )
    scores, unreadable = verdict.evaluation.scores, verdict.evaluation.unreadable
    if as_json:
        click.echo(show.scores_json(verdict.evaluation, verdict.comparison))
    else:
        click.echo("\n".join(show.scores(verdict.evaluation, verdict.comparison)))
    if csv_file:
        judging.write_per_image(csv_file, verdict)
    if plot_file:
        judging.write_plot(plot_file, verdict)
    if plot_reliability:
        judging.write_reliability(plot_reliability, verdict)
    if report:
        judging.write_report(report, verdict)
    if assert_accuracy is not None and scores.top1 < assert_accuracy:
        raise AnswerIsNo(f"top-1 accuracy {scores.top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        raise AnswerIsNo(
            f"{len(unreadable)} picture(s) cannot be read and are not in these numbers"
        )


@click.command("predict")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@MODEL
@click.option(
    "--top", default=3, show_default=True, type=click.IntRange(1), help="Classes to name."
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object a picture.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--draw", type=FOLDER, help="Write each picture with its class on it into this folder."
)
@click.option(
    "--reject",
    type=click.FloatRange(0.01, 1),
    metavar="PRECISION",
    help="Answer unknown below the probability from which on this share of the "
    "validation answers was right. [default: as trained]",
)
def predict_command(
    *,
    images: tuple[str, ...],
    model: Path,
    top: int,
    form: str | None,
    draw: Path | None,
    reject: float | None,
) -> None:
    """Name what is on IMAGE: files, folders, globs, or - for a list on stdin."""
    from .naming import Wish, predict

    wish = Wish(top, form or "text", draw, reject)
    bad = predict(images, model, wish, sys.stdin.buffer)
    if bad:
        raise AnswerIsNo(f"{bad} picture(s) cannot be read")


@click.command("models")
@click.argument("name", required=False, type=click.Choice(list(ARCHITECTURES)))
@click.option(
    "--classes", type=click.IntRange(1), help="Class count. [default: the publication's]"
)
@click.option(
    "--norm",
    default="table",
    type=click.Choice(NORMS),
    help="As in train.",
)
@click.option("--dropout", type=click.FloatRange(0, 0.95), help="As in train.")
def models_command(
    name: str | None, classes: int | None, norm: str, dropout: float | None
) -> None:
    """List the networks, or the layers of one."""
    if name is None:
        rows = [("name", "input", "classes", "parameters", "what it is")]
        for arch in ARCHITECTURES.values():
            total = sum(x.parameters for x in trace(arch, arch.classes))
            numbers = (str(arch.input_size), str(arch.classes), f"{total:,}")
            rows.append((arch.name, *numbers, arch.source))
        # The last column is prose: keep it left.
        width = len(rows[0])
        for line, row in zip(show.table([x[: width - 1] for x in rows]), rows, strict=True):
            click.echo(f"{line}  {row[-1]}")
        return
    arch = with_dropout(with_norm(ARCHITECTURES[name], norm), dropout)
    layers = list(trace(arch, classes or arch.classes))
    click.echo(f"{name}: {arch.source}\n")
    rows = [("layer", "type", "output", "parameters")]
    rows += [
        (x.name, type(x.layer).__name__, " x ".join(map(str, x.shape)), f"{x.parameters:,}")
        for x in layers
    ]
    click.echo("\n".join(show.table(rows, left=3)))
    total, trained = (
        sum(getattr(x, k) for x in layers) for k in ("parameters", "trainable")
    )
    click.echo(f"\ntotal {total:,}, trainable {trained:,}")


@click.command("import")
@click.argument("weights")
@click.option("--out", required=True, type=FOLDER, help="Run directory to write.")
@click.option(
    "--classes",
    help="Names of the outputs, a,b,c or @FILE. [default: ImageNet's 1000]",
)
@click.option("--overwrite", is_flag=True, help="Replace a Run that is at --out.")
def import_command(weights: str, out: Path, classes: str | None, overwrite: bool) -> None:
    """Make a Run of WEIGHTS that others trained: a file, or imagenet to download."""
    from .commands import import_weights

    import_weights(weights, classes, out, overwrite)


@click.command("fetch")
@click.argument("what", type=click.Choice(["flowers", "imagenet"]))
@click.option(
    "--to",
    type=FOLDER,
    help="Folder to put it into. [default: data; weights: where --weights looks]",
)
@click.option("--mirror", metavar="URL", help="Fetch the same file from another address.")
def fetch_command(what: str, to: Path | None, mirror: str | None) -> None:
    """Download the five flowers, 229 MB, or weights trained on ImageNet, 233 MB."""
    import dataclasses
    import os

    from .fetch import FLOWERS, IMAGENET, cache_folder, fetch

    source, usual = {
        "flowers": (FLOWERS, Path("data")),
        "imagenet": (IMAGENET, cache_folder(os.environ)),
    }[what]
    if mirror:
        source = dataclasses.replace(source, url=mirror)
    with show.counting("fetching") as progress:
        file = fetch(source, to or usual, progress)
    click.echo(shown(file))


@click.command("sample")
@click.argument("folder", type=FOLDER)
@click.option(
    "--photos",
    default=100,
    show_default=True,
    type=click.IntRange(2),
    help="Pictures a class.",
)
@click.option(
    "--tests",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Test pictures a class.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Of what is drawn."
)
def sample_command(folder: Path, photos: int, tests: int, seed: int) -> None:
    """Draw a small data set into FOLDER, to try things out without any photos."""
    from .sample import draw_sample

    for path in draw_sample(folder, photos, tests, seed).values():
        click.echo(shown(path))


@click.command("doctor")
@click.argument("data", type=FOLDER)
@click.option("--against", type=FOLDER, help="Also find pictures of this folder in DATA.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--report", type=FOLDER, help="Write a page with thumbnails to this HTML file."
)
def doctor_command(
    data: Path, against: Path | None, as_json: bool, report: Path | None
) -> None:
    """Find what is wrong with a folder of pictures; exit with 1 if something is."""
    from . import doctor, doctor_report

    with show.counting("examining") as progress:
        found = doctor.examine(data, against, progress)
    if as_json:
        click.echo(doctor_report.to_json(found))
    else:
        click.echo("\n".join(doctor_report.text(found)))
    if report:
        report.write_text(doctor_report.page(found, against), "utf-8")
    if found.wrong:
        raise AnswerIsNo(f"{shown(data)} needs a look")
