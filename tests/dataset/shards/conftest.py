"""Shards that tests of stores read."""

import pytest

from alexnet_cli.dataset.shards.plan import Plan, PrepareOptions
from alexnet_cli.dataset.shards.writing import write_shards
from alexnet_cli.dataset.sources.open import open_source
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import Recipe


@pytest.fixture(scope="module")
def recipe():
    """What the shards were written with, and are read with."""
    return Recipe(arch="tiny", size=36, resize="crop", cache="none")


@pytest.fixture(scope="module")
def shards(toy, recipe, tmp_path_factory):
    """The folder of the toy images as three shards of raw pixels."""
    out = tmp_path_factory.mktemp("shards") / "shards"
    options = PrepareOptions(out, preprocess_of(recipe), "raw", images_per_shard=13)
    write_shards(Plan(open_source(toy), options))
    return out
