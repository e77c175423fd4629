"""Workers decode each image once between them, and all get the split of one."""

import dataclasses

import numpy as np
import pytest
from helpers import draw_toy
from threads_as_workers import by_workers

from alexnet_cli import Recipe
from alexnet_cli.dataset.prepare import prepare
from alexnet_cli.dataset.recorded import prepare_recorded
from alexnet_cli.dataset.shards.plan import Plan, PrepareOptions
from alexnet_cli.dataset.shards.writing import write_shards
from alexnet_cli.dataset.shared_decoding import require_same_images
from alexnet_cli.dataset.sources.class_folders import find_images
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.errors import ClusterError, DatasetError
from alexnet_cli.recipe.preprocessing import preprocess_of

RECIPE = Recipe(arch="tiny", size=36, cache="ram")


class Counted:
    """A source that notes what is read."""

    def __init__(self, source):
        self.source, self.names = source, []

    def __getattr__(self, name):
        return getattr(self.source, name)

    def read(self, sample):
        self.names.append(sample.name)
        return self.source.read(sample)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = draw_toy(tmp_path_factory.mktemp("shared") / "toy", each=9)
    files = sorted(folder.rglob("*.png"))
    files[1].write_bytes(b"no image")
    files[4].write_bytes(files[3].read_bytes())  # a copy stays on its side of the split
    (files[0].parent / "empty.png").touch()
    return folder


@pytest.mark.parametrize("count", [2, 3])
def test_all_workers_get_the_split_of_one_and_each_image_is_read_once(toy, count):
    one = prepare(find_images(toy), RECIPE)
    sources = [Counted(find_images(toy)) for _ in range(count)]
    # Near-identical images are looked at again, by the chief.
    recipe = RECIPE.changed(group_near=False)
    plain = prepare(find_images(toy), recipe)
    found = by_workers(count, lambda w: prepare(sources[w.index], recipe, workers=w))
    for x in found:
        assert x.split == plain.split and x.bad == plain.bad and x.names == plain.names
        np.testing.assert_array_equal(x.training.rows, plain.training.rows)
        np.testing.assert_array_equal(x.validation.labels, plain.validation.labels)
    read = [name for x in sources for name in x.names]
    assert sorted(read) == sorted(x.name for x in sources[0].samples)
    owned = sum(x.training.cache.owned(np.arange(len(x.names))).astype(int) for x in found)
    assert (owned == 1).all()
    grouped = by_workers(count, lambda w: prepare(find_images(toy), RECIPE, workers=w))
    assert all(x.split == one.split and x.near == one.near for x in grouped)


@pytest.mark.parametrize("cache", ["ram", "none"])
def test_shards_are_divided_too(toy, tmp_path, cache):
    options = PrepareOptions(
        tmp_path / "shards", preprocess_of(RECIPE), "raw", images_per_shard=7
    )
    write_shards(Plan(open_source(toy), options))
    recipe = RECIPE.changed(cache=cache)
    one = prepare(open_source(tmp_path / "shards"), recipe)
    rows = np.arange(len(one.names))

    def shared(worker):
        return prepare(open_source(tmp_path / "shards"), recipe, workers=worker)

    found = by_workers(2, shared)
    for x in found:
        assert (x.split, x.bad, x.near) == (one.split, one.bad, one.near)
        np.testing.assert_array_equal(x.training.pixels(rows), one.training.pixels(rows))
    owned = sum(x.training.cache.owned(rows).astype(int) for x in found)
    assert (owned == 1).all()


def test_images_of_other_workers_are_decoded_when_they_are_needed(toy):
    one = prepare(find_images(toy), RECIPE)
    rows = np.array([3, 0, 1, 3, 12, 4, 5])
    for x in by_workers(2, lambda w: prepare(find_images(toy), RECIPE, workers=w)):
        np.testing.assert_array_equal(x.training.pixels(rows), one.training.pixels(rows))
        assert 0 < x.training.cache.owned(rows).sum() < len(rows)


def test_a_recorded_split_is_shared_too_and_changes_are_known_to_all(toy, tmp_path):
    one = prepare(find_images(toy), RECIPE)
    keys = ("file", "class", "split", "sha256", "group")
    rows = [dict(zip(keys, dataclasses.astuple(x), strict=True)) for x in one.split]
    rows[2]["sha256"] = "0" * 64
    from alexnet_cli.dataset.recorded import recorded_images

    def again(worker):
        source = recorded_images(toy, one.kept.classes, rows)
        return prepare_recorded(source, rows, RECIPE, lambda *_: None, worker)

    for training, validation, changes in by_workers(2, again):
        assert changes == [f"{rows[2]['file']} has other content"]
        assert len(training) == len(one.training) and len(validation) == len(one.validation)


def test_workers_that_see_other_folders_are_told(toy, tmp_path):
    other = draw_toy(tmp_path / "other", each=3)

    def look(worker):
        with pytest.raises(ClusterError, match="worker 1 finds other images"):
            require_same_images(find_images((toy, other)[worker.index]), worker)

    by_workers(2, look)


def test_an_archive_that_is_read_in_order_cannot_be_shared(toy):
    source = dataclasses.replace(find_images(toy))
    counted = Counted(source)
    counted.sequential = True
    with pytest.raises(DatasetError, match="unpack it to train with --cluster"):
        require_same_images(counted, None)
