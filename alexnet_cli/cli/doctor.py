"""`alexnet doctor`: what is wrong with a folder of images."""

from pathlib import Path

import click

from ..errors import CheckFailed, printable
from . import progress
from .arguments import FOLDER


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
    from ..dataset.doctor import examine
    from ..reports.doctor import page, text, to_json

    with progress.counting("examining") as counter:
        found = examine(data, against, counter)
    if as_json:
        click.echo(to_json(found))
    else:
        click.echo("\n".join(text(found)))
    if report:
        report.write_text(page(found, against), "utf-8")
    if found.wrong:
        raise CheckFailed(f"{printable(data)} needs a look")
