"""A recipe says what it does or is refused; nothing in it is silently without effect."""

import dataclasses

import pytest

from alexnet_cli.errors import RecipeError
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.recipe.validation import check
from alexnet_cli.trainer.lr_schedule import learning_rate


def test_every_field_says_what_it_is():
    for field in dataclasses.fields(Recipe):
        assert field.metadata["help"].endswith((".", "]", ")")), field.name
        assert field.metadata["group"]


@pytest.mark.parametrize(
    "given,message",
    [
        ({"optimizer": "adam", "momentum": 0.5}, "--momentum has no effect here"),
        ({"optimizer": "adam", "nesterov": True}, "--nesterov has no effect"),
        ({"optimizer": "rmsprop", "weight_decay": 0.1}, "--weight-decay has no effect"),
        ({"schedule": "constant", "warmup_epochs": 2.0}, "--warmup-epochs has no effect"),
        ({"schedule": "cosine", "step_epochs": 3}, "--step-epochs has no effect"),
        ({"schedule": "step", "plateau_epochs": 3}, "--plateau-epochs has no effect"),
        ({"divide_by": 3.0, "schedule": "cosine"}, "--divide-by has no effect"),
        ({"fill_mode": "wrap", "hflip": True}, "--fill-mode has no effect"),
        ({"random_crop": True, "size": 224}, "--random-crop needs a --size above the 224"),
        ({"arch": "alexnet", "size": 100}, "--size 100 is below the 227"),
        ({"mean": "sky"}, "--mean: 'sky' is neither"),
        ({"std": "0"}, "--std: '0' is neither"),
        ({"metrics": "accuracy,f2"}, "no metric 'f2'"),
        ({"metrics": "top0"}, "no metric 'top0'"),
        ({"watch": "val_mse"}, "watched can be val_loss, val_accuracy"),
        ({"stop_at": "accuracy"}, "not METRIC=NUMBER"),
        ({"stop_at": "accuracy=high"}, "not METRIC=NUMBER"),
        ({"stop_at": "top5=1"}, "one of loss, accuracy"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "leave nothing to train on"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    base = {"arch": "alexnet-bn", "size": None, "random_crop": False, "crop_area": 0.0}
    with pytest.raises(RecipeError, match=message):
        check(Recipe(**{**base, **given}), given)


def test_defaults_are_a_recipe():
    check(Recipe(), ())


def test_preprocess_of_networks():
    assert preprocess_of(Recipe(arch="alexnet", size=256, resize="crop")) == Preprocess(
        "crop", 256, 227, None, (1.0, 1.0, 1.0)
    )
    flowers = preprocess_of(Recipe(arch="alexnet-flowers", size=227, resize="squash"))
    assert flowers == Preprocess("squash", 227, 227, (0.0,) * 3, (255.0,) * 3)
    own = preprocess_of(Recipe(arch="tiny", size=40, mean="1,2,3", std="imagenet"))
    assert (own.mean, own.std) == ((1.0, 2.0, 3.0), (58.395, 57.12, 57.375))


def test_stop_targets():
    recipe = Recipe(stop_at="accuracy=1.0, loss=0.03")
    assert recipe.stopping.stop_targets() == {"accuracy": 1.0, "loss": 0.03}
    assert Recipe().stopping.stop_targets() == {}


def rates(epochs, *, divisions=0, **kwargs):
    recipe = Recipe(learning_rate=1.0, epochs=10, **kwargs)
    return [learning_rate(recipe, x, divisions=divisions) for x in epochs]


def test_schedules():
    assert rates((0, 5, 9.99), schedule="constant") == [1, 1, 1]
    assert rates((0, 2.99, 3, 6), schedule="step", step_epochs=3) == pytest.approx(
        [1, 1, 0.1, 0.01]
    )
    assert rates((7,), schedule="plateau", divisions=2) == pytest.approx([0.01])
    cosine = rates((0, 5, 10), schedule="cosine", warmup_epochs=0)
    assert cosine == pytest.approx([1, 0.5, 0])
    warm = rates((0, 1, 2, 6, 10), schedule="cosine", warmup_epochs=2.0)
    whole = [1, 0.9755, 0.9045, 0.3455, 0]
    assert warm == pytest.approx([0, 0.5 * whole[1], *whole[2:]], abs=1e-4)
