"""`alexnet benchmark`: every model of a run that can be used here, side by side."""

from pathlib import Path

import click

from .arguments import COMPARED_ON, FOLDER, JSON, MODEL
from .progress import ConsoleListener, show_models


@click.command("benchmark")
@MODEL
@click.option(
    "--exported", type=FOLDER, help="Folder that `alexnet export` has written, to include."
)
@COMPARED_ON
@JSON
def benchmark_command(
    *, model: Path, exported: Path | None, data: Path | None, as_json: bool
) -> None:
    """Compare how well and how fast the models of a run answer."""
    from ..api.benchmark import benchmark

    report = benchmark(model, exported, data=data, listener=ConsoleListener())
    show_models(report, as_json=as_json)
