"""What comes later than the last epoch is refused if it was asked for, else only said."""

import pytest

from alexnet_cli.errors import RecipeError
from alexnet_cli.recipe.configs import build_recipe
from alexnet_cli.recipe.late import too_late, unfreezes
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.recipe.validation import check
from alexnet_cli.trainer.lr_schedule import learning_rate

FROZEN = {"weights": "w", "freeze": "conv"}
LATE = [
    ({**FROZEN, "unfreeze_after": 5, "epochs": 5}, "unfreeze_after", "--unfreeze-after 5 never unfreezes a layer", {"epochs": 6}),
    ({**FROZEN, "unfreeze_after": 40}, "unfreeze_after", "--unfreeze-after 40 never unfreezes a layer", {"unfreeze_after": 39}),
    ({"warmup_epochs": 5.0, "epochs": 5}, "warmup_epochs", "--warmup-epochs 5 never ends", {"warmup_epochs": 4.9}),
    ({"warmup_epochs": 7.5, "epochs": 5}, "warmup_epochs", "--warmup-epochs 7.5 never ends", {"epochs": 8}),
    ({"schedule": "step", "step_epochs": 5, "epochs": 5}, "step_epochs", "--step-epochs 5 never divides the rate", {"step_epochs": 4}),
    ({"schedule": "plateau", "plateau_epochs": 4, "epochs": 5}, "plateau_epochs", "--plateau-epochs 4 never divides the rate", {"plateau_epochs": 3}),
]  # fmt: skip


@pytest.mark.parametrize("fields, name, start, cure", LATE)
def test_what_comes_too_late_is_refused_only_if_it_was_given(fields, name, start, cure):
    recipe = Recipe(**fields)
    line = (
        f"{start}: training ends after --epochs {recipe.stopping.epochs}; use a smaller one"
    )
    assert too_late(recipe) == {name: line}
    check(recipe, set(fields) - {name})
    with pytest.raises(RecipeError) as error:
        check(recipe, [name])
    assert str(error.value) == line
    cured = recipe.changed(**cure)
    assert too_late(cured) == {}
    check(cured, fields)


def test_a_step_or_warm_up_that_is_accepted_is_seen_in_the_rate():
    """At the middle of steps, as the trainer asks for it."""
    for epochs in range(1, 6):
        for late in range(1, 7):
            for fields in (
                {"schedule": "step", "step_epochs": late},
                {"warmup_epochs": float(late)},
            ):
                recipe = Recipe(epochs=epochs, **fields)
                rates = [
                    learning_rate(recipe.lr_schedule, x / 10, 0) for x in range(10 * epochs)
                ]
                if "schedule" in fields:
                    seen = min(rates) < rates[0]
                else:
                    seen = max(rates) == recipe.lr_schedule.learning_rate
                assert seen == (not too_late(recipe)), (epochs, fields)


def test_the_usual_warm_up_goes_with_a_single_epoch():
    recipe = build_recipe(epochs=1, warmup_epochs=1.0)
    assert list(too_late(recipe)) == ["warmup_epochs"], "it is said all the same"
    assert too_late(Recipe(schedule="step")) and not too_late(Recipe())


def test_without_epochs_to_come_nothing_is_unfrozen():
    assert [unfreezes(Recipe(unfreeze_after=x, epochs=3)) for x in range(5)] == [
        False, True, True, False, False,
    ]  # fmt: skip
