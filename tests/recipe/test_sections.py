"""Every hyper-parameter says what it is, and sections say what follows from them."""

import pytest

from alexnet_cli.errors import RecipeError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.layer_specs import Conv, Dense
from alexnet_cli.recipe.recipe import FIELDS
from alexnet_cli.recipe.sections import Augmentation, Network, Pretrained, Stopping


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda x: x.name)
def test_every_field_says_what_it_is(field):
    assert field.help.endswith((".", "]", ")")), field.name
    assert field.type in (bool, int, float, str)
    assert field.optional or isinstance(field.default, field.type)
    if field.choices:
        assert field.default in field.choices
    if field.low is not None and field.default is not None:
        assert field.low <= field.default
    if field.high is not None and field.default is not None:
        assert field.default <= field.high


def test_a_help_text_is_one_sentence_or_more_for_people():
    for field in FIELDS.values():
        text = field.help.removesuffix("]").partition(" [default")[0]
        assert text[0].isupper() or text.split()[0] in ("auto,", "balanced:"), field.name
        assert "  " not in text and "\n" not in text and '"' not in text, field.name


@pytest.mark.parametrize("text, targets", [
    (None, {}), ("", {}), (" , ", {}), ("loss=0.03", {"loss": 0.03}),
    ("accuracy=1.0, loss = 3e-2,", {"accuracy": 1.0, "loss": 0.03}),
    ("loss=0,accuracy=0", {"loss": 0.0, "accuracy": 0.0}), ("loss=1e9", {"loss": 1e9}),
])  # fmt: skip
def test_stop_targets(text, targets):
    assert Stopping(stop_at=text).stop_targets() == targets


@pytest.mark.parametrize(
    "item",
    [
        "accuracy",
        "accuracy=",
        "=1",
        "accuracy=high",
        "accuracy=1=1",
        "top5=1",
        "val_loss=1",
        "0.3",
        "accuracy=nan",
        "accuracy=inf",
        "accuracy=-inf",
        "accuracy=1e400",
    ],
)
def test_stop_targets_are_training_metrics_with_numbers(item):
    with pytest.raises(RecipeError) as error:
        Stopping(stop_at=f"loss=1,{item}").stop_targets()
    assert str(error.value) == (
        f"--stop-at: {item!r} is not METRIC=NUMBER with one of loss, accuracy"
    )


@pytest.mark.parametrize("item, bounds", [
    ("loss=-1", "0 or more"), ("loss=-1e-9", "0 or more"), ("accuracy=1.5", "0 to 1"), ("accuracy=-0.1", "0 to 1"),
    ("accuracy=99", "0 to 1"), ("mse=1.01", "0 to 1"), ("mae=-1", "0 to 1"), ("mae=2", "0 to 1"),
    ("macro_f1=1.1", "0 to 1"), ("top5=5", "0 to 1"),
])  # fmt: skip
def test_a_stop_target_is_a_value_that_the_metric_can_have(item, bounds):
    with pytest.raises(RecipeError) as error:
        Stopping(stop_at=item, metrics="accuracy,mse,mae,macro_f1,top5").stop_targets()
    assert str(error.value) == f"--stop-at: {item!r} is not in the range {bounds}"


@pytest.mark.parametrize(
    "text", ["loss=1,loss=2", "loss=1, loss = 1", "accuracy=1,loss=1,accuracy=0.9"]
)
def test_a_stop_target_is_given_once(text):
    with pytest.raises(
        RecipeError, match="^--stop-at: [a-z]+ is listed twice; leave one out$"
    ):
        Stopping(stop_at=text).stop_targets()


@pytest.mark.parametrize("text, names", [
    ("accuracy, top3,mse", ("accuracy", "top3", "mse")), ("", ()), (",,mae,", ("mae",)),
    ("macro_f1,top10", ("macro_f1", "top10")),
])  # fmt: skip
def test_metric_names(text, names):
    assert Stopping(metrics=text).metric_names() == names


@pytest.mark.parametrize(
    "name", ["precision", "top", "top-1", "topx", "top0", "top1.5", "top\u00b2", "Accuracy"]
)
def test_a_metric_that_does_not_exist_is_refused(name):
    with pytest.raises(RecipeError) as error:
        Stopping(metrics=f"accuracy,{name}").metric_names()
    assert str(error.value) == (
        f"--metrics: no metric {name!r}; choose from accuracy, macro_f1, topN, mse, mae"
    )


def test_what_warps_recolors_and_mixes():
    plain = Augmentation(brightness=0, contrast=0, saturation=0)
    assert not (plain.warps or plain.recolors or plain.mixes)
    for name in ("rotation", "shear", "zoom", "width_shift", "height_shift"):
        assert Augmentation(**{name: 0.1}).warps, name
    for name in ("brightness", "contrast", "saturation", "hue", "pca_lighting"):
        given = {"brightness": 0, "contrast": 0, "saturation": 0, name: 0.1}
        assert Augmentation(**given).recolors, name
    for name in ("mixup", "cutmix", "erasing"):
        assert Augmentation(**{name: 0.1}).mixes, name
    both = Augmentation(brightness=0, contrast=0, saturation=0, randaugment=1)
    assert both.warps and both.recolors


def test_the_rate_falls_when_layers_are_unfrozen():
    section = Pretrained(freeze="conv", unfreeze_after=2, unfrozen_rate=0.1)
    assert [section.rate_factor(x) for x in (0, 1.99, 2, 5)] == [1, 1, 0.1, 0.1]
    assert Pretrained(unfrozen_rate=0.1).rate_factor(9) == 1


def test_a_network_is_a_table_with_replacements():
    arch = Network("alexnet-bn", norm="none", dropout=0.3, hidden=64).architecture()
    kinds = [type(x).__name__ for x in arch.layers]
    assert "BatchNorm" not in kinds
    assert {x.rate for x in arch.layers if type(x).__name__ == "Dropout"} == {0.3}
    units = [x.units for x in arch.layers if type(x).__name__ == "Dense"]
    assert units == [64, 64, None]
    same = Network("alexnet-bn").architecture()
    assert same == ARCHITECTURES["alexnet-bn"]
    drawn = Network("alexnet-bvlc", initializer="he").architecture()
    assert drawn.initializer == "he_normal"
    assert {x.std for x in drawn.layers if isinstance(x, Conv | Dense)} == {None}
