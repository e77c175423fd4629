"""A run's directory: made, measured for, and put in place whole."""

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from ..errors import RunError, printable
from ..model.architecture import trace
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .run import Run


def new_run(
    path: Path, recipe: Recipe, classes: tuple[str, ...], data: Path | None = None
) -> Run:
    """A Run that is about to be trained on `data`, or imported; nothing is written yet."""
    packages = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
    versions = {x: metadata.version(x) for x in packages}
    return Run(
        path=path,
        architecture=recipe.network.architecture(),
        preprocess=preprocess_of(recipe),
        classes=classes,
        recipe=recipe,
        data=str(data.resolve()) if data else "",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **versions},
    )


def require_space(run: Run) -> None:
    """Refuse to train where the finished Run would not fit.

    Raises:
        RunError: the disk has too little room for it.
    """
    layers = trace(run.architecture, len(run.classes))
    # Weights thrice (HDF5, SavedModel, LiteRT), once more while the best are replaced.
    needed = 4 * 4 * sum(x.parameters for x in layers) + 20_000_000
    place = next(x for x in (run.path, *run.path.absolute().parents) if x.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise RunError(
            f"{printable(run.path)} needs {needed / 1e6:.0f} MB; "
            f"{free / 1e6:.0f} MB are free there"
        )


@contextmanager
def staged(out: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to write a Run into, which becomes `out` when the block succeeds.

    A new Run is written in its place, to be watched; an old one stays as it is until the
    new one is whole. If the block raises, what it wrote is removed.

    Raises:
        RunError: `out` holds a Run and `overwrite` is false, or something else.
    """
    is_run = (out / "run.json").exists()
    if out.exists() and not is_run and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(f"{printable(out)} is no Run and not empty; choose another --out")
    if is_run and not overwrite:
        raise RunError(
            f"{printable(out)} holds a Run; --overwrite replaces it, --out names another"
        )
    place = out.with_name(f".{out.name}.new") if is_run else out
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    try:
        yield place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    if is_run:
        old = out.with_name(f".{out.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
        place.rename(out)
        shutil.rmtree(old)
