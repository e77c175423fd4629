"""Every image is in one batch of an epoch, and batches depend on seed and epoch alone."""

import dataclasses
import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from helpers import toy_examples
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.augmentation.layer import geometry
from alexnet_cli.dataset.augmentation.mixup import mix_targets
from alexnet_cli.dataset.augmentation.parameters import WIDTH, AugmentationParameters
from alexnet_cli.dataset.augmentation.sampling import sample_parameters
from alexnet_cli.dataset.pixel_cache import DiskCache, Examples, MemoryCache
from alexnet_cli.dataset.reused_memory import ReusedMemory
from alexnet_cli.dataset.sources.source import Sample
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.trainer import input_pipeline
from alexnet_cli.trainer.input_pipeline import InputPipeline, steps

PLAIN = {"hflip": False, "crop_area": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}  # fmt: skip


def pipeline(classes=3, **fields):
    recipe = Recipe(**{"arch": "tiny", "size": 36, "batch_size": 8, **fields})
    return InputPipeline(recipe, preprocess_of(recipe), classes)


def numbered(count):
    """Images whose every pixel is their number."""
    cache = MemoryCache(count, 36)
    for i in range(count):
        cache.add(Sample("", 0, ""), np.full((36, 36, 3), i, np.uint8))
    return Examples(cache, np.arange(count), np.zeros(count, np.int64))


def batches(dataset):
    return [
        (x[0].numpy(), x[1].numpy(), y.numpy())
        for x, y, _ in dataset  # pixels, parameters; labels; weights
    ]


@given(count=st.integers(1, 2000), size=st.integers(1, 300))
def test_steps_are_the_fewest_that_hold_all(count, size):
    found = steps(count, size)
    assert (found - 1) * size < count <= found * size


@pytest.mark.parametrize("count,size", [(65, 64), (10, 3), (5, 8), (12, 4)])
def test_batches_are_even_and_whole(count, size):
    data = batches(pipeline(2, batch_size=size, **PLAIN).training(numbered(count), epoch=1))
    sizes = [len(labels) for _, _, labels in data]
    assert len(data) == steps(count, size)
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1
    seen = np.concatenate([pixels[:, 0, 0, 0] for pixels, _, _ in data])
    assert sorted(seen) == list(range(count))


def test_shapes_and_types_are_those_promised():
    for fields, side in (({"crop_area": 0.0}, 32), ({"crop_area": 0.5}, 36)):
        data = pipeline(**fields)
        for dataset in (data.training(toy_examples(), 1), data.validation(toy_examples())):
            for pixels, parameters, labels in batches(dataset):
                count = len(labels)
                assert pixels.dtype == np.uint8 and pixels.shape == (count, side, side, 3)
                assert parameters.dtype == np.float32 and parameters.shape == (count, WIDTH)
                assert labels.dtype == np.float32 and labels.shape == (count, 3)
            assert len(dataset) == 4


def test_images_keep_their_labels():
    """Each of three colors; the largest channel tells which."""
    for epoch in (1, 2):
        for pixels, _, labels in batches(
            pipeline(hflip=True, crop_area=0.0).training(toy_examples(), epoch)
        ):
            strongest = pixels.mean(axis=(1, 2)).argmax(axis=1)
            # blue, green, red are the classes 0, 1, 2 and the channels 2, 1, 0.
            np.testing.assert_array_equal(2 - strongest, labels.argmax(axis=1))


def same(one, two):
    return all(
        np.array_equal(a, b)
        for x, y in zip(one, two, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def test_an_epoch_can_be_repeated_and_is_unlike_the_next():
    examples = toy_examples()
    fields = {"crop_area": 0.4, "hue": 0.1, "rotation": 20.0, "mixup": 0.3, "seed": 5}
    first = batches(pipeline(**fields).training(examples, 1))
    # In another order, as a training that was resumed asks for them.
    again = pipeline(**fields)
    second = batches(again.training(examples, 2))
    assert same(first, batches(again.training(examples, 1)))
    assert not same(first, second)
    other = batches(pipeline(**{**fields, "seed": 6}).training(examples, 1))
    assert not same(first, other)


def test_one_dataset_gives_the_same_batches_each_time():
    dataset = pipeline().training(toy_examples(), 3)
    assert same(batches(dataset), batches(dataset))


def test_images_are_mixed_after_as_many_epochs_as_were_asked_for():
    examples, mixing = toy_examples(), {"mixup": 0.4, "cutmix": 1.0}
    later = pipeline(**mixing, mix_after=2, erasing=0.5)
    never, always = pipeline(erasing=0.5), pipeline(**mixing, erasing=0.5)
    for epoch, like in ((1, never), (2, never), (3, always), (4, always)):
        given = batches(later.training(examples, epoch))
        assert same(given, batches(like.training(examples, epoch))), epoch
        # A training that is resumed within the epoch.
        assert same(given[1:], batches(later.training(examples, epoch, 1))), epoch


def test_mixed_labels_still_sum_to_one():
    data = pipeline(mixup=0.4, cutmix=1.0, erasing=0.5)
    labels = np.concatenate([y for _, _, y in batches(data.training(toy_examples(), 1))])
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert ((labels > 0.01) & (labels < 0.99)).any()
    # Validation is never mixed.
    labels = np.concatenate([y for _, _, y in batches(data.validation(toy_examples()))])
    assert set(np.unique(labels)) == {0, 1}


@pytest.mark.parametrize("crop_area", [0.0, 0.5])
def test_validation_is_every_image_once_in_order(crop_area):
    examples = numbered(20)
    examples = dataclasses.replace(examples, rows=np.arange(3, 20))
    data = batches(pipeline(2, crop_area=crop_area).validation(examples))
    assert [len(x) for x, _, _ in data] == [8, 8, 1]
    pixels = np.concatenate([x for x, _, _ in data])
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], np.arange(3, 20))
    assert all(not parameters.any() for _, parameters, _ in data)


def test_validation_has_the_center_where_crops_are_copied():
    cache = MemoryCache(1, 36)
    image = np.random.default_rng(0).integers(0, 256, (36, 36, 3), np.uint8)
    cache.add(Sample("", 0, ""), image)
    examples = Examples(cache, np.arange(1), np.zeros(1, np.int64))
    ((pixels, _, _),) = batches(pipeline(**PLAIN).validation(examples))
    np.testing.assert_array_equal(pixels[0], image[2:34, 2:34])


def test_at_a_smaller_side_the_crops_are_of_that_side():
    """The same boxes of the stored image; fewer pixels between their corners."""
    whole = pipeline(crop_area=0.5, hflip=False)
    small = whole.at(24)
    assert small.preprocess.input_size == 24 and whole.preprocess.input_size == 32
    examples = toy_examples()
    large_maps = np.concatenate([p for _, p, _ in batches(whole.training(examples, 1))])
    small_maps = np.concatenate([p for _, p, _ in batches(small.training(examples, 1))])
    np.testing.assert_allclose(small_maps[:, 0], large_maps[:, 0] * 31 / 23, rtol=1e-5)


# One image after the other


def slowly(pipe, examples, epoch):
    """The batches of training, drawn and cut without anything of the pipeline."""
    recipe, preprocess = pipe.recipe, pipe.preprocess
    rng = np.random.default_rng((recipe.machine.seed, epoch))
    order = rng.permutation(examples.rows)
    for rows in np.array_split(order, steps(len(order), recipe.optimization.batch_size)):
        drawn = sample_parameters(recipe.augmentation, preprocess, len(rows), rng)
        images = np.stack(list(examples.cache.images(rows)))
        if geometry(recipe.augmentation, preprocess) == "copy":
            images = np.stack([cut(*x) for x in zip(images, drawn.affine, strict=True)])
        targets = np.eye(pipe.classes, dtype=np.float32)[examples.labels[rows]]
        if recipe.augmentation.mixes:
            targets = mix_targets(targets, AugmentationParameters.unpack(drawn.pack()))
        yield images, drawn.pack(), targets


def cut(image, affine, side=32):
    """Every pixel [side, side, 3] of `image` by its own coordinates."""
    a, b, x0, c, d, y0 = affine
    y, x = np.indices((side, side))
    return image[
        np.rint(c * x + d * y + y0).astype(int), np.rint(a * x + b * y + x0).astype(int)
    ]


GEOMETRIES = {
    "whole": {"crop_area": 0.0, "size": 32},
    "copy": {"crop_area": 0.0, "random_crop": True, "vflip": True},
    "boxes": {"mixup": 0.4},
    "warp": {"rotation": 20.0, "cutmix": 1.0, "erasing": 0.5},
}


def stored(cache, count=70):
    """Random images in `cache`, those of training in no order."""
    rng = np.random.default_rng(3)
    for _ in range(count):
        side = cache.array.shape[1] if isinstance(cache, MemoryCache) else cache.shape[0]
        cache.add(Sample("", 0, ""), rng.integers(0, 256, (side, side, 3), np.uint8))
    return Examples(cache, rng.permutation(count)[5:], rng.integers(0, 3, count))


@pytest.mark.parametrize("cores", [1, 4])
@pytest.mark.parametrize("kind", ["ram", "disk"])
@pytest.mark.parametrize("fields", GEOMETRIES.values(), ids=GEOMETRIES)
def test_batches_are_those_of_images_taken_one_by_one(monkeypatch, fields, kind, cores):
    """Whatever the number of threads that copy, and also those of another epoch."""
    monkeypatch.setattr(input_pipeline, "usable_cores", lambda: cores)
    pipe = pipeline(batch_size=33, seed=9, **fields)
    side = pipe.preprocess.stored_size
    examples = stored(MemoryCache(70, side) if kind == "ram" else DiskCache(side))
    for epoch in (1, 2):
        found = batches(pipe.training(examples, epoch))
        assert same(found, slowly(pipe, examples, epoch))
    # All are kept: none was written over by a later one.
    assert len({x[0].tobytes() for x in found}) == len(found) == 2


def test_memory_of_batches_is_used_again():
    """An epoch needs that of some batches, whatever its length."""
    pipe = pipeline(batch_size=2, **PLAIN)
    examples = numbered(60)
    taken = []

    class Counted(ReusedMemory):
        def empty(self, shape):
            found = super().empty(shape)
            taken.append(found.__array_interface__["data"][0])
            return found

    pipe = dataclasses.replace(pipe, memory=Counted())
    for _ in pipe.training(examples, 1):
        pass
    assert len(taken) == 30 and len({*taken}) <= 8


# Weights of images


@pytest.mark.parametrize("taken", [0, 1, 4])
def test_images_are_let_go_with_the_datasets_that_give_them(taken):
    """TensorFlow itself keeps what it calls for batches until the process ends."""
    examples, plain = numbered(32), pipeline(2, **PLAIN)
    images, pool = weakref.ref(examples.cache), weakref.ref(plain.pool)
    for dataset in (plain.training(examples, 1), plain.validation(examples)):
        for _ in zip(range(taken), dataset, strict=False):
            pass
    del examples, plain, dataset
    gc.collect()
    assert images() is None and pool() is None


def test_an_iterator_needs_nothing_but_itself():
    examples = numbered(32)
    spread = tf.distribute.get_strategy().experimental_distribute_dataset
    for wrap in (lambda x: x, lambda x: x.take(9), spread):
        batches_left = iter(wrap(pipeline(2, **PLAIN).training(examples, 1)))
        gc.collect()
        assert len(list(batches_left)) == 4


def weights_of(dataset):
    return np.concatenate([w.numpy() for _, _, w in dataset])


def test_images_weigh_the_same_unless_classes_have_weights():
    examples = toy_examples()
    plain = pipeline(**PLAIN)
    for data in (plain.training(examples, 1), plain.validation(examples)):
        weights = weights_of(data)
        assert weights.dtype == np.float32 and (weights == 1).all()
    by_class = np.array([0.5, 1.0, 2.0], np.float32)
    weighted = dataclasses.replace(plain, class_weights=by_class)
    for (_, _, labels), (_, _, found) in zip(
        batches(weighted.training(examples, 1)), weighted.training(examples, 1), strict=True
    ):
        np.testing.assert_array_equal(found, by_class[labels.argmax(axis=1)])
    # Validation counts every image the same.
    assert (weights_of(weighted.validation(examples)) == 1).all()


# The rest of an epoch


@pytest.mark.parametrize("first", range(5))
def test_an_epoch_can_begin_within(first):
    """The same batches to the last bit, whatever was drawn for those before."""
    fields = {"crop_area": 0.4, "hue": 0.1, "mixup": 0.3, "erasing": 0.5, "randaugment": 2}
    examples = toy_examples()
    whole = batches(pipeline(**fields).training(examples, 2))
    rest = pipeline(**fields).training(examples, 2, first)
    assert len(rest) == len(whole) - first
    assert same(batches(rest), whole[first:])


def test_the_images_of_a_step_are_known():
    """By their rows in the cache, of which the training images are only some."""
    examples = dataclasses.replace(numbered(30), rows=np.arange(4, 30))
    plain = pipeline(2, **PLAIN)
    for epoch in (1, 2):
        for step, (pixels, _, _) in enumerate(batches(plain.training(examples, epoch))):
            rows = plain.batch_rows(examples, epoch, step)
            np.testing.assert_array_equal(pixels[:, 0, 0, 0], rows)


def test_the_error_of_a_batch_is_noted(monkeypatch):
    """TensorFlow's own has a traceback as its text."""
    monkeypatch.setattr(input_pipeline, "usable_cores", lambda: 4)

    class Gone(MemoryCache):
        def images(self, rows):
            raise OSError(5, "Input/output error")

    examples = Examples(Gone(64, 36), np.arange(64), np.zeros(64, np.int64))
    plain = pipeline(2, batch_size=64, **PLAIN)
    small = plain.at(24)
    for each in (plain, small):
        with pytest.raises(tf.errors.OpError):
            batches(each.training(examples, 1))
    # Those of any side are in one list, whatever the number of threads that met them.
    assert [x.errno for x in plain.errors] == [5, 5]
