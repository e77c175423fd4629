"""export_run(): a run in formats of other programs, each of them proven."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend.startup import start_tensorflow
from ..errors import ExportError, printable
from ..run.files import write_text
from ..run.run import Run
from .judging import Judge, JudgedOn, judging_images, run_to_judge, unless_replaced
from .listener import Listener

if TYPE_CHECKING:
    from ..evaluation.proof import Judged
    from ..export.formats import Format

MAX_DROP = 0.01
"""Accuracy that an exported model may lose by default."""


@dataclass(frozen=True)
class ExportReport:
    """A run as `alexnet predict` uses it, and what it was exported to."""

    run: Run
    images: JudgedOn
    """What they were compared on."""
    own: "Judged"
    exported: "tuple[Judged, ...]"
    left_out: tuple[str, ...] = ()
    """A line about each format that was not written."""
    max_drop: float = MAX_DROP

    @property
    def failed(self) -> "tuple[Judged, ...]":
        """Those that lost too much accuracy."""
        return tuple(x for x in self.exported if x.lost_more_than(self.max_drop))


def export_run(
    run: Run | Path | str,
    out: Path | str = "exported",
    *,
    formats: Sequence[str] = ("all",),
    data: Path | str | None = None,
    max_drop: float = MAX_DROP,
    data_license: str = "",
    overwrite: bool = False,
    listener: Listener | None = None,
) -> ExportReport:
    """Write `run` into the folder `out` in each of `formats`, and prove what was written.

    Every file is read again in a new process and compared with the run on its held-out
    images, or on the class folders of `data`; one that lost more than `max_drop` is among
    those that `failed`. The card, README.md, has the `data_license` of the training
    images. `overwrite` replaces what another run was exported to.

    Raises:
        RecipeError: there is no such format, or a package that it needs is missing.
        ExportError: a format that was named cannot hold the network.
        RunError: the run or the folder cannot be used.
    """
    from ..export.formats import chosen
    from ..export.record import check_out

    run = run_to_judge(run)
    out, listener = Path(out), listener or Listener()
    wanted, left_out = chosen(tuple(formats))
    with unless_replaced(run), judging_images(run, data) as images:
        check_out(out, run, overwrite=overwrite)
        written, refused = _write(run, out, wanted, listener)
        judge = Judge(run, images, listener)
        judged = tuple(judge.judge(x.name, out / x.file) for x in written)
    lines = (*left_out, *map(str, refused))
    report = ExportReport(run, images, judge.run_itself, judged, lines, max_drop)
    _record(report, out, data_license)
    if refused and "all" not in formats:
        raise refused[0]
    return report


def _record(report: ExportReport, out: Path, data_license: str) -> None:
    """Write export.json with the proof of every model, and the card."""
    from ..evaluation.proof import as_row
    from ..export.record import digests, write_record
    from ..inference.export_record import read_record
    from ..reports.model_card import CARD, card

    images = report.images
    rows = [
        {
            **as_row(x, report.max_drop),
            "file": x.path.name,
            "compared_on": images.text,
            "max_drop": report.max_drop,
            "digests": digests(out, x.path),
        }
        for x in report.exported
    ]
    data_license = data_license or read_record(out).get("data_license", "")
    content = {
        "images": {
            "from": images.name,
            "count": len(images.files),
            "trained_on": images.trained_on,
        },
        "data_license": data_license,
        "run": as_row(report.own, report.max_drop),
        "exports": rows,
    }
    write_record(out, report.run, content)
    write_text(out / CARD, card(report.run, read_record(out), data_license))


def _write(
    run: Run, out: Path, wanted: "Sequence[Format]", listener: Listener
) -> "tuple[list[Format], list[ExportError]]":
    """The formats that were written, and the errors of those that were not."""
    start_tensorflow()
    from ..export.formats import write_format
    from ..export.record import forget, write_run
    from ..export.source import ExportSource

    source = ExportSource(run)
    write_run(source, out)
    written, refused = [], []
    for form in wanted:
        listener.log(f"{printable(out / form.file)}: writing {form.name}")
        try:
            forget(out, form.file)
            write_format(form, source, out)
            written.append(form)
        except ExportError as error:
            refused.append(error)
    return written, refused
