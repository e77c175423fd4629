"""Predictions into a file, which a later process goes on with if this one is killed."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import RecipeError, RunError, printable
from ..export.record import parts
from ..inference.prediction import Prediction, StoredImage, Unread
from ..reports.prediction_file import PARQUET, PredictionFile, Row
from ..reports.predictions import line
from ..run.digests import RUN_JSON, sha256
from ..run.files import csv_line
from ..run.output_path import is_stream
from ..run.run import Run

if TYPE_CHECKING:
    from ..inference.exported import Model

Image = Path | StoredImage | Unread
ENDINGS = (".csv", PARQUET)


class Predicting(Protocol):
    """A Classifier, or what predicts as one does."""

    @property
    def run(self) -> Run:
        """What it was trained as."""

    def predict(self, images: Iterable[Image]) -> Iterator[Prediction]:
        """Yield a prediction for each image, in order."""


@dataclass(frozen=True)
class Output:
    """The file that predictions are written into, and how."""

    file: Path
    top: int
    """Classes in a row."""
    spreadsheet: bool
    """Write a ' before names that a spreadsheet would take for a formula."""
    resume: bool
    """Go on with the rows of an earlier process."""

    def check(self) -> None:
        """Check before the work that such a file can be written.

        Raises:
            RecipeError: it is no file, of another kind, or needs a package.
        """
        name = f"--out {printable(self.file)}"
        if self.file.suffix.lower() not in ENDINGS or is_stream(self.file):
            raise RecipeError(f"{name} is no file that ends in {' or '.join(ENDINGS)}")
        if self.file.suffix.lower() == PARQUET:
            try:
                import pyarrow  # noqa: F401
            except ImportError as error:
                raise RecipeError(
                    f"{name} needs pyarrow: pip install 'alexnet[parquet]'"
                ) from error


@dataclass(frozen=True)
class Predicted:
    """How many images have a row now."""

    images: int
    unreadable: int
    kept: int
    """Of the images, those whose rows an earlier process has written."""


def write_predictions(
    classifier: Predicting,
    model: "Model",
    images: Iterable[Image],
    output: Output,
    progress: Callable[[int], None],
) -> Predicted:
    """Write a row for each of `images`, in order; memory does not grow with them.

    `progress` is called with the number of rows that are there.

    Raises:
        RunError: rows of an earlier process are there and are not to be kept, or are of
            another model, of other options, or of other images; or the disk is full.
    """
    run = classifier.run
    # A name of what may differ for each value that may.
    state = {
        "model": model_digest(model),
        "--reject": run.threshold,
        "--top": output.top,
        "--max-megapixels": run.preprocess.max_pixels,
        "--raw-csv": not output.spreadsheet,
    }
    form = "csv" if output.spreadsheet else "raw-csv"
    found = PredictionFile(output.file, output.top, state, resume=output.resume)
    with _going_on(output.file), closing(found):
        rest = iter(images)
        kept = unreadable = 0
        for kept, row in enumerate(found.kept(), 1):
            _require_same(row, next(rest, None), kept, form)
            unreadable += bool(row.error)
        count = kept
        for prediction in classifier.predict(rest):
            found.add(line(prediction, output.top, form))
            count += 1
            unreadable += bool(prediction.error)
            progress(count)
        found.finish()
    return Predicted(count, unreadable, kept)


@contextmanager
def _going_on(file: Path) -> Iterator[None]:
    """Say how to go on after what ends the work before it is done.

    Raises:
        RunError: the system refused to write.
    """
    how = "--resume goes on with the rows that are there"
    try:
        yield
    except OSError as error:
        raise RunError(f"{printable(file)}: {error.strerror or error}; {how}") from error
    except KeyboardInterrupt as error:
        error.add_note(how)
        raise


def model_digest(model: "Model") -> str:
    """A digest of all files that decide what `model` answers."""
    run = model.run
    own = (run.path / RUN_JSON, run.weights, run.litert, run.mean_image)
    files = parts(model.file) if model.file else [x for x in own if x.is_file()]
    lines = "".join(f"{sha256(x)}  {x.name}\n" for x in files)
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def _name(image: Image) -> str:
    """What the row of an image is called."""
    if isinstance(image, Path):
        return str(image)
    return (isinstance(image, StoredImage) and image.name) or str(image.file)


def _require_same(row: Row, image: Image | None, number: int, form: str) -> None:
    """Check that the row of an earlier process is of the image in its place.

    Raises:
        RunError: it is not.
    """
    name = "" if image is None else _name(image)
    cells = csv_line([name], spreadsheet=form == "csv")
    if image is None or next(csv.reader(io.StringIO(cells, newline=""))) != [row.name]:
        raise RunError(
            f"--resume: row {number} is of {printable(row.name)}, and now "
            f"{printable(name) or 'nothing'} is there: the images are others than they were"
        )
