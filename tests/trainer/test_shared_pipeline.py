"""The parts of workers are a batch divided: every image once, drawn as for one."""

import numpy as np
import pytest
from helpers import new_tiny_run, toy_examples
from threads_as_workers import by_workers
from two_workers import shared

from alexnet_cli.trainer.input_pipeline import InputPipeline
from alexnet_cli.trainer.shared_pipeline import SharedPipeline, has_none, own_part

EXAMPLES = toy_examples(23)


def batches(kind, run, examples, epoch=2, first=0):
    pipeline = kind(run.recipe, run.preprocess, 3)
    return list(pipeline.training(examples, epoch, first).as_numpy_iterator())


@pytest.mark.parametrize(
    "fields",
    [
        {"random_crop": True, "crop_area": 0.0},
        {"crop_area": 0.3},
        {"rotation": 30.0, "erasing": 0.5},
    ],
    ids=["copy", "boxes", "warp"],
)
@pytest.mark.parametrize("first", [0, 2])
def test_the_parts_of_all_workers_are_the_whole_batch(tmp_path, fields, first):
    run = new_tiny_run(tmp_path / "r", **fields)
    whole = batches(InputPipeline, run, EXAMPLES, first=first)
    parts = [
        batches(SharedPipeline, run, x, first=first)
        for x in by_workers(3, lambda w: shared(EXAMPLES, w))
    ]
    for batch, *of_workers in zip(whole, *parts, strict=True):
        places = np.concatenate([x[1] for x in of_workers])
        assert sorted(places) == list(range(len(batch[2])))
        for (inputs, targets, weights), rows, counts in of_workers:
            assert tuple(counts) == (len(batch[2]), len(rows))
            for mine, theirs in zip(
                (*inputs, targets, weights), (*batch[0], *batch[1:]), strict=True
            ):
                np.testing.assert_array_equal(mine, theirs[rows])


def test_a_part_without_images_has_one_that_does_not_count(tmp_path):
    run = new_tiny_run(tmp_path / "r", batch_size=2)
    empty = 0
    for x in by_workers(3, lambda w: shared(EXAMPLES, w)):
        for (inputs, _, weights), rows, (_, own) in batches(SharedPipeline, run, x):
            assert len(inputs[0]) == len(weights) == len(rows) == max(own, 1)
            assert weights.sum() == own
            empty += own == 0
    assert empty


def test_mixed_labels_are_of_images_of_the_same_part(tmp_path):
    """Blended with its neighbor in the part, whose pixels are here."""
    run = new_tiny_run(tmp_path / "r", mixup=1.0)
    for x in by_workers(2, lambda w: shared(EXAMPLES, w)):
        for (_, targets, _), _, (_, own) in batches(SharedPipeline, run, x):
            np.testing.assert_allclose(targets[:own].sum(axis=1), 1, rtol=1e-6)


def test_every_validation_image_is_in_one_part():
    few = toy_examples(4)
    found = by_workers(5, lambda w: shared(few, w))
    rows = [own_part(x).rows for x in found if not has_none(x)]
    assert sorted(np.concatenate(rows)) == list(range(4))
    (none,) = (x for x in found if has_none(x))
    assert len(own_part(none)) == 1
