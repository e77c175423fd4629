"""`alexnet fetch`: data sets and weights to download."""

from pathlib import Path

import click

from .arguments import FOLDER
from .console import output
from .progress import counting


@click.command("fetch")
@click.argument("name", type=click.Choice(["flowers", "imagenet"]))
@click.option(
    "--to",
    type=FOLDER,
    help="Folder to download into. [default: data; for weights, where --weights looks]",
)
@click.option("--mirror", metavar="URL", help="Fetch the same file from another address.")
def fetch_command(name: str, to: Path | None, mirror: str | None) -> None:
    """Download the five flowers (229 MB) or weights trained on ImageNet (233 MB)."""
    import dataclasses

    from ..dataset.download import FLOWERS, IMAGENET, cache_folder, download

    source, default = {
        "flowers": (FLOWERS, Path("data")),
        "imagenet": (IMAGENET, cache_folder()),
    }[name]
    if mirror:
        source = dataclasses.replace(source, url=mirror)
    with counting("fetching") as counter:
        file = download(source, to or default, counter)
    output([str(file)])
