"""Shards that workers write are those of one process, to the byte."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from helpers import tree
from ray_here import Here

from alexnet_cli.api.listener import Listener
from alexnet_cli.api.prepare import prepare, prepare_recipe
from alexnet_cli.errors import DatasetError
from alexnet_cli.recipe.recipe import Recipe

RECIPE = Recipe(arch="tiny", size=36)
FORM = "jpeg", 95, 7


def prepared(data, out):
    return prepare_recipe(data, out, RECIPE, FORM, Listener(), machines=nullcontext(Here()))


@pytest.fixture
def data(toy, tmp_path):
    folder = shutil.copytree(toy, tmp_path / "photos")
    (folder / "red" / "bad.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture
def expected(data, tmp_path):
    out = tmp_path / "expected"
    prepare(data, out, arch="tiny", size=36, images_per_shard=7)
    return tree(out)


def test_they_are_those_of_one_process(data, expected, tmp_path):
    out = tmp_path / "shards"
    written = prepared(data, out)
    assert (written.images, written.shards, written.new) == (36, 6, 6)
    assert tree(out) == expected
    assert prepared(data, out).new == 0 and tree(out) == expected


def test_they_go_on_with_what_is_there(data, expected, tmp_path):
    class Ending(Here):
        def map(self, make, items):
            for done, result in enumerate(super().map(make, items)):
                if done == 3:
                    raise KeyboardInterrupt
                yield result

    out = tmp_path / "shards"
    with pytest.raises(KeyboardInterrupt):
        prepare_recipe(data, out, RECIPE, FORM, Listener(), machines=nullcontext(Ending()))
    assert prepared(data, out).new == 2
    assert tree(out) == expected


def test_other_images_on_a_machine_are_noticed(data, tmp_path):
    class Changing(Here):
        def map(self, make, items):
            (data / "red" / "bad.jpg").unlink()
            yield from super().map(make, items)

    with pytest.raises(DatasetError, match="does not have the same images on all machines"):
        prepare_recipe(
            data, tmp_path / "s", RECIPE, FORM, Listener(), machines=nullcontext(Changing())
        )


def test_what_is_read_from_its_start_is_refused(data, tmp_path):
    archive = shutil.make_archive(tmp_path / "a", "gztar", data)
    with pytest.raises(DatasetError, match="can only be read from its start; unpack it"):
        prepared(Path(archive), tmp_path / "shards")
    zipped = shutil.make_archive(tmp_path / "a", "zip", data)
    assert prepared(Path(zipped), tmp_path / "zipped").images == 36
