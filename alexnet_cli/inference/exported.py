"""Exported models: files that compute all that a run does to stored pixels."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, listed, printable
from ..run.digests import RUN_JSON, is_own
from ..run.run import Run
from ..run.run_json import decode, own_fields
from .archives import packed_run
from .export_record import EXPORT_AGAIN, RECORD, read_record, require_as_recorded
from .formats import PixelNetwork, is_readable, read_network

_OF_A_RUN = ("run.json", "model.weights.h5", "model.tflite", "saved_model.pb")
"""Files of a run directory that stand for all of it."""


@dataclass(frozen=True)
class Model:
    """What answers: a run's own network, or a file that it was exported to."""

    run: Run
    file: Path | None = None
    running: bool = False
    """Whether `file` is this very program, as a portable file is."""

    def network(self) -> PixelNetwork | None:
        """The network of `file`; None if that is the run's own.

        Raises:
            RunError: it is damaged, of another run, or not what was exported.
            RecipeError: a package that it needs is not installed.
        """
        if self.file is None:
            return None
        if not self.running:
            require_as_recorded(self.file)
        return read_network(self.file, self.run)

    @property
    def source(self) -> Path:
        """What is read: `file`, or the run's directory."""
        return self.file or self.run.path


def open_model(given: Model | Run | Path | str) -> Model:
    """The run directory at a path, or the exported file there with the run that it is of.

    Raises:
        RunError: it is neither, or a folder with several exported files.
    """
    if isinstance(given, Model):
        return given
    if isinstance(given, Run):
        return Model(given)
    path = Path(given)
    if not path.exists():
        if path.suffix or (path.parent / RECORD).is_file():
            raise RunError(f"{printable(path)} does not exist")
        return Model(Run.open(path))
    if (path / RECORD).is_file():
        return Model(Run.read(path), _only_file(path))
    if path.is_dir() and not is_readable(path):
        return Model(Run.open(path))
    if path.is_dir() and (path / "run.json").is_file():
        return Model(Run.open(path))  # It has its SavedModel in it.
    return _model_of_file(path)


def is_part(folder: Path, name: str) -> bool:
    """Whether the file `name` below `folder` is one of a run there, or of exported models.

    Raises:
        RunError: the record of the exported models is damaged.
    """
    if not (folder / RUN_JSON).is_file():
        return False
    if not (folder / RECORD).is_file():
        return is_own(name)
    rows = read_record(folder)["exports"]
    files = {y for x in rows for y in (x["file"], *x.get("digests", {}))}
    return name in {RUN_JSON, RECORD, *files}


def own_model(application: Path) -> Model:
    """The model in the zip application that is running: its run.json is as it was written.

    The package that checks those of others is not where this is to run.
    """
    data = decode(packed_run(application) or b"")
    del data["format"]
    return Model(Run(application, **own_fields(data)), application, running=True)


def _model_of_file(path: Path) -> Model:
    """The exported file, or folder of one format, at `path` with the run it is from."""
    # What is inside comes first, whatever the file is beside.
    packed = packed_run(path)
    if packed is not None:
        return Model(Run.parse(path, packed), path)
    folder = path.parent
    if (folder / RECORD).is_file():
        return Model(Run.read(folder), path)
    if path.name in _OF_A_RUN and (folder / "run.json").is_file():
        return Model(Run.open(folder))
    raise RunError(
        f"{printable(path)} has no run inside or beside it (run.json and export.json); use "
        f"it where `alexnet export` has written it"
    )


def _only_file(folder: Path) -> Path:
    """The exported file in `folder`.

    Raises:
        RunError: there are several, or none that can be read.
    """
    found = [x for x in sorted(folder.iterdir()) if is_readable(x)]
    if len(found) == 1:
        return found[0]
    names = listed(x.name for x in found)
    raise RunError(
        f"{printable(folder)} holds {names or 'no model'}; "
        + (f"name one, as {printable(found[0])}" if found else EXPORT_AGAIN)
    )
