"""A recipe that contradicts itself is refused, and a field that would have no effect."""

import math
import re

import click
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
from alexnet_cli.recipe.recipe import FIELDS, Recipe
from alexnet_cli.recipe.validation import check, check_batches, has_effect, parsed

BASE = {"arch": "alexnet-bn", "size": None, "random_crop": False, "crop_area": 0.0}


@pytest.mark.parametrize("fields, message", [
    ({"size": 100, "arch": "alexnet"}, "--size 100 is smaller than the 227 pixels of alexnet's input"),
    ({"mean": "sky"}, "--mean: 'sky' is neither R,G,B nor a number nor imagenet"),
    ({"std": "0"}, "--std: '0' is neither R,G,B nor a number nor imagenet"),
    *(({x: y}, f"--{x}: {y!r} is neither R,G,B nor a number nor imagenet")
      for x in ("mean", "std") for y in ("nan", "inf", "1,nan,1")),
    ({"std": "1e400"}, "--std: '1e400' is neither R,G,B nor a number nor imagenet"),
    ({"stop_at": "accuracy=1.5"}, "--stop-at: 'accuracy=1.5' is not in the range 0 to 1"),
    ({"stop_at": "loss=1,loss=2"}, "--stop-at: loss is listed twice; leave one out"),
    ({"device": "cuda"}, "--device cuda is not auto, cpu, gpu or a list such as gpu:0,1; did you mean gpu?"),
    ({"device": "gpu:0,0"}, "--device gpu:0,0: one is listed twice; leave it out"),
    ({"device": "cpu:0"}, None),
    ({"batch_size": 1}, "--batch-size 1 is too small: BatchNorm learns nothing from a single image; use 2 or more, or --norm none"),
    ({"batch_size": 3, "device": "gpu:0,1"}, "--batch-size 3 is too small with --device gpu:0,1: BatchNorm learns nothing from a single image; use 4 or more, or --norm none"),
    *(({"batch_size": 1, "arch": x, "norm": y}, "--batch-size 1 is too small: BatchNorm learns nothing from a single image; use 2 or more, or --norm none")
      for x, y in (("alexnet-half", "table"), ("tiny", "table"), ("alexnet-owt", "all"), ("alexnet", "dense"), ("alexnet", "batch"))),
    ({"batch_size": 1, "norm": "none"}, None),
    ({"batch_size": 1, "arch": "alexnet-owt"}, None),
    ({"batch_size": 2}, None), ({"batch_size": 4, "device": "gpu:0,1"}, None),
    ({"batch_size": 1, "weights": "w", "freeze": "all-but-head"}, None),
    ({"batch_size": 1, "weights": "w", "freeze": "all-but-head", "unfreeze_after": 3}, "--batch-size 1 is too small: BatchNorm learns nothing from a single image; use 2 or more, or --norm none"),
    ({"batch_size": 1, "weights": "w", "freeze": "1"}, "--batch-size 1 is too small: BatchNorm learns nothing from a single image; use 2 or more, or --norm none"),
    ({"metrics": "accuracy,f2"}, "--metrics: no metric 'f2'; choose from accuracy, macro_f1, topN, mse, mae"),
    ({"watch": "val_mse"}, "--watch val_mse: choose from val_loss, val_accuracy"),
    ({"watch": "accuracy"}, "--watch accuracy: choose from val_loss, val_accuracy"),
    ({"watch": "val_mae", "metrics": "mae,top2"}, None),
    ({"stop_at": "accuracy"}, "--stop-at: 'accuracy' is not METRIC=NUMBER with one of loss, accuracy"),
    ({"stop_at": "loss=1,top5=1"}, "--stop-at: 'top5=1' is not METRIC=NUMBER with one of loss, accuracy"),
    ({"stop_at": "top5=1", "metrics": "top5", "watch": "val_top5"}, None),
    ({"val_fraction": 0.6, "test_fraction": 0.4}, "--val-fraction and --test-fraction leave nothing to train on"),
    ({"val_fraction": 0.5, "test_fraction": 0.4}, None),
    ({"folds": 2, "test_fraction": 0.9}, None),
    ({"fold": 3, "folds": 2}, "--fold 3 is larger than --folds 2"),
    ({"fold": 2, "folds": 2}, None),
    ({"random_crop": True, "size": 224}, "--random-crop needs a --size larger than the network's input of 224 pixels, and no --crop-area"),
    ({"random_crop": True, "size": 256, "crop_area": 0.5}, "--random-crop needs a --size larger than the network's input of 224 pixels, and no --crop-area"),
    ({"random_crop": True, "size": 225}, None),
    ({"tta": "ten-crop", "size": 224}, "--tta ten-crop needs a --size larger than the network's input of 224 pixels"),
    ({"tta": "ten-crop", "size": 225}, None),
    ({"start_size": 100}, "--start-size has no effect here: it needs --crop-area"),
    ({"start_size": 224, "crop_area": 0.5}, "--start-size 224 is not smaller than the network's input of 224 pixels"),
    ({"start_size": 20, "crop_area": 0.5}, "alexnet-bn: the input of pool2, 1 x 1 x 256, is too small"),
    ({"start_size": 223, "crop_area": 0.5}, None),
    ({"arch": "alexnet", "lrn_n": 4}, "--lrn-n 4: a channel and its neighbors are an odd number"),
    ({"arch": "alexnet", "lrn_n": 3, "lrn_k": 1.0}, None),
])  # fmt: skip
def test_a_recipe_that_contradicts_itself_is_refused(fields, message):
    recipe = Recipe(**{**BASE, **fields})
    if message is None:
        check(recipe, fields)
        return
    with pytest.raises(RecipeError) as error:
        check(recipe, ())
    assert str(error.value) == message


NEEDS = [
    ({"optimizer": "adam", "momentum": 0.5}, "momentum", "--optimizer sgd or rmsprop", {"optimizer": "rmsprop"}),
    ({"optimizer": "adam", "nesterov": True}, "nesterov", "--optimizer sgd with momentum", {"optimizer": "sgd"}),
    ({"momentum": 0.0, "nesterov": True}, "nesterov", "--optimizer sgd with momentum", {"momentum": 0.9}),
    ({"optimizer": "rmsprop", "weight_decay": 0.1}, "weight_decay", "--optimizer sgd, adamw or muon", {"optimizer": "adamw"}),
    ({"schedule": "constant", "warmup_epochs": 2.0}, "warmup_epochs", "--schedule cosine", {"schedule": "cosine"}),
    ({"schedule": "cosine", "step_epochs": 3}, "step_epochs", "--schedule step", {"schedule": "step"}),
    ({"schedule": "step", "plateau_epochs": 3}, "plateau_epochs", "--schedule plateau", {"schedule": "plateau"}),
    *(({"batch_size": 1, "arch": "alexnet", x: 0.2}, x, "a --batch-size above 1, and more --epochs than --mix-after", {"batch_size": 2})
      for x in ("mixup", "cutmix")),
    ({"mix_after": 3}, "mix_after", "--mixup or --cutmix, and more --epochs", {"cutmix": 1.0}),
    ({"divide_by": 3.0, "schedule": "cosine"}, "divide_by", "--schedule step or plateau", {"schedule": "plateau"}),
    ({"fill_mode": "wrap", "hflip": True}, "fill_mode",
     "--rotation, --width-shift, --height-shift, --shear, --zoom or --randaugment", {"zoom": 0.1}),
    ({"fill_value": 9.0, "zoom": 0.1}, "fill_value",
     "--fill-mode constant, a transform that uncovers pixels, and no --mean pixel, which fills with the mean", {"fill_mode": "constant"}),
    ({"fill_value": 9.0, "zoom": 0.1, "fill_mode": "constant", "mean": "pixel"}, "fill_value",
     "--fill-mode constant, a transform that uncovers pixels, and no --mean pixel, which fills with the mean", {"mean": "0"}),
    *(({x: 3}, x, "a network with local response normalization, or --norm local", {"norm": "local"})
      for x in ("lrn_n", "lrn_k", "lrn_alpha", "lrn_beta")),
    ({"folds": 5, "val_fraction": 0.1}, "val_fraction", "no --folds", {"folds": 1}),
    ({"fold": 1}, "fold", "--folds", {"folds": 2}),
    ({"freeze": "conv"}, "freeze", "--weights", {"weights": "imagenet"}),
    ({"loaded_rate": 0.1}, "loaded_rate", "--weights", {"weights": "imagenet"}),
    ({"weights": "w", "unfreeze_after": 2}, "unfreeze_after", "--freeze", {"freeze": "conv"}),
    ({"weights": "w", "freeze": "none", "unfreeze_after": 2}, "unfreeze_after", "--freeze", {"freeze": "1"}),
    ({"weights": "w", "freeze": "1", "unfrozen_rate": 0.2}, "unfrozen_rate", "--unfreeze-after", {"unfreeze_after": 1}),
]  # fmt: skip


@pytest.mark.parametrize("fields, name, needed, cure", NEEDS)
def test_a_field_without_effect_is_refused_only_if_it_was_given(fields, name, needed, cure):
    recipe = Recipe(**{**BASE, **fields})
    check(recipe, set(fields) - {name})
    assert not has_effect(recipe, name)
    with pytest.raises(RecipeError) as error:
        check(recipe, fields)
    assert str(error.value) == f"{FIELDS[name].flag} has no effect here: it needs {needed}"
    cured = recipe.changed(**cure)
    assert has_effect(cured, name)
    check(cured, [name])


def test_images_that_would_be_mixed_after_the_last_epoch():
    """A recipe of 20 epochs may be cut to 3; who asks for mixed images is told."""
    recipe = Recipe(mixup=0.2, cutmix=1.0, mix_after=9, epochs=9)
    check(recipe, ["epochs"])
    for name in ("mixup", "cutmix", "mix_after"):
        with pytest.raises(RecipeError, match=f"{FIELDS[name].flag} has no effect here"):
            check(recipe, [name])
        check(recipe.changed(epochs=10), [name])
    check(recipe.changed(mixup=0.0), ["mixup"])
    check(recipe.changed(cutmix=0.0), ["cutmix"])


def test_all_fields_that_may_have_no_effect_are_tested_above():
    some = [
        Recipe(),
        Recipe(schedule="step", optimizer="adam"),
        Recipe(folds=2),
        Recipe(schedule="constant"),
        Recipe(batch_size=1),
    ]
    assert {x for r in some for x in FIELDS if not has_effect(r, x)} == {
        x[1] for x in NEEDS
    }


def test_layers_that_the_network_lacks_are_not_frozen():
    """At once, not after a download."""
    with pytest.raises(
        RecipeError, match="^--freeze 99 is not conv, all-but-head, none, or 1 to"
    ):
        check(Recipe(weights="imagenet", freeze="99", arch="alexnet-owt"), ())


def by_hand(images, batch_size, devices):
    """The images of each step on each device, divided as the trainer and TensorFlow do."""
    for step in np.array_split(range(images), -(-images // batch_size)):
        most = -(-len(step) // devices)
        for i in range(devices):
            yield len(step[i * most : (i + 1) * most])


@given(st.integers(1, 40), st.integers(2, 20), st.integers(1, 4))
@example(5, 2, 1)
@example(5, 20, 4)
def test_batch_norm_never_sees_a_single_image(images, batch_size, devices):
    def smallest(size):
        return min(by_hand(images, size, devices))

    recipe = Recipe(batch_size=batch_size)
    check_batches(recipe.changed(norm="none"), images, devices)
    if smallest(batch_size) >= 2:
        check_batches(recipe, images, devices)
        return
    with pytest.raises(RecipeError) as error:
        check_batches(recipe, images, devices)
    cure = re.search(r"use --batch-size (\d+),", str(error.value))
    if cure:
        assert smallest(int(cure[1])) >= 2
        check_batches(recipe.changed(batch_size=int(cure[1])), images, devices)
    else:
        assert all(smallest(x) < 2 for x in range(1, images + 1))


@pytest.mark.parametrize("images, size, devices, message", [
    (5, 2, 1, "--batch-size 2 divides 5 training images into steps of which some have fewer than two, from which "
              "BatchNorm learns nothing; use --batch-size 3, or --norm none"),
    (9, 4, 2, "--batch-size 4 divides 9 training images into steps of which some have fewer than two on each of 2 devices, "
              "from which BatchNorm learns nothing; use --batch-size 5, or --norm none"),
    (1, 32, 1, "1 training image(s) cannot be divided into steps of two or more, as BatchNorm needs; add images, or use --norm none"),
])  # fmt: skip
def test_steps_that_batch_norm_cannot_use_are_one_line(images, size, devices, message):
    with pytest.raises(RecipeError) as error:
        check_batches(Recipe(batch_size=size), images, devices)
    assert str(error.value) == message


def test_defaults_are_a_recipe():
    check(Recipe(), [x for x in FIELDS if has_effect(Recipe(), x)])


@pytest.mark.parametrize("name", [x.name for x in FIELDS.values() if x.type is str])
def test_text_that_is_not_printable_never_gets_into_a_message(name):
    fields = {"arch": "tiny", name: "a\n\x1b[31m=,b"}
    try:
        value = parsed(FIELDS[name], fields[name])
        check(Recipe(**{**fields, name: value}), [name])
    except RecipeError as error:
        assert str(error).isprintable()


ACCEPTED = [
    *(("epochs", x, int(x)) for x in (5, "5", " 7 ", "+5", "1_000", "\u0663")),
    *(("zoom", x, float(x)) for x in (0, 0.25, "0.25", ".25", " 5e-1\n", "0_0.5", -0.0, "0.9")),
    ("learning_rate", "1e-3", 0.001), ("learning_rate", 10, 10.0),
    *(("hflip", x, True) for x in (True, 1, "true", "TRUE", "True ", "t", "T", "yes", "Yes", "y", "on", "1")),
    *(("hflip", x, False) for x in (False, 0, "false", "f", "no", "n", "N ", "off", "0", "", " ")),
    ("mean", 124, "124"), ("mean", 0.5, "0.5"), ("mean", True, "True"), ("mean", "", ""), ("mean", " a\nb ", " a\nb "),
    ("freeze", 3, "3"), ("weights", "x", "x"), ("device", 0, "0"), ("optimizer", "adamw", "adamw"),
    ("max_minutes", 1, 1.0), ("hidden", "8", 8), ("size", 8, 8), ("fraction", "1", 1.0),
    *((x.name, None, None) for x in FIELDS.values() if x.optional),
]  # fmt: skip
"""What click accepts as text, which is how values of TOML files once were read."""


@pytest.mark.parametrize("name, value, expected", ACCEPTED)
def test_a_value_becomes_the_type_of_its_field(name, value, expected):
    result = parsed(FIELDS[name], value)
    assert result == expected and type(result) is type(expected)


REFUSED = [
    *(("epochs", x, "is not a whole number")
      for x in (5.5, 5.0, True, "five", "5.0", "1e3", "0x10", "", "\u00bd", math.nan, math.inf, None)),
    *(("epochs", x, "is not in the range 1 to 100000") for x in (0, -1, "0", 100_001, 10**30)),
    *(("zoom", x, "is not a number") for x in (True, "x", "", "0x1", "nan", "inf", "-Infinity", 1e400, math.nan, None)),
    *(("zoom", x, "is not in the range 0 to 0.9") for x in (0.95, -1e-9, "-1", 1)),
    *(("clip_norm", x, "is not in the range 1e-06 or more") for x in (0, -1, "1e-7")),
    ("patience", -1, "is not in the range 0 or more"),
    *(("hflip", x, "is not true or false") for x in (2, -1, 0.0, 1.0, "maybe", "truth", "10", math.nan, None)),
    *(("optimizer", x, "is not one of sgd, adam, adamw, muon, rmsprop") for x in ("lion", "SGD", " sgd", "", 1, True)),
    ("optimizer", None, "is not text"), ("device", None, "is not text"),
]  # fmt: skip


@pytest.mark.parametrize("name, value, message", REFUSED)
def test_a_value_of_another_kind_or_range_is_refused(name, value, message):
    with pytest.raises(RecipeError) as error:
        parsed(FIELDS[name], value)
    assert str(error.value) == f"{FIELDS[name].flag}: {value!r} {message}"


def by_click(field, text):
    """What click makes of an option's text; None where it is refused."""
    kind = {
        bool: click.BOOL,
        str: click.STRING,
        int: click.IntRange,
        float: click.FloatRange,
    }[field.type]
    if field.choices:
        kind = click.Choice(field.choices)
    elif field.type in (int, float):
        kind = kind(field.low, field.high)
    try:
        value = kind.convert(text, None, None)
    except click.BadParameter:
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


words = st.sampled_from(
    [
        "true",
        "Off",
        " y",
        "nan",
        "1e400",
        "1_0",
        "0x1",
        "sgd",
        "SGD",
        "5.0",
        " 5 ",
        "",
        "\u0663",
    ]
)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda x: x.name)
@given(
    value=words
    | st.text(max_size=3)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.dates()
)
def test_a_value_is_read_as_click_reads_its_text(field, value):
    """So that a TOML key means what the option of that name means."""
    expected = by_click(field, str(value))
    if expected is None:
        with pytest.raises(RecipeError):
            parsed(field, value)
    else:
        result = parsed(field, value)
        assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize("size", ["224x160", "(224, 224, 3)", "224,160", "224 x 160"])
def test_sides_are_refused_with_the_reason(size):
    with pytest.raises(RecipeError) as caught:
        parsed(FIELDS["size"], size)
    assert str(caught.value) == (
        f"--size: {size!r} is not a whole number; the networks take squares: give one "
        f"side; --resize says how images fit it"
    )


@pytest.mark.parametrize(
    "name, value", [("size", "big"), ("size", "224px"), ("epochs", "3x4")]
)
def test_what_is_no_pair_of_sides_is_just_no_number(name, value):
    with pytest.raises(RecipeError) as caught:
        parsed(FIELDS[name], value)
    assert str(caught.value).endswith(f"{value!r} is not a whole number")
