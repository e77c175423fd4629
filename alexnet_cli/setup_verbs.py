"""The commands for what comes before training: networks, weights, pictures."""

from pathlib import Path

import click

from . import show
from .errors import CheckFailed, printable
from .model.alexnet import ARCHITECTURES
from .model.architecture import trace
from .model.variants import NORMS, with_dropout, with_norm
from .reports import text
from .verbs import FOLDER


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
        for line, row in zip(text.table([x[: width - 1] for x in rows]), rows, strict=True):
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
    click.echo("\n".join(text.table(rows, left=3)))
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

    from .dataset.download import FLOWERS, IMAGENET, cache_folder, download

    source, usual = {
        "flowers": (FLOWERS, Path("data")),
        "imagenet": (IMAGENET, cache_folder(os.environ)),
    }[what]
    if mirror:
        source = dataclasses.replace(source, url=mirror)
    with show.counting("fetching") as counter:
        file = download(source, to or usual, counter)
    click.echo(printable(file))


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
    from .dataset.synthetic import draw_sample

    for path in draw_sample(folder, photos, tests, seed).values():
        click.echo(printable(path))


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
    from .dataset.doctor import examine
    from .reports.doctor import page, text, to_json

    with show.counting("examining") as counter:
        found = examine(data, against, counter)
    if as_json:
        click.echo(to_json(found))
    else:
        click.echo("\n".join(text(found)))
    if report:
        report.write_text(page(found, against), "utf-8")
    if found.wrong:
        raise CheckFailed(f"{printable(data)} needs a look")
