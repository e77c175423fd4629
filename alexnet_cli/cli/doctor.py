"""`alexnet doctor`: a folder of images checked for problems."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api.lines import too_many
from ..errors import CheckFailed, DatasetError, printable
from ..preprocess import MAX_PIXELS
from ..run.files import write_page
from .arguments import FOLDER, JSON, class_names, layout_options, max_megapixels_option
from .console import log, output, raw
from .output_files import check_outputs
from .progress import counting

if TYPE_CHECKING:
    from ..dataset.findings import Findings


@click.command("doctor")
@click.argument("data", required=False, type=FOLDER)
@layout_options
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
    data: Path | None,
    against: Path | None,
    as_json: bool,
    report: Path | None,
    **values: Any,
) -> None:
    """Check a folder of images for problems; exit with 1 if there are any.

    DATA may also be a manifest (.csv, .tsv, .jsonl), an archive (.zip, .tar, .tar.gz) or
    tfds:NAME. --train, --val, --test and --classes mean what they do in `alexnet train`,
    and what that refuses is refused, with exit code 3.
    """
    from ..dataset.doctor import examine
    from ..dataset.sources.class_folders import chosen_parts

    parts: dict[str, Path | None] = {x: values[x] for x in ("train", "val", "test")}
    if data is None and not any(parts.values()):
        raise click.UsageError("DATA is missing: the folder of class folders")
    check_outputs({"--report": report}, (data, *parts.values(), against))
    megapixels = values["max_megapixels"]
    root, folders = chosen_parts(data, parts)
    findings = examine(
        root,
        against,
        counting,
        classes=class_names(values["classes"]),
        parts=folders,
        max_pixels=MAX_PIXELS if megapixels is None else round(megapixels * 1e6),
    )
    _print(findings, as_json=as_json)
    if report:
        from ..reports.doctor import page

        write_page(report, page(findings, against))
    if findings.refused:
        raise DatasetError(findings.refused)
    if findings.wrong:
        raise CheckFailed(f"{printable(root)} has problems")


def _print(findings: "Findings", *, as_json: bool) -> None:
    from ..reports.doctor import text, to_json

    if not findings.near_searched:
        log(f"warning: {too_many(sum(findings.counts.values()))}")
    if as_json:
        raw(to_json(findings))
    else:
        output(text(findings))
