"""A run as a page that predicts in the browser, with 8-bit weights."""

from pathlib import Path

from .litert import litert
from .served_network import served_network
from .source import ExportSource
from .web.page import Page, write_page


def write_web(source: ExportSource, folder: Path) -> None:
    """Write the page with the network of `source` into `folder`."""
    run = source.run
    # LiteRT.js takes neither a free batch nor uint8.
    model = served_network(run, source.network, batch=1, dtype="float32")
    page = Page(
        title=run.title,
        classes=run.classes,
        preprocess=run.preprocess,
        threshold=run.threshold,
        note=f"{run.architecture.name} with {len(run.classes)} classes",
    )
    write_page(folder, page, litert(model, "int8"))
