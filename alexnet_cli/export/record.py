"""A folder of exported models: run.json, export.json, labels, a program that predicts."""

import json
import platform
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from ..backend.devices import usable_cores
from ..errors import RecipeError, RunError, first_line, printable
from ..inference.export_record import RECORD, read_record
from ..run.digests import sha256
from ..run.files import write_text
from ..run.output_path import require_writable_folder
from ..run.run import Run
from .formats import FORMATS
from .source import LABELS, ExportSource

FORMAT = 1
"""Of export.json."""
HOST = "predict.py"
"""The program beside the models."""


def check_out(out: Path, run: Run, *, overwrite: bool) -> None:
    """Check that models of `run` can be written into the folder `out`.

    With `overwrite` those of another run, and its record, are removed from it.

    Raises:
        RunError: it holds something else.
        RecipeError: it is among the run's images.
    """
    name = printable(out)
    require_writable_folder(out, "--out")
    for folder in run.image_folders:
        if out.resolve().is_relative_to(folder.resolve()):
            raise RecipeError(
                f"--out {name} is inside {printable(folder)}, where it would be taken for "
                f"a class; choose a folder outside"
            )
    try:
        entries = [x.name for x in out.iterdir()] if out.exists() else []
    except OSError as error:
        raise RunError(f"--out {name}: {first_line(error)}; choose another") from error
    if RECORD not in entries:
        if entries:
            raise RunError(
                f"--out {name} already exists and is no folder of exported models; choose "
                f"another"
            )
        return
    if is_of(out, run):
        return
    if not overwrite:
        raise RunError(
            f"--out {name} holds models of another run; choose another, or --overwrite "
            f"replaces them"
        )
    for form in FORMATS.values():
        _remove(out / form.file)
    _remove(out / RECORD)


def is_of(out: Path, run: Run) -> bool:
    """Whether the models in the folder `out` are of the network of `run`.

    Raises:
        RunError: export.json is damaged.
    """
    return bool(read_record(out).get("weights_sha256") == sha256(run.weights))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_run(source: ExportSource, out: Path) -> None:
    """Write what all models of `source` share into the folder `out`, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    rows = read_record(out)["exports"] if (out / RECORD).exists() else []
    if not rows:
        write_record(out, source.run, {"exports": []})
    write_text(out / "run.json", source.record)
    write_text(out / LABELS, source.labels)
    host = resources.files("alexnet_cli.export") / "host.py"
    write_text(out / HOST, host.read_text("utf-8"))


def write_record(out: Path, run: Run, content: dict[str, Any]) -> None:
    """Write export.json with `content`; rows of other models in `out` stay."""
    rows: list[dict[str, Any]] = content["exports"]
    if (out / RECORD).exists():
        new = {x["file"] for x in rows}
        before = read_record(out)["exports"]
        kept = [x for x in before if x["file"] not in new and (out / x["file"]).exists()]
        order = [x.file for x in FORMATS.values()]
        rows = sorted([*kept, *rows], key=lambda x: order.index(x["file"]))
    text = {
        "format": FORMAT,
        "weights_sha256": sha256(run.weights),
        "machine": {"system": platform.platform(), "cores": usable_cores()},
        **content,
        "exports": rows,
    }
    write_text(out / RECORD, json.dumps(text, indent=2) + "\n")


def forget(out: Path, file: str) -> None:
    """Remove the row of a model from export.json in `out`: it is about to be replaced."""
    record = read_record(out)
    rows = [x for x in record["exports"] if x["file"] != file]
    if len(rows) < len(record["exports"]):
        write_text(out / RECORD, json.dumps({**record, "exports": rows}, indent=2) + "\n")


def digests(out: Path, model: Path) -> dict[str, str]:
    """The SHA-256 of every file of `model`, by its name in the folder `out`."""
    return {x.relative_to(out).as_posix(): sha256(x) for x in parts(model)}


def parts(model: Path) -> list[Path]:
    """The files that a model consists of: itself, its folder's, or OpenVINO's two."""
    if model.is_dir():
        return sorted(x for x in model.rglob("*") if x.is_file())
    weights = model.with_suffix(".bin")
    pair = model.suffix == ".xml" and weights.is_file()
    return [model, weights] if pair else [model]
