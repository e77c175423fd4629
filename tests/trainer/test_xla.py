"""XLA compiles the training step, and gives the losses of the step without it."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import fails, new_tiny_run, toy_examples
from trainer.trainings import new_run

from alexnet_cli.backend.dtype_policy import dtype_policy
from alexnet_cli.dataset.augmentation.layer import AugmentAndStandardize
from alexnet_cli.model.architecture import Architecture
from alexnet_cli.model.layer_specs import Conv, Dense, Flatten, LocalNorm, Pool, ReLU
from alexnet_cli.model.model import build_model
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel

COPY = {"crop_area": 0.0, "random_crop": True}
BOXES = {"crop_area": 0.3}
WARP = {"crop_area": 0.0, "rotation": 20.0, "zoom": 0.2, "shear": 5.0}
EXACT, ADAM, ROUNDED = 1e-4, 1e-3, 0.03
"""Relative tolerance of losses: float32, with Adam, which magnifies the smallest gradients, and 16 bits."""
CASES = {
    "copy": ({**COPY, "optimizer": "sgd", "norm": "local", "nesterov": True, "clip_norm": 1.0}, EXACT),
    "boxes": ({**BOXES, "optimizer": "adamw", "metrics": "accuracy,macro_f1,top2,mse", "start_size": 24}, ADAM),
    "warp": ({**WARP, "optimizer": "sgd", "norm": "all", "mixup": 0.2, "cutmix": 1.0, "erasing": 0.5, "randaugment": 2}, EXACT),
    "bfloat16": ({**WARP, "optimizer": "adamw", "norm": "local", "precision": "mixed_bfloat16"}, ROUNDED),
    "float16 in parts": ({**BOXES, "optimizer": "sgd", "norm": "none", "precision": "mixed_float16"}, ROUNDED),
}  # fmt: skip


def results(folder, parts=1, side=32, **fields):
    """Losses of four steps, and the results of a validation."""
    run = new_tiny_run(folder, **{"dropout": 0.0, "batch_size": 10, **fields})
    with dtype_policy(run.recipe.machine.precision):
        model = TrainingModel(run, tf.distribute.get_strategy())
        model.compute_in(parts)
        compiled = model.at(side)
        compiled.make_train_function()
        pipeline = InputPipeline(run.recipe, run.preprocess, 3).at(side)
        examples = toy_examples(40)
        batches = iter(pipeline.training(examples, 1))
        losses = [float(compiled.train_function(batches)["loss"]) for _ in range(4)]
        found = compiled.evaluate(
            pipeline.validation(examples), return_dict=True, verbose=0
        )
    return losses, found


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_without_xla(tmp_path, case):
    fields, tolerance = CASES[case]
    how = {
        "parts": 3 if "parts" in case else 1,
        "side": 24 if "start_size" in fields else 32,
    }
    plain, expected = results(tmp_path / "plain", **how, **fields)
    losses, found = results(tmp_path / "xla", **how, **fields, xla=True)
    np.testing.assert_allclose(losses, plain, rtol=tolerance)
    assert len(set(losses)) == 4
    # BatchNorm's moving statistics are those of few steps, and magnify roundings.
    assert found == pytest.approx(expected, rel=10 * tolerance)


def test_the_step_is_compiled_where_that_is_asked_for(tmp_path):
    for xla in (True, False):
        run = new_run(tmp_path / f"{xla}", **WARP, xla=xla)
        model = TrainingModel(run, tf.distribute.get_strategy())
        whole = model.at(32)
        assert whole.jit_compile == whole.xla == xla
        layer = next(x for x in whole.layers if isinstance(x, AugmentAndStandardize))
        assert hasattr(layer.warp, "__wrapped__") != xla
        model.compute_in(2)
        assert not model.at(32).jit_compile and model.at(32).xla == xla


@pytest.mark.slow
def test_groups_and_their_gradients():
    layers = (
        Conv(8, 3, padding="same"), ReLU(), LocalNorm(5, 2.0, 1e-4, 0.75), Pool(3, 2),
        Conv(8, 3, padding=1, groups=2), ReLU(), Flatten(), Dense(None),
    )  # fmt: skip
    network = build_model(Architecture("grouped", "", 16, 3, layers), 3)
    images = tf.constant(np.random.default_rng(0).normal(size=(4, 16, 16, 3)), tf.float32)

    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(network(x, training=True)))
        return loss, *tape.gradient(loss, network.trainable_variables)

    plain = gradients(images)
    compiled = tf.function(gradients, jit_compile=True)(images)
    for one, two in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("other", [("--device", "gpu:0,1"), ("--deterministic",)])
def test_it_is_refused_where_it_cannot_be(toy, tmp_path, other):
    words = ("train", "--data", toy, "--out", tmp_path / "o", "--xla", *other)
    fails(2, "--xla works on one --device, and without --deterministic", *words)
    assert not (tmp_path / "o").exists()
