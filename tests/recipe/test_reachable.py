"""Targets of --stop-at that no network can reach are said; those that one can are not."""

import itertools
import math

import keras
import numpy as np
import pytest

from alexnet_cli.dataset.augmentation.mixup import mix_targets, sample_mixing
from alexnet_cli.dataset.prepare import SplitRow, contradictions
from alexnet_cli.recipe.configs import build_recipe, config_names
from alexnet_cli.recipe.reachable import loss_floor, mixed_loss_floor, unreachable_targets
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.recipe.sections import Augmentation


@pytest.mark.parametrize("classes", [2, 5, 101])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_floor_is_the_least_loss_of_keras(smoothing, classes):
    """Over what one class's logit is above the others': by symmetry these are alike."""
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction=None
    )
    above = np.linspace(0, 20, 20_001, dtype=np.float32)
    logits = np.zeros((len(above), classes), np.float32)
    logits[:, 0] = above
    targets = np.zeros_like(logits)
    targets[:, 0] = 1
    least = np.array(loss(targets, logits)).min()
    assert loss_floor(smoothing, classes) == pytest.approx(least, abs=2e-5)


def test_the_floor_of_five_classes_is_well_known():
    assert loss_floor(0.1, 5) == pytest.approx(0.3897, abs=1e-4)
    assert loss_floor(0.0, 5) == 0 and loss_floor(0.1, 1) == 0


@pytest.mark.parametrize(
    "fields",
    [{"mixup": 0.2}, {"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_floor_of_mixed_images_is_the_entropy_of_their_targets(fields, smoothing):
    """As the trainer draws them."""
    count, classes, rng = 20_000, 5, np.random.default_rng(1)
    augmentation = Augmentation(**fields)
    drawn = sample_mixing(augmentation, count, rng)
    plain = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, count)]
    targets = mix_targets(plain, _Drawn(**drawn)) * (1 - smoothing) + smoothing / classes
    entropy = -np.sum(targets * np.log(np.maximum(targets, 1e-30)), axis=1).mean()
    assert mixed_loss_floor(augmentation, smoothing, classes) == pytest.approx(
        entropy, rel=0.04
    )


def test_what_cannot_be_reached_is_one_line():
    recipe = Recipe(stop_at="accuracy=1.0,loss=0.03")
    smoothed = "--stop-at loss=0.03 cannot be reached: with --label-smoothing 0.1 and 5 classes the loss is 0.3897 or more"
    assert unreachable_targets(recipe, 5) == [smoothed]
    assert unreachable_targets(recipe, 5, 100, 2) == [
        "--stop-at accuracy=1 cannot be reached: 2 of 100 training images equal others of another class, so it is 0.98 or less",
        smoothed,
    ]
    plain = recipe.changed(label_smoothing=0.0)
    assert unreachable_targets(plain, 5) == []
    assert unreachable_targets(plain, 5, 100, 2) == [
        "--stop-at accuracy=1 cannot be reached: 2 of 100 training images equal others of another class, so it is 0.98 or less",
    ]
    assert unreachable_targets(plain, 5, 100, 4)[1] == (
        "--stop-at loss=0.03 cannot be reached: 4 of 100 training images equal others of another class, so it is 0.05545 or more"
    )
    mixed = plain.changed(mixup=0.2, cutmix=1.0, stop_at="loss=0.03")
    (line,) = unreachable_targets(mixed, 5)
    assert line.startswith(
        "--stop-at loss=0.03 cannot be reached: with --mixup 0.2 and --cutmix 1 the loss is about 0.3"
    )
    assert line.isprintable()


@pytest.mark.parametrize("fields", [
    {"stop_at": None}, {"stop_at": "accuracy=0.98,macro_f1=0.99"}, {"stop_at": "loss=0.4"}, {"stop_at": "top3=1"},
    {"stop_at": "loss=0.35", "mixup": 0.2, "label_smoothing": 0.0}, {"stop_at": "mse=0,mae=0", "mixup": 0.2},
    {"stop_at": "loss=0.3", "mixup": 0.2, "cutmix": 1.0, "mix_after": 2, "label_smoothing": 0.0},
    {"stop_at": "loss=0.01", "label_smoothing": 0.0, "class_weights": "balanced"},
])  # fmt: skip
def test_what_can_be_reached_is_not_mentioned(fields):
    recipe = Recipe(**{"metrics": "accuracy,macro_f1,top3,mse,mae", **fields})
    assert unreachable_targets(recipe, 5, 100, 2) == []


def test_the_targets_of_all_configs_can_be_reached():
    for name in config_names():
        assert unreachable_targets(build_recipe(name), 5) == []


def test_a_target_that_every_guess_reaches_is_said():
    recipe = Recipe(metrics="accuracy,top5", stop_at="top5=0.9")
    assert unreachable_targets(recipe, 5) == [
        "--stop-at top5=0.9 is reached from the start: there are only 5 classes"
    ]
    assert unreachable_targets(recipe, 6) == []
    first = Recipe(metrics="top1", watch="val_top1", stop_at="top1=1")
    assert len(unreachable_targets(first, 5, 10, 1)) == 1


def best(metric, groups, classes):
    """The best mean of `metric` on `groups`: labels of images that are equal; by trying all."""
    total, images = 0.0, sum(map(len, groups))
    grid = np.linspace(0.001, 0.998, 60)
    for labels in groups:
        values = []
        for p, q in itertools.product(grid, grid):
            if p + q > 0.9995:
                continue
            row = np.array([p, q, *[(1 - p - q) / (classes - 2)] * (classes - 2)])
            targets = np.eye(classes)[labels]
            values.append({
                "loss": -np.log(row)[labels].sum(),
                "mse": ((targets - row) ** 2).mean(axis=1).sum(),
                "mae": abs(targets - row).mean(axis=1).sum(),
            }[metric])  # fmt: skip
        total += min(values)
    return total / images


@pytest.mark.parametrize("metric", ["loss", "mse", "mae"])
@pytest.mark.parametrize(
    "groups",
    [[[0, 1]], [[0, 0, 1]], [[0, 1], [0], [1]], [[0, 0, 1, 1], [2]], [[0, 1, 2], [0, 1]]],
)
def test_a_target_below_what_equal_images_cost_is_said(metric, groups):
    """And none above the best that there is."""
    images = sum(map(len, groups))
    wrong = sum(len(x) - max(map(x.count, x)) for x in groups)
    recipe = Recipe(metrics="mse,mae", watch="val_loss", label_smoothing=0.0)
    reachable = best(metric, groups, 3) + 0.003
    assert (
        unreachable_targets(
            recipe.changed(stop_at=f"{metric}={reachable}"), 3, images, wrong
        )
        == []
    )
    assert (
        len(
            unreachable_targets(recipe.changed(stop_at=f"{metric}=0.001"), 3, images, wrong)
        )
        == 1
    )


def test_the_macro_f1_of_equal_images():
    """Two images of 10 are equal, of two classes: one is wrong whatever is predicted."""
    scores = keras.metrics.F1Score("macro")
    labels = np.eye(2)[[0] * 5 + [1] * 5]
    answers = labels.copy()
    answers[0] = [0, 1]
    scores.update_state(labels, answers)
    recipe = Recipe(metrics="macro_f1", watch="val_loss", stop_at="macro_f1=1")
    (line,) = unreachable_targets(recipe, 2, 10, 1)
    bound = float(line.split("it is ")[1].split()[0])
    assert float(scores.result()) <= bound < 1 and math.isclose(bound, 0.95)


def test_images_that_are_wrong_at_best_are_counted():
    def rows(content, labels, part="train"):
        return [SplitRow("f", x, part, content, content) for x in labels]

    assert contradictions(rows("a", "xxx") + rows("b", "y")) == 0
    assert contradictions(rows("a", "xy")) == 1
    assert contradictions(rows("a", "xxyyz") + rows("b", "yx") + rows("c", "z")) == 4
    held_out = rows("a", "y", "val") + rows("a", "z", "test")
    assert contradictions(rows("a", "x") + held_out) == 0
    assert contradictions([]) == 0


class _Drawn:
    def __init__(self, own_share, pasted_box, erased_box):
        self.own_share, self.pasted_box, self.erased_box = own_share, pasted_box, erased_box
