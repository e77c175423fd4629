"""A batch in parts gives the update of the whole; where memory lacks, it is divided."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import python, toy_examples
from trainer.trainings import leave_out_exports, new_run, train_logged

from alexnet_cli.errors import AlexNetError
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.accumulation import AccumulatingModel
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel

PLAIN = {
    "norm": "none", "dropout": 0.0, "crop_area": 0.0, "hflip": False, "optimizer": "sgd",
    "batch_size": 10, "metrics": "accuracy,macro_f1", "clip_norm": 1.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_exports(monkeypatch):
    leave_out_exports(monkeypatch)


def batches(run):
    """Three batches of ten; images weigh differently."""
    weights = np.array([0.5, 1.0, 3.0], np.float32)
    pipeline = InputPipeline(run.recipe, run.preprocess, 3, class_weights=weights)
    return pipeline.training(toy_examples(30), 1)


def steps(run, parts):
    """Weights and results after three steps in `parts`."""
    model = TrainingModel(run, tf.distribute.get_strategy())
    model.compute_in(parts)
    compiled = model.at(32)
    assert isinstance(compiled, AccumulatingModel) and compiled.parts == parts
    compiled.make_train_function()
    data = iter(batches(run))
    for _ in range(3):
        logs = compiled.train_function(data)
    return [np.array(x) for x in model.network.weights], {
        k: float(v) for k, v in logs.items()
    }


@pytest.mark.parametrize("parts", [2, 3, 4, 10])
def test_parts_make_no_difference(tmp_path, parts):
    # In three parts of ten images the last one is smaller.
    run = new_run(tmp_path / "r", **PLAIN)
    (weights, logs), (expected, whole) = steps(run, parts), steps(run, 1)
    for one, two in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
    assert logs == pytest.approx(whole, rel=1e-4)
    assert logs.keys() == {"loss", "accuracy", "macro_f1"}


class OutOfMemory:
    """Replaces `train_function`: it fails while batches are in fewer parts than `enough`."""

    def __init__(self, monkeypatch, enough):
        self.enough, self.parts = enough, []
        make = AccumulatingModel.make_train_function
        outer = self

        def make_train_function(model, force=False):
            if model.train_function is not None:
                return  # it is made once for all epochs
            make(model, force)
            step = model.train_function

            def train_function(batches):
                outer.parts.append(model.parts)
                if model.parts < outer.enough:
                    raise tf.errors.ResourceExhaustedError(
                        None, None, "OOM when allocating"
                    )
                return step(batches)

            model.train_function = train_function

        monkeypatch.setattr(AccumulatingModel, "make_train_function", make_train_function)


def test_lack_of_memory_divides_batches(tmp_path, monkeypatch):
    memory = OutOfMemory(monkeypatch, enough=2)
    trained, lines = train_logged(tmp_path / "r", epochs=2)
    assert memory.parts == [1] + 6 * [2]
    assert lines == [
        "not enough memory for a batch of 8: computed in 2 parts, whose gradients are added up"
    ]
    assert (trained.run.status, trained.reason) == ("finished", "")
    assert len(Run.open(tmp_path / "r").history()) == 2


def test_batches_are_divided_until_they_fit(tmp_path, monkeypatch):
    memory = OutOfMemory(monkeypatch, enough=8)
    trained, lines = train_logged(tmp_path / "r", norm="none", epochs=1)
    assert memory.parts == [1, 2, 4, 8, 8, 8] and len(lines) == 3
    assert trained.run.status == "finished"


@pytest.mark.parametrize("norm,parts", [("table", 4), ("none", 8)])
def test_a_batch_that_cannot_be_divided_any_more_is_an_error(
    tmp_path, monkeypatch, norm, parts
):
    """BatchNorm needs two images."""
    OutOfMemory(monkeypatch, enough=99)
    with pytest.raises(AlexNetError) as caught:
        train_logged(tmp_path / "r", norm=norm)
    assert str(caught.value) == (
        f"--batch-size 8 needs more memory than there is, also in {parts} parts; "
        f"use a smaller one"
    )
    assert Run.read(tmp_path / "r").status == "failed"


def test_lack_of_memory_within_an_epoch_goes_on_from_the_last_checkpoint(
    tmp_path, monkeypatch
):
    memory = OutOfMemory(monkeypatch, enough=1)
    seen = []

    def note(batch, logs):
        seen.append(batch)
        # From now on something else needs memory too.
        memory.enough = 2

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    trained, _ = train_logged(tmp_path / "r", [watch], epochs=1, checkpoint_minutes=0)
    assert memory.parts == [1, 1, 2, 2] and seen == [0, 1, 2]
    assert trained.run.status == "finished"


UNEVEN = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.training_model import TrainingModel
from helpers import python, toy_examples
from trainer.trainings import new_run
def losses(name, strategy, parts=1):
    run = new_run(
        Path(sys.argv[1], name), norm="none", dropout=0.0, crop_area=0.0, hflip=False,
        optimizer="sgd", learning_rate=0.01, batch_size=4,
    )
    model = TrainingModel(run, strategy)
    model.compute_in(parts)
    pipeline, found = InputPipeline(run.recipe, run.preprocess, 3), []
    compiled = model.at(32)
    compiled.evaluate(pipeline.validation(toy_examples(4)), verbose=0)  # makes the metrics
    compiled.make_train_function()
    for epoch in (1, 2, 3):
        data = pipeline.training(toy_examples(15), epoch)
        batches = iter(strategy.experimental_distribute_dataset(data))
        for _ in range(4):
            compiled.reset_metrics()
            compiled.train_function(batches)
            found.append(float(compiled.get_metrics_result()["loss"]))
    return found
devices = ["CPU:0", "CPU:1"]
print(*losses("one", tf.distribute.get_strategy()))
print(*losses("two", tf.distribute.MirroredStrategy(devices)))
print(*losses("parts", tf.distribute.MirroredStrategy(devices), 2))
"""


@pytest.mark.slow
def test_devices_with_unequal_numbers_of_images_give_the_losses_of_one(tmp_path):
    done = python(UNEVEN, tmp_path, Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-2000:]
    one, two, parts = (np.array(x.split(), float) for x in done.stdout.splitlines()[-3:])
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)
    np.testing.assert_allclose(parts, one, rtol=0, atol=1e-5)
