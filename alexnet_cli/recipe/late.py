"""Options of the epochs that come later than the last epoch."""

from collections.abc import Callable, Collection

from ..errors import RecipeError
from .recipe import FIELDS, Recipe

_LATE: dict[str, tuple[Callable[[Recipe], bool], str]] = {
    "unfreeze_after": (
        lambda r: r.pretrained.freezes and r.pretrained.unfreeze_after >= r.stopping.epochs,
        "never unfreezes a layer",
    ),
    "warmup_epochs": (
        lambda r: (
            r.lr_schedule.schedule == "cosine"
            and r.lr_schedule.warmup_epochs >= r.stopping.epochs
        ),
        "never ends",
    ),
    "step_epochs": (
        lambda r: (
            r.lr_schedule.schedule == "step"
            and r.lr_schedule.step_epochs >= r.stopping.epochs
        ),
        "never divides the rate",
    ),
    # The first epoch is always an improvement.
    "plateau_epochs": (
        lambda r: (
            r.lr_schedule.schedule == "plateau"
            and r.lr_schedule.plateau_epochs + 1 >= r.stopping.epochs
        ),
        "never divides the rate",
    ),
}
"""When each field comes too late, and what then happens."""


LATE = frozenset(_LATE)
"""The fields that can come too late."""


def unfreezes(recipe: Recipe) -> bool:
    """Whether layers are unfrozen before training ends."""
    return 0 < recipe.pretrained.unfreeze_after < recipe.stopping.epochs


def too_late(recipe: Recipe) -> dict[str, str]:
    """By field, a line for each that comes later than --epochs, on purpose or not."""
    return {
        name: f"{FIELDS[name].flag} {recipe[name]:g} {what}: training ends after "
        f"--epochs {recipe.stopping.epochs}; use a smaller one"
        for name, (late, what) in _LATE.items()
        if late(recipe)
    }


def check_late(recipe: Recipe, given: Collection[str]) -> None:
    """Refuse fields in `given` that come too late; others may just have been cut short.

    Raises:
        RecipeError: one of them comes too late.
    """
    for name, line in too_late(recipe).items():
        # A warm-up as short as the default does no harm, even in a single epoch.
        short = name == "warmup_epochs" and recipe[name] <= FIELDS[name].default
        if name in given and not short:
            raise RecipeError(line)
