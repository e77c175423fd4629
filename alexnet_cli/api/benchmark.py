"""benchmark(): every model of a run that can be used here, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ExportError, RecipeError, RunError, printable
from ..inference.export_record import RECORD
from ..run.run import Run
from .export import ExportReport
from .judging import Judge, judging_images, run_to_judge
from .listener import Listener

if TYPE_CHECKING:
    from ..export.formats import Format


def benchmark(
    run: Run | Path | str,
    exported: Path | str | None = None,
    *,
    data: Path | str | None = None,
    listener: Listener | None = None,
) -> ExportReport:
    """`run` as it is used, in TensorFlow, and as each model in the folder `exported`.

    All are compared on the run's held-out images, or on the class folders of `data`.

    Raises:
        RunError: `run` is no run directory, or `exported` is not of this run.
    """
    run = run_to_judge(run)
    listener = listener or Listener()
    folder = None if exported is None else Path(exported)
    formats = _formats(folder, run) if folder else []
    with judging_images(run, data) as images:
        judge = Judge(run, images, listener)
        judged = [judge.judge("run in Keras", run.path, "keras", run.weights)]
        left_out = []
        if run.exported and (run.path / "saved_model.pb").is_file():
            weights = run.path / "variables"
            judged.append(judge.judge("run's SavedModel", run.path, "saved_model", weights))
        for form in formats:
            assert folder is not None
            try:
                judged.append(judge.judge(form.name, folder / form.file))
            except (ExportError, RecipeError) as error:
                left_out.append(str(error))
    return ExportReport(
        run, images, judge.run_itself, tuple(judged), tuple(left_out), max_drop=1
    )


def _formats(folder: Path, run: Run) -> "list[Format]":
    """The formats that `run` was exported to in `folder`.

    Raises:
        RunError: it holds no models, or those of another run.
    """
    from ..export.formats import FORMATS
    from ..export.record import is_of

    if not (folder / RECORD).is_file():
        raise RunError(
            f"--exported {printable(folder)} is no folder of exported models; `alexnet "
            f"export` makes one"
        )
    if not is_of(folder, run):
        raise RunError(
            f"--exported {printable(folder)} holds models of another run than "
            f"{printable(run.path)}"
        )
    return [x for x in FORMATS.values() if (folder / x.file).exists()]
