"""`alexnet doctor`: a folder of images checked for problems."""

from pathlib import Path

import click

from ..errors import CheckFailed
from ..preprocess import MAX_PIXELS
from ..run.files import write_page
from .arguments import FOLDER, JSON, max_megapixels_option
from .console import log, output, raw
from .output_files import check_outputs
from .progress import counting, too_many


@click.command("doctor")
@click.argument("data", type=FOLDER)
@click.option(
    "--against",
    type=FOLDER,
    help="Also look in DATA for images of this (test) folder, manifest or archive.",
)
@JSON
@click.option(
    "--report", type=FOLDER, help="Write a page with thumbnails to this HTML file."
)
@max_megapixels_option("100")
def doctor_command(
    data: Path,
    against: Path | None,
    as_json: bool,
    report: Path | None,
    max_megapixels: float | None,
) -> None:
    """Check a folder of images for problems; exit with 1 if there are any.

    DATA may also be a manifest (.csv, .tsv, .jsonl), an archive (.zip, .tar, .tar.gz) or
    tfds:NAME.
    """
    from ..dataset.doctor import examine
    from ..reports.doctor import page, text, to_json

    check_outputs({"--report": report}, (data, against))
    limit = MAX_PIXELS if max_megapixels is None else round(max_megapixels * 1e6)
    findings = examine(data, against, counting, max_pixels=limit)
    if not findings.near_searched:
        log(f"warning: {too_many(sum(findings.counts.values()))}")
    if as_json:
        raw(to_json(findings))
    else:
        output(text(findings))
    if report:
        write_page(report, page(findings, against))
    if findings.wrong:
        raise CheckFailed(f"{data} has problems")
