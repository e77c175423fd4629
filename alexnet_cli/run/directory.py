"""How a run directory is made, given enough disk space, and put in place whole."""

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

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
"""Those whose versions are written to run.json: results depend on them."""


def new_run(
    path: Path, recipe: Recipe, classes: tuple[str, ...], data: Path | None = None
) -> Run:
    """A run that is about to be trained on `data`, or imported; nothing is written yet.

    Raises:
        RecipeError: `recipe` contradicts itself.
    """
    return Run(
        path=path,
        architecture=recipe.network.architecture(),
        preprocess=preprocess_of(recipe),
        classes=classes,
        recipe=recipe,
        data=str(data.resolve()) if data else "",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
    )


def require_space(run: Run) -> None:
    """Check that the finished run will fit on its disk.

    Raises:
        RunError: it will not.
    """
    layers = trace(run.architecture, len(run.classes))
    # Weights thrice (HDF5, SavedModel, LiteRT), once more while the best are replaced.
    needed = 4 * 4 * sum(x.parameters for x in layers) + 20_000_000
    existing = next(x for x in (run.path, *run.path.absolute().parents) if x.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise RunError(
            f"{printable(run.path)} needs {needed / 1e6:.0f} MB of disk space; "
            f"{free / 1e6:.0f} MB are free: make room, or choose another --out"
        )


@contextmanager
def staged(out: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to write a run into, which is `out` once the block has succeeded.

    It is `out` from the start, to be watched, unless that is a run directory: the old one
    stays until the new one is whole. If the block raises, what it wrote is removed.

    Raises:
        RunError: `out` is a run directory that is not to be replaced, or anything else
            than an empty folder.
    """
    is_run = (out / "run.json").exists()
    final = out.resolve()  # where a link leads to is replaced, not the link
    if is_run:
        _check_replaceable(out, final, overwrite)
    elif out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(
            f"{printable(out)} already exists and is not a run directory; "
            f"choose another --out"
        )
    folder = final.with_name(f".{final.name}.new") if is_run else out
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if is_run:
        old = final.with_name(f".{final.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
        folder.rename(final)
        shutil.rmtree(old)


def _check_replaceable(out: Path, final: Path, overwrite: bool) -> None:
    if not overwrite:
        raise RunError(
            f"{printable(out)} already exists; --overwrite replaces it, "
            f"or choose another --out"
        )
    if Path.cwd().is_relative_to(final):
        raise RunError(
            f"{printable(out)} is the current folder or holds it and cannot be replaced; "
            f"change to another folder"
        )
