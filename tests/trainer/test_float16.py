"""Training in float16: the loss is scaled, a step that overflows is skipped."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import alexnet, new_tiny_run, toy_examples, train

from alexnet_cli.backend.dtype_policy import dtype_policy
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel

PLAIN = {
    "norm": "none", "dropout": 0.0, "crop_area": 0.0, "hflip": False, "batch_size": 10,
    "optimizer": "sgd", "learning_rate": 0.05,
}  # fmt: skip


class Steps:
    """A model whose steps can be taken one by one."""

    def __init__(self, folder, parts=1, **fields):
        run = new_tiny_run(folder, **{**PLAIN, **fields})
        with dtype_policy(run.recipe.machine.precision):
            self.model = TrainingModel(run, tf.distribute.get_strategy())
            self.model.compute_in(parts)
            self.compiled = self.model.at(32)
            self.compiled.make_train_function()
        pipeline = InputPipeline(run.recipe, run.preprocess, 3)
        self.data = pipeline.training(toy_examples(30), 1).repeat()
        self.batches = iter(self.data)
        self.optimizer = self.model.optimizer

    def step(self):
        self.compiled.train_function(self.batches)
        return [np.array(x) for x in self.model.network.trainable_variables]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    "optimizer", ["sgd", pytest.param("adamw", marks=pytest.mark.slow)]
)
def test_a_step_that_overflows_is_skipped_and_training_goes_on(tmp_path, parts, optimizer):
    steps = Steps(tmp_path / "r", parts, precision="mixed_float16", optimizer=optimizer)
    before = [np.array(x) for x in steps.model.network.trainable_variables]
    slots = [np.array(x) for x in steps.optimizer.inner_optimizer.variables]
    # float16 ends at 65,504: the gradients of such a loss are infinite.
    steps.optimizer.dynamic_scale.assign(2.0**60)
    for one, two in zip(steps.step(), before, strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(steps.optimizer.inner_optimizer.variables, slots, strict=True):
        np.testing.assert_array_equal(one, two)
    assert float(steps.optimizer.dynamic_scale) == 2.0**59
    assert int(steps.optimizer.iterations) == 0
    taken = 1
    while int(steps.optimizer.iterations) == 0 and taken < 60:
        after, taken = steps.step(), taken + 1
    assert float(steps.optimizer.dynamic_scale) == 2.0 ** (61 - taken)
    assert any(not np.array_equal(x, y) for x, y in zip(after, before, strict=True))
    assert all(np.isfinite(x).all() for x in after)


@pytest.mark.parametrize("parts", [1, 3])
def test_clipping_and_parts_see_gradients_without_the_scale(tmp_path, parts):
    """The update is float32's; a scale that is clipped too would leave next to nothing."""
    fields = {"clip_norm": 0.5, "momentum": 0.0}
    found = {}
    for precision in ("float32", "mixed_float16"):
        steps = Steps(tmp_path / precision, parts, precision=precision, **fields)
        before = [np.array(x) for x in steps.model.network.trainable_variables]
        after = steps.step()
        found[precision] = np.concatenate(
            [(x - y).ravel() for x, y in zip(after, before, strict=True)]
        )
    difference = np.linalg.norm(found["mixed_float16"] - found["float32"])
    assert difference < 0.02 * np.linalg.norm(found["float32"])
    # By the rate, the norm at which gradients are clipped, and the decay of kernels.
    assert np.linalg.norm(found["float32"]) == pytest.approx(0.05 * 0.5, rel=0.05)


def test_the_scale_grows_after_many_steps_and_the_rate_is_the_optimizers(tmp_path):
    steps = Steps(tmp_path / "r", precision="mixed_float16")
    steps.optimizer.learning_rate = 0.125
    assert float(steps.optimizer.inner_optimizer.learning_rate) == 0.125
    steps.optimizer.step_counter.assign(1999)
    before = float(steps.optimizer.dynamic_scale)
    steps.step()
    assert float(steps.optimizer.dynamic_scale) == 2 * before


@pytest.mark.slow
def test_what_was_trained_in_float16_is_used_in_float32(toy, tmp_path):
    out = tmp_path / "o"
    train(toy, out, "--precision", "mixed_float16")
    run = Run.open(out)
    assert run.recipe.machine.precision == "mixed_float16"
    assert run.metrics["val_accuracy"] > 0.9
    exported = alexnet(
        "export", "--model", out, "--out", tmp_path / "e", "--format", "litert"
    )
    evaluated = alexnet("evaluate", "--model", out, "--data", toy)
    image = next((toy / "red").iterdir())
    predicted = alexnet("predict", "--model", out, image)
    for done in (exported, evaluated, predicted):
        assert done.exit_code == 0, done.output
    assert "red" in predicted.stdout
    resumed = alexnet("train", "--resume", out, "--epochs", "7")
    assert resumed.exit_code == 0, resumed.output
    assert len(Run.open(out).history()) == 7
