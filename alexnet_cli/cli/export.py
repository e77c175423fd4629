"""`alexnet export`: a run in formats of other programs, proven to answer as it does."""

from pathlib import Path

import click

from ..errors import CheckFailed
from .arguments import COMPARED_ON, FOLDER, JSON, MODEL, NumberRange
from .progress import ConsoleListener, show_models

NAMES = (
    "savedmodel", "litert", "litert-float16", "litert-int8", "litert-full-int8", "onnx",
    "openvino", "keras", "web", "portable", "all",
)  # fmt: skip
"""The formats; a test holds that they are those of `export.formats`."""


@click.command("export")
@MODEL
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("all",),
    show_default=True,
    type=click.Choice(NAMES),
    help="What to write; can be given several times. all is every format whose packages "
    "are installed.",
)
@click.option(
    "--out", default="exported", show_default=True, type=FOLDER, help="Folder to write to."
)
@COMPARED_ON
@click.option(
    "--max-drop",
    default=0.01,
    show_default=True,
    type=NumberRange(0, 1),
    help="Exit with 1 if a model loses more accuracy than this on the same images.",
)
@click.option(
    "--data-license",
    default="",
    metavar="TEXT",
    help="What README.md says of the license of the training images.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace models of another run in the folder."
)
@JSON
def export_command(
    *,
    model: Path,
    formats: tuple[str, ...],
    out: Path,
    data: Path | None,
    max_drop: float,
    data_license: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a run in formats that other programs run, and prove each of them.

    Every file is read again in a new process and compared with the run, by default on the
    images that were held out of its training.
    """
    from ..api.export import export_run

    report = export_run(
        model, out, formats=formats, data=data, max_drop=max_drop, overwrite=overwrite,
        data_license=data_license, listener=ConsoleListener(),
    )  # fmt: skip
    show_models(report, as_json=as_json)
    if report.failed:
        names = ", ".join(x.name for x in report.failed)
        raise CheckFailed(
            f"{names} lost more than {max_drop:g} of accuracy (in {out}); "
            f"--max-drop allows more"
        )
