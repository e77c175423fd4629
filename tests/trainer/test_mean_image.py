"""The mean image is that of all training images, whoever has decoded them."""

import numpy as np
import pytest
from helpers import new_tiny_run, toy_examples
from threads_as_workers import by_workers
from trainer.trainings import NoFigures
from two_workers import shared

from alexnet_cli.dataset.pixel_cache import Examples
from alexnet_cli.run.checkpoints import Resume
from alexnet_cli.trainer.context import TrainContext
from alexnet_cli.trainer.mean_image import write_mean_image

EXAMPLES = toy_examples(11)
SOME = Examples(EXAMPLES.cache, np.array([0, 5, 7, 10]), EXAMPLES.labels)


def context(workers=None, resume=None):
    return TrainContext(lambda now: None, NoFigures(), workers=workers, resume=resume)


def written(folder, examples, context):
    run = new_tiny_run(folder, mean="pixel")
    write_mean_image(run, examples, context)
    return np.load(run.mean_image)


def test_it_is_that_of_the_training_images(tmp_path):
    mean = written(tmp_path / "r", SOME, context())
    assert mean.dtype == np.float32
    expected = EXAMPLES.cache.array[SOME.rows].mean(axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


@pytest.mark.parametrize("count", [2, 3])
def test_workers_add_up_theirs_and_get_the_same(tmp_path, count):
    def by_worker(worker):
        part = Examples(shared(EXAMPLES, worker).cache, SOME.rows, SOME.labels)
        return written(tmp_path / str(worker.index), part, context(worker))

    expected = written(tmp_path / "one", SOME, context())
    for mean in by_workers(count, by_worker):
        np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_where_training_goes_on_all_have_the_chiefs(tmp_path):
    run = new_tiny_run(tmp_path / "0", mean="pixel")
    np.save(run.mean_image, np.full((2, 2, 3), 7, np.float32))

    def by_worker(worker):
        resume = Resume(None) if worker.is_chief else None
        return written(tmp_path / str(worker.index), SOME, context(worker, resume))

    for mean in by_workers(2, by_worker):
        np.testing.assert_array_equal(mean, np.full((2, 2, 3), 7))
