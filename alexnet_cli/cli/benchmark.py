"""`alexnet benchmark`: every model of a run that can be used here, side by side."""

from pathlib import Path

import click

from .arguments import FOLDER, JSON, MODEL
from .progress import ConsoleListener, show_left_out


@click.command("benchmark")
@MODEL
@click.option(
    "--exported", type=FOLDER, help="Folder that `alexnet export` has written, to include."
)
@click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders to compare on. [default: the run's own held-out images]",
)
@JSON
def benchmark_command(
    *, model: Path, exported: Path | None, data: Path | None, as_json: bool
) -> None:
    """Compare how well and how fast the models of a run answer."""
    from ..api.benchmark import benchmark
    from ..reports.models_table import text, to_json

    report = benchmark(model, exported, data=data, listener=ConsoleListener())
    if as_json:
        click.echo(
            to_json(report.own, report.exported, report.images.text, report.left_out)
        )
    else:
        click.echo("\n".join(text(report.own, report.exported)))
    show_left_out(report.left_out)
