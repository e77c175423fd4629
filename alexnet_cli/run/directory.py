"""A run that is about to be trained, and the disk space it takes."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from ..backend.environment import versions
from ..errors import RunError, printable
from ..model.architecture import trace
from ..recipe.preprocessing import preprocess_of
from ..recipe.recipe import Recipe
from .checkpoints import KEPT
from .run import Run


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
        versions=versions(),
    )


def require_space(run: Run, *, training: bool = True) -> None:
    """Check that the run, with the checkpoints of its `training`, will fit on its disk.

    Raises:
        RunError: it will not.
    """
    layers = trace(run.architecture, len(run.classes))
    # Weights thrice (HDF5, SavedModel, LiteRT), once more while the best are replaced.
    copies = 4 + (_checkpoint_copies(run.recipe) if training else 0)
    needed = 4 * copies * sum(x.parameters for x in layers) + 20_000_000
    existing = next(x for x in (run.path, *run.path.absolute().parents) if x.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise RunError(
            f"{printable(run.path)} needs {needed / 1e6:.0f} MB of disk space; "
            f"{free / 1e6:.0f} MB are free: make room, or choose another --out"
        )


def _checkpoint_copies(recipe: Recipe) -> int:
    """How many numbers per weight its checkpoints hold, all of them together."""
    optimization = recipe.optimization
    slots = {"sgd": 1, "adam": 2, "adamw": 2, "muon": 2, "rmsprop": 2}[
        optimization.optimizer
    ]
    averages = 2 if optimization.ema else 0  # with the weights that it stands in for
    return (KEPT + 1) * (1 + slots + averages)
